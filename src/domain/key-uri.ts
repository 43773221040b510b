/**
 * URIs that name a key or where keys are, in the form of RFC 7512 §2.3: a scheme, attributes separated by `;`, then after
 * a `?` further ones separated by `&`, which say how to get there. Values are percent-encoded.
 */

export interface KeyUri {
  readonly scheme: string;
  /** Before the `?`: what is named. */
  readonly path: ReadonlyMap<string, string>;
  /** After it: how to get there. */
  readonly query: ReadonlyMap<string, string>;
}

/** Undefined for a text that is none: no scheme, an attribute without a value or twice, or a bad percent-encoding. */
export function parseKeyUri(text: string): KeyUri | undefined {
  const parts = /^([a-z][a-z0-9]*):([^?#\s]*)(?:\?([^#\s]*))?$/.exec(text);
  if (parts === null) return undefined;
  const [, scheme = "", path = "", query = ""] = parts;
  const [inPath, inQuery] = [attributes(path, ";"), attributes(query, "&")];
  return inPath === undefined || inQuery === undefined ? undefined : { scheme, path: inPath, query: inQuery };
}

function attributes(text: string, separator: string): ReadonlyMap<string, string> | undefined {
  const found = new Map<string, string>();
  if (text === "") return found;
  for (const attribute of text.split(separator)) {
    const [, name = "", encoded = ""] = /^([a-z][a-z0-9-]*)=(.+)$/.exec(attribute) ?? [];
    const value = decoded(encoded);
    if (name === "" || value === undefined || found.has(name)) return undefined;
    found.set(name, value);
  }
  return found;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** `spellKeyUri("vault", { name: "mintmark-1", version: "1" })` gives `vault:name=mintmark-1;version=1`. */
export function spellKeyUri(scheme: string, path: Readonly<Record<string, string>>): string {
  const spelled = Object.entries(path).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `${scheme}:${spelled.join(";")}`;
}

export function schemeOf(uri: string): string {
  return uri.slice(0, Math.max(0, uri.indexOf(":")));
}
