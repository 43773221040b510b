/** The kinds of value that the document's members have. */

import { fromBase64url } from "../domain/bytes.ts";
import { DURATION_PATTERN, parseDuration } from "../domain/duration.ts";
import { isAbsoluteUri, isFetchable, isHost, isNetwork, isOrigin } from "./addresses.ts";
import { isObject, whole } from "./reader.ts";
import type { Reader } from "./reader.ts";
import { KEYS_TARGET_EXPECTED, KEYS_TARGET_PATTERN, keysTargetFault, parseKeysTarget } from "./keysTarget.ts";
import type { KeysTarget } from "./keysTarget.ts";
import { parseStoreTarget } from "./storeUrl.ts";
import type { StoreTarget } from "./storeUrl.ts";

/** A string for which `accepts` holds. */
function text(expected: string, pattern: string | undefined, accepts: (text: string) => boolean): Reader<string, string> {
  return parsedText(expected, pattern, (value) => (accepts(value) ? value : undefined));
}

function parsedText<Out>(
  expected: string,
  pattern: string | undefined,
  parse: (text: string) => Out | undefined,
  explain: (text: string) => string | undefined = () => undefined,
): Reader<string, Out> {
  const schema = { type: "string", ...(pattern !== undefined && { pattern }) };
  const ofText =
    <Result>(read: (text: string) => Result | undefined) =>
    (value: unknown): Result | undefined =>
      typeof value === "string" ? read(value) : undefined;
  return whole(expected, schema, ofText(parse), ofText(explain));
}

function matching(expected: string, pattern: string): Reader<string, string> {
  const regExp = new RegExp(pattern);
  return text(expected, pattern, (value) => regExp.test(value));
}

export const flag: Reader<boolean, boolean> = whole("true or false", { type: "boolean" }, (value) =>
  typeof value === "boolean" ? value : undefined,
);

export function integer(min: number, max: number): Reader<number, number> {
  return whole(`an integer from ${min} to ${max}`, { type: "integer", minimum: min, maximum: max }, (value) =>
    isInteger(value, min, max) ? value : undefined,
  );
}

/** An integer, or the one other value. */
export function integerOr<const Other extends string | boolean>(
  min: number,
  max: number,
  other: Other,
): Reader<number | Other, number | Other> {
  const schema = { anyOf: [{ type: "integer", minimum: min, maximum: max }, { const: other }] };
  return whole(`an integer from ${min} to ${max}, or ${JSON.stringify(other)}`, schema, (value) =>
    isInteger(value, min, max) ? value : value === other ? other : undefined,
  );
}

function isInteger(value: unknown, min: number, max: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= min && value <= max;
}

export function choice<const Name extends string>(...names: readonly Name[]): Reader<Name, Name> {
  const expected = names.map((name) => JSON.stringify(name)).join(" or ");
  return whole(expected, { enum: names }, (value) => names.find((name) => name === value));
}

/** Milliseconds, from a string such as `"10m"`. */
export function duration(min: string, max: string): Reader<string, number> {
  return parsedText(`a duration from "${min}" to "${max}" (a string: digits and ms, s, m, h or d)`, DURATION_PATTERN, (value) =>
    durationWithin(value, min, max),
  );
}

/** Milliseconds, or `never`. */
export function durationOrNever(min: string, max: string): Reader<string, number | "never"> {
  return parsedText(
    `a duration from "${min}" to "${max}" (a string: digits and ms, s, m, h or d), or "never"`,
    `^never$|${DURATION_PATTERN}`,
    (value) => (value === "never" ? value : durationWithin(value, min, max)),
  );
}

function durationWithin(value: string, min: string, max: string): number | undefined {
  const millis = parseDuration(value);
  if (millis === undefined) return undefined;
  return millis >= (parseDuration(min) ?? 0) && millis <= (parseDuration(max) ?? 0) ? millis : undefined;
}

/** A string, or null for none. */
export const fileOrNone: Reader<string | null, string | null> = whole(
  "the path of a file, or null",
  { type: ["string", "null"], minLength: 1 },
  (value) => (value === null || (typeof value === "string" && /^[^\0]+$/.test(value)) ? value : undefined),
);

export const anyText: Reader<string, string> = text("a string", undefined, () => true);

export const host = text('a host name or an IP address such as "127.0.0.1" or "::1"', undefined, isHost);

export const origin = text(
  'an origin in its canonical form: http: or https:, lower-case host, port where it is not the default, nothing after it (no slash, path, query, fragment, user info), such as "https://auth.example.com"',
  "^https?://[^/?#@A-Z]+$",
  isOrigin,
);

export const networkAddress = text('an IP address or a network such as "10.0.0.0/8"', "^[0-9A-Fa-f.:]+(?:/[0-9]{1,3})?$", isNetwork);

export const absoluteUri = text(
  "an absolute URI without fragment (RFC 8707 §2), at most 512 characters",
  "^[A-Za-z][A-Za-z0-9+.-]*:[^#\\s]+$",
  isAbsoluteUri,
);

export const fetchableUrl = text("an https: URL without user info or fragment (http: on loopback)", "^https?://[^#\\s]+$", isFetchable);

/** RFC 8414 §2: it may have a path. */
export const foreignIssuer = text(
  "an https: URL without user info, query or fragment (http: on loopback)",
  "^https?://[^?#\\s]+$",
  (value) => isFetchable(value) && !value.includes("?"),
);

export const scopeToken = matching(
  'a scope token (RFC 6749 §3.3): visible ASCII without " and \\, at most 128 characters',
  "^[\\x21\\x23-\\x5B\\x5D-\\x7E]{1,128}$",
);

export const clientId = matching("1 to 64 characters of A-Za-z0-9._-", "^[A-Za-z0-9._-]{1,64}$");

export const subjectPrefix = matching("1 to 64 characters of A-Za-z0-9._:-", "^[A-Za-z0-9._:-]{1,64}$");

export const keyPrefix = matching("1 to 64 characters of A-Za-z0-9._:-", "^[A-Za-z0-9._:-]{1,64}$");

/** A user or a password at another server. */
export const secretText = text("1 to 512 characters", "^.{1,512}$", (value) => value.length > 0 && value.length <= 512);

/** 32 bytes. */
export const sha256Hex: Reader<string, Uint8Array> = parsedText(
  "a SHA-256 value: 64 hexadecimal digits (mintmark clients secret makes one)",
  "^[0-9A-Fa-f]{64}$",
  (value) => (/^[0-9A-Fa-f]{64}$/.test(value) ? new Uint8Array(Buffer.from(value, "hex")) : undefined),
);

export const storeTarget: Reader<string, StoreTarget> = parsedText(
  "embedded:FOLDER, redis://HOST:PORT, redis+sentinel://HOST:PORT,…/MASTER or redis+cluster://HOST:PORT,… (rediss: TLS); redis URLs may have a user, a password and, but for a cluster, a database number, and no query",
  "^(?:embedded:|rediss?(?:\\+sentinel|\\+cluster)?://).+$",
  parseStoreTarget,
);

export const keysTarget: Reader<string, KeysTarget> = parsedText(
  KEYS_TARGET_EXPECTED,
  KEYS_TARGET_PATTERN,
  parseKeysTarget,
  keysTargetFault,
);

/** Where MAC keys can be: they are used too often to be far away. */
export const macKeysTarget: Reader<string, KeysTarget> = parsedText("file:FOLDER or shared", "^(?:file:.+|shared)$", (value) => {
  const target = parseKeysTarget(value);
  return target?.kind === "file" || target?.kind === "shared" ? target : undefined;
});

export const folder: Reader<string, string> = text("the path of a folder", "^.+$", (value) => /^[^\0]+$/.test(value));

export interface JsonWebKeySetDocument {
  readonly keys: readonly Readonly<Record<string, unknown>>[];
}

export const jwks: Reader<JsonWebKeySetDocument, JsonWebKeySetDocument> = whole(
  "a JWK Set of public keys (RFC 7517 §5), at least one of them for ES256 or EdDSA (P-256 or Ed25519), no two of a curve with one kid",
  {
    type: "object",
    required: ["keys"],
    properties: {
      keys: {
        type: "array",
        minItems: 1,
        items: { type: "object", required: ["kty"], properties: { kty: { type: "string" }, d: false, k: false } },
      },
    },
  },
  (value) => (isPublicJwks(value) ? value : undefined),
);

function isPublicJwks(value: unknown): value is JsonWebKeySetDocument {
  if (!isObject(value) || !Array.isArray(value["keys"]) || value["keys"].length === 0) return false;
  const keys: readonly unknown[] = value["keys"];
  return keys.every(isPublicJwk) && keys.some(isUsableJwk) && haveOwnNames(keys);
}

/** Two keys of one curve under one `kid` can't be told apart. */
function haveOwnNames(keys: readonly unknown[]): boolean {
  const names = keys.flatMap((key) => (isObject(key) && key["kid"] !== undefined ? [JSON.stringify([key["crv"], key["kid"]])] : []));
  return new Set(names).size === names.length;
}

/** RFC 7518 §6.2.1, RFC 8037 §2: whether its points are on the curve shows when it is imported. */
function isUsableJwk(key: unknown): boolean {
  if (!isObject(key)) return false;
  const isCoordinate = (value: unknown): boolean => typeof value === "string" && fromBase64url(value)?.length === 32;
  if (key["kty"] === "OKP") return key["crv"] === "Ed25519" && isCoordinate(key["x"]);
  return key["kty"] === "EC" && key["crv"] === "P-256" && isCoordinate(key["x"]) && isCoordinate(key["y"]);
}

function isPublicJwk(key: unknown): boolean {
  return isObject(key) && typeof key["kty"] === "string" && !Object.hasOwn(key, "d") && !Object.hasOwn(key, "k");
}
