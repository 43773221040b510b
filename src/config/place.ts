/** One thing that is wrong with a configuration. */
export interface ConfigFault {
  /** Where: `clients[1].allowedOrigins[0]`, or the environment variable. */
  readonly path: string;
  /** What was expected. Never a value from the configuration. */
  readonly message: string;
}

/** A place in the document, at which faults are noted. */
export interface Place {
  readonly path: string;
  member(name: string): Place;
  item(index: number): Place;
  /** Notes a fault here; returns undefined, which readers return for "can't be read". */
  fault(message: string): undefined;
}

/**
 * @param faults where faults are collected
 * @param variables environment variables by the path of the member that they replace: they are then what is named
 */
export function placeOf(faults: ConfigFault[], variables: ReadonlyMap<string, string> = new Map(), path = ""): Place {
  return {
    path,
    member: (name) => placeOf(faults, variables, memberPath(path, name)),
    item: (index) => placeOf(faults, variables, `${path}[${index}]`),
    fault(message) {
      faults.push({ path: path === "" ? "(document)" : (variables.get(path) ?? path), message });
      return undefined;
    },
  };
}

function memberPath(path: string, name: string): string {
  if (!/^[A-Za-z$_][\w$-]{0,63}$/.test(name)) return `${path}[${JSON.stringify(name.slice(0, 64))}]`;
  return path === "" ? name : `${path}.${name}`;
}
