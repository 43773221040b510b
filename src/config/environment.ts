import { nearest } from "./nearest.ts";
import type { Place } from "./place.ts";
import { isObject } from "./reader.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

interface Variable {
  /** The member that it replaces, section first; undefined for a variable that is none. */
  readonly member?: readonly string[];
  /** Its text as the value of that member; what isn't understood stays text, which the member's reader refuses. */
  readonly value?: (text: string) => unknown;
}

const integerText = (text: string): unknown => (/^(?:0|[1-9][0-9]{0,9})$/.test(text) ? Number(text) : text);

const PREFIX = "MINTMARK_";

/** Every variable there is. */
export const VARIABLES: Readonly<Record<string, Variable>> = {
  MINTMARK_CONFIG: {},
  MINTMARK_ISSUER: { member: ["issuer"] },
  MINTMARK_HOST: { member: ["listen", "host"] },
  MINTMARK_PORT: { member: ["listen", "port"], value: integerText },
  MINTMARK_OPS_PORT: { member: ["ops", "port"], value: (text) => (text === "false" ? false : integerText(text)) },
  MINTMARK_WORKERS: { member: ["workers"], value: integerText },
  MINTMARK_STORE: { member: ["store"] },
  MINTMARK_SENTINEL_PASSWORD: { member: ["redis", "sentinelPassword"] },
  MINTMARK_KEYS: { member: ["keys", "store"] },
  MINTMARK_KEY_ENCRYPTION_KEY: {},
  MINTMARK_OLD_KEY_ENCRYPTION_KEY: {},
  MINTMARK_PKCS11_PIN: {},
  MINTMARK_VAULT_TOKEN: {},
};

/** Set by test suites for themselves. */
const FOREIGN = /^MINTMARK_(?:TEST_|REDIS_SERVER)/;

/** Which member each variable that is set replaces, by the member's path. */
export function replacedMembers(environment: Environment): ReadonlyMap<string, string> {
  const replaced = new Map<string, string>();
  for (const [name, { member }] of Object.entries(VARIABLES)) {
    if (member !== undefined && environment[name]) replaced.set(member.join("."), name);
  }
  return replaced;
}

/** The document with the members that the environment gives. A member that is replaced is not looked at in the file. */
export function withEnvironment(document: unknown, environment: Environment): unknown {
  if (!isObject(document)) return document;
  let result = document;
  for (const [name, { member, value }] of Object.entries(VARIABLES)) {
    const text = environment[name];
    if (text && member !== undefined) result = replaced(result, member, value === undefined ? text : value(text));
  }
  return result;
}

function replaced(document: Readonly<Record<string, unknown>>, path: readonly string[], value: unknown): Readonly<Record<string, unknown>> {
  const [first = "", ...rest] = path;
  if (rest.length === 0) return { ...document, [first]: value };
  // A section that the file switches off is on again where a variable sets something in it.
  const section = document[first] === false ? {} : (document[first] ?? {});
  return isObject(section) ? { ...document, [first]: replaced(section, rest, value) } : document;
}

/** Without the prefix, which would make every name look near. */
function hintOf(name: string): string {
  const meant = nearest(
    name.slice(PREFIX.length),
    Object.keys(VARIABLES).map((known) => known.slice(PREFIX.length)),
  );
  return meant === undefined ? "" : `; did you mean ${PREFIX}${meant}?`;
}

/** Notes empty and unknown variables of ours. */
export function checkEnvironment(environment: Environment, root: Place): void {
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith(PREFIX) || FOREIGN.test(name) || text === undefined) continue;
    const place = root.member(name);
    if (!Object.hasOwn(VARIABLES, name)) place.fault(`unknown environment variable${hintOf(name)}`);
    else if (text === "") place.fault("is set but empty: give it a value or unset it");
  }
}
