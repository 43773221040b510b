/** The small documents and their stored form: a format byte, then JSON. Subjects have a codec of their own. */

import { concatBytes, FormatError, textOf, utf8 } from "./bytes.ts";
import type { Verifier } from "./fetches.ts";
import type { Bytes } from "./ports.ts";
import type { Ring, RingKey } from "./ring.ts";
import { END_REASONS, type EndReason, type NotBefore } from "./subject.ts";
import type { ThrottleBucket } from "./throttle.ts";

export interface DocumentCodec<T> {
  encode(value: T): Bytes;
  /** Throws `FormatError` on a format of another version. */
  decode(bytes: Bytes): T;
}

const FORMAT = 1;

/** `isShape` looks at what decisions stand on: a value without it is unreadable, not empty. */
function jsonDocument<T extends object>(name: string, isShape: (value: Partial<Record<keyof T, unknown>>) => boolean): DocumentCodec<T> {
  const parse = (bytes: Bytes): unknown => {
    try {
      return JSON.parse(textOf(bytes.subarray(1)));
    } catch {
      return undefined;
    }
  };
  return {
    encode: (value) => concatBytes(Uint8Array.of(FORMAT), utf8(JSON.stringify(value))),
    decode: (bytes) => {
      if (bytes[0] !== FORMAT) throw new FormatError(`the stored ${name} has an unknown format`);
      const value = parse(bytes);
      if (!isObject(value) || !isShape(value)) throw new FormatError(`the stored ${name} can't be read`);
      return value as T;
    },
  };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** An account of the built-in login. */
export interface Account {
  readonly name: string;
  readonly sub: string;
  /** PHC string. */
  readonly passwordHash: string;
  readonly disabled: boolean;
  /** Copied into sessions at login. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly createdAt: number;
}

/** Shows that the store is the one it was, and when a node last was alive. */
export interface Marker {
  readonly createdAt: number;
  readonly aliveAt: number;
}

/** Who has fetched the JWK Set. */
export interface VerifierTable {
  readonly verifiers: readonly Verifier[];
}

/** One entry of the ends log. `sids` are over until `until`; with `notBefore`, so is every older session it covers. */
export interface EndEntry {
  readonly at: number;
  readonly until: number;
  readonly reason: EndReason | "key_revoked";
  /** base64url; with it the end is of one subject's sessions. */
  readonly subjectKey?: string;
  readonly sids?: readonly string[];
  /** Beside `subjectKey` and `notBefore`: a document that was lost with it can be begun anew. */
  readonly sub?: string;
  readonly notBefore?: number;
  /** With `notBefore` and no subject: the sessions of this client, or of all. */
  readonly clientId?: string;
  /** A revoked signing key. */
  readonly kid?: string;
}

export const ringDocument = jsonDocument<Ring>(
  "key ring",
  ({ version, keys }) => isNumber(version) && Array.isArray(keys) && keys.every((key) => isObject(key) && isRingKey(key)),
);
export const accountDocument = jsonDocument<Account>(
  "account",
  ({ name, sub, passwordHash, disabled, createdAt }) =>
    [name, sub, passwordHash].every(isText) && typeof disabled === "boolean" && isNumber(createdAt),
);
export const markerDocument = jsonDocument<Marker>("marker", ({ createdAt, aliveAt }) => isNumber(createdAt) && isNumber(aliveAt));
export const notBeforeDocument = jsonDocument<NotBefore>(
  "policy",
  ({ all, clients }) => isNumber(all) && isObject(clients) && Object.values(clients).every(isNumber),
);
export const endEntryDocument = jsonDocument<EndEntry>("end", isEndEntry);
export const throttleDocument = jsonDocument<ThrottleBucket>("throttle", (bucket) =>
  Object.values(bucket).every((entry) => Array.isArray(entry) && entry.length === 2 && entry.every(isNumber)),
);

export const verifiersDocument = jsonDocument<VerifierTable>(
  "table of verifiers",
  ({ verifiers }) => Array.isArray(verifiers) && verifiers.every((verifier) => isObject(verifier) && isVerifier(verifier)),
);

/** Every member, because one entry that can't be carried out must not keep those behind it from being read. */
function isEndEntry({ at, until, reason, sids, notBefore, ...texts }: Partial<Record<keyof EndEntry, unknown>>): boolean {
  return (
    [at, until].every(isNumber) &&
    [...END_REASONS, "key_revoked"].some((known) => known === reason) &&
    (sids === undefined || (Array.isArray(sids) && sids.every(isText))) &&
    (notBefore === undefined || isNumber(notBefore)) &&
    [texts.subjectKey, texts.sub, texts.clientId, texts.kid].every((text) => text === undefined || isText(text))
  );
}

function isRingKey(key: Partial<Record<keyof RingKey, unknown>>): boolean {
  const { kid, algorithm, custody, publishedAt, longestLifetimeMillis, activeAt, revokedAt } = key;
  return (
    [kid, algorithm, custody].every(isText) &&
    [publishedAt, longestLifetimeMillis].every(isNumber) &&
    [activeAt, revokedAt].every((time) => time === undefined || isNumber(time))
  );
}

function isVerifier(verifier: Partial<Record<keyof Verifier, unknown>>): boolean {
  const { address, userAgent, version, firstSeenAt, lastFetchedAt, count, unchanged } = verifier;
  return isText(address) && typeof userAgent === "string" && [version, firstSeenAt, lastFetchedAt, count, unchanged].every(isNumber);
}

/** Where documents are. Prefixes of one letter keep a million keys short. */
export const KEYS = {
  marker: "marker",
  ring: "ring",
  policy: "policy",
  verifiers: "verifiers",
  subjectPrefix: "s",
  accountPrefix: "a",
  throttlePrefix: "t",
  assertionPrefix: "j",
} as const;

export const ENDS_LOG = "ends";

/** Expiry of what the store must keep: 9999-12-31. */
export const NEVER = 253_402_214_400_000;
