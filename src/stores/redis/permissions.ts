/** Which of the commands that the store needs this user may not send. */

import type { Commands } from "./commands.ts";

export interface Needs {
  /** `WAIT`. */
  readonly waits: boolean;
  /** `CLUSTER` and `ASKING`. */
  readonly isCluster: boolean;
}

/** In the past: what is set with it is gone at once. */
const LONG_AGO = "1";

/** Each as short as it can be and without effect, since Redis looks at permissions before all else. */
function trials(key: string, log: string, { waits, isCluster }: Needs): readonly (readonly [command: string, args: readonly string[]])[] {
  return [
    ["get", [key]],
    ["set", [key, "-", "NX", "PXAT", LONG_AGO]],
    ["del", [key]],
    ["exists", [key]],
    ["eval", ["return 1", "1", key]],
    ["evalsha", ["0".repeat(40), "1", key]],
    ["xadd", [log, "NOMKSTREAM", "*", "x", "-"]],
    ["xrange", [log, "-", "+", "COUNT", "1"]],
    ["scan", ["0", "COUNT", "1"]],
    ["time", []],
    ["ping", []],
    ...(waits ? ([["wait", ["0", "1"]]] as const) : []),
    ...(isCluster
      ? ([
          ["asking", []],
          ["cluster|info", ["info"]],
          ["cluster|slots", ["slots"]],
        ] as const)
      : []),
  ];
}

export interface Denied {
  /** As ACL rules name them. */
  readonly commands: readonly string[];
  /** The keys are not this user's. */
  readonly isKeyDenied: boolean;
}

/** Tries every command once. Rejects with `StoreError` where the server does not answer. */
export async function deniedCommands(commands: Commands, keyPrefix: string, needs: Needs): Promise<Denied> {
  const tried = trials(`${keyPrefix}doctor`, `${keyPrefix}log:doctor`, needs);
  const answers = await Promise.all(
    tried.map(async ([name, args]) => ({ name, denial: await commands.mayI(name.split("|", 1)[0] ?? name, [...args]) })),
  );
  return {
    commands: answers.filter(({ denial }) => denial === "command").map(({ name }) => name),
    isKeyDenied: answers.some(({ denial }) => denial === "key"),
  };
}
