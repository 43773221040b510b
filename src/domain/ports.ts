/**
 * The ports: what the issuer needs from the world, in the domain's words. Adapters implement them; nothing here
 * names a database, a key custodian or a framework. All times are milliseconds since the epoch.
 */

import type { JwkPublic, JwsAlgorithm, KeyAlgorithm, Ring, RingKey } from "./ring.ts";

export type Bytes = Uint8Array;

/** Milliseconds since 1970-01-01T00:00:00Z. */
export type Clock = () => number;

/** `count` unpredictable bytes. */
export type Random = (count: number) => Bytes;

export interface Digests {
  /** SHA-256, 32 bytes. */
  sha256(data: Bytes): Bytes;
  /** HMAC-SHA-256, 32 bytes. */
  hmacSha256(key: Bytes, data: Bytes): Bytes;
  /** Constant time in the content; different lengths are unequal. */
  equal(a: Bytes, b: Bytes): boolean;
}

/**
 * A store could not do what was asked.
 * `unavailable`: certainly nothing was changed. `unknown`: the change may have happened, now or later.
 * The message never contains a key, a value or a credential.
 */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly outcome: "unavailable" | "unknown";

  constructor(outcome: "unavailable" | "unknown", message: string) {
    super(message);
    this.outcome = outcome;
  }
}

export interface SetOptions {
  /** When the store may forget the value. Garbage collection only: what is over is decided from the value. */
  readonly expiresAt: number;
  /** True: do not answer before the write would survive what the deployment promises to survive. */
  readonly confirmed: boolean;
}

export interface LogEntry {
  /** Opaque; ordered by the store, not by comparing strings. */
  readonly position: string;
  readonly entry: Bytes;
}

export interface StoreFinding {
  readonly severity: "ok" | "hint" | "warning" | "fault";
  /** What was looked at, e.g. `durability`. */
  readonly subject: string;
  /** What was found, one line. */
  readonly finding: string;
  /** What to do about it; absent where nothing is to be done. */
  readonly advice?: string;
}

/**
 * A store makes no decisions. Keys are short ASCII strings; values are opaque, non-empty bytes.
 *
 * - MUST be linearizable per key as long as no `StoreError` was thrown and no primary was changed.
 * - MUST settle every call within the command timeout it was opened with.
 * - MUST throw `StoreError` and nothing else when it can't answer, and never answer on a guess.
 * - MUST NOT resend a write whose outcome is unknown.
 */
export interface Store {
  get(key: string): Promise<Bytes | undefined>;
  /** Swaps `expected` for `next` if the key holds exactly `expected`; `undefined` means absent, on both sides. */
  compareAndSet(key: string, expected: Bytes | undefined, next: Bytes | undefined, options: SetOptions): Promise<boolean>;
  /** All pairs whose key starts with `prefix`, in pages, each key at least once. Never on a request path. */
  scan(prefix: string): AsyncIterable<readonly (readonly [key: string, value: Bytes])[]>;
  /** Adds to the end of a log; acknowledged like a `confirmed` write. */
  append(log: string, entry: Bytes, expiresAt: number): Promise<string>;
  /** Up to `limit` entries after `after` (undefined: from the oldest kept), in the one order of the log. */
  read(log: string, after: string | undefined, limit: number): Promise<readonly LogEntry[]>;
  /** The store's own clock. */
  now(): Promise<number>;
  /** False where it certainly refuses writes now: what it says may be old then, for its replicas may have another primary. */
  takesWrites(): Promise<boolean>;
  ping(): Promise<void>;
  /** Facts for `doctor` and the start: durability, eviction, versions, latency. */
  inspect(): Promise<readonly StoreFinding[]>;
  /** Called after the store's primary changed or its data may have gone back. Returns how to stop listening. */
  onPrimaryChange(listener: () => void): () => void;
  close(): Promise<void>;
}

export type MeteredOperation = "get" | "compareAndSet" | "append";

/** Is told how those calls to the store went. */
export interface StoreMeter {
  /** A monotonic time in seconds. */
  seconds(): number;
  took(operation: MeteredOperation, seconds: number): void;
  failed(outcome: StoreError["outcome"]): void;
}

/** Of every algorithm here: r‖s of P-256 (RFC 7518 §3.4), R‖S of Ed25519 (RFC 8032 §5.1.6). */
export const SIGNATURE_BYTES = 64;

/** Bound to one key version. */
export interface Signer {
  readonly kid: string;
  readonly algorithm: JwsAlgorithm;
  /**
   * The raw JWS signature (`SIGNATURE_BYTES`) of the ASCII signing input.
   * MUST settle within the time-out it was opened with. Throws `KeyError` where there is no signature; nothing was changed then.
   */
  sign(signingInput: string): Promise<Bytes>;
}

/** A private part can't be used. The message names the key, what is wrong and what to do; never key material. */
export class KeyError extends Error {
  override readonly name: string = "KeyError";
  /** What is configured or installed is certainly at fault: another try does not help before that is mended. */
  readonly isSetup: boolean;

  constructor(message: string, { isSetup = false }: { readonly isSetup?: boolean } = {}) {
    super(message);
    this.isSetup = isSetup;
  }
}

/**
 * Not the key but its custodian can't be used: out of reach, or closed to this node. It may be there later, so a node goes on
 * serving the JWK Set without it.
 */
export class CustodianError extends KeyError {
  override readonly name = "CustodianError";
}

/** The custodian was not even asked, so this says nothing of it. */
export class NotAskedError extends CustodianError {}

/** A private part that the ring itself keeps. */
export interface SealedPart {
  /** Compact JWE. */
  readonly text: string;
  /** The check value of the key-encryption key it is under. */
  readonly under: string;
}

export interface NewKey {
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  readonly algorithm: KeyAlgorithm;
  /** Absent for MAC keys. */
  readonly publicJwk?: JwkPublic;
  /** Where the private part is: a URI whose scheme names the custodian. */
  readonly custody: string;
  readonly sealed?: SealedPart;
  /** It was there before: others may use it, and it is not ours to erase. */
  readonly isForeign?: true;
}

/** A private part that was found without asking the ring. */
export interface FoundKey extends NewKey {
  readonly createdAt: number;
}

/** A key that is to be taken in. */
export type KeySource =
  /** The text of a PEM file (PKCS#8, SEC 1) or a private JWK. */
  | { readonly from: "text"; readonly text: string /** Where the text doesn't say. */; readonly edName: "EdDSA" | "Ed25519" }
  /** One that a custodian already has, by its URI: nothing is moved. */
  | { readonly from: "custodian"; readonly uri: string; readonly algorithm: JwsAlgorithm };

/** How a custodian outside was found. */
export interface CustodianFinding {
  /** Of the URIs of its keys. */
  readonly scheme: string;
  /** Why it can't be used from here; undefined: it can. */
  readonly fault: KeyError | undefined;
}

/** Where private parts live. `ring` is the one that names the key, or is about to. */
export interface KeyCustodian {
  /** Makes a key. When it resolves the private part is durable, or sealed in what it gives, so that the ring may name it. Throws `KeyError`. */
  create(algorithm: KeyAlgorithm, now: number, ring: Ring): Promise<NewKey>;
  /** Opens a signing key and proves that it signs for the ring's public key. Throws `KeyError`. */
  openSigner(key: RingKey, ring: Ring): Promise<Signer>;
  /** Opens a MAC key: the function gives HMAC-SHA-256 (32 bytes). Throws `KeyError`. */
  openMac(key: RingKey, ring: Ring): Promise<(data: Bytes) => Bytes>;
  /** Takes a key in; what it was taken from is left as it is. As durable as `create`. Throws `KeyError`. */
  take(source: KeySource, now: number, ring: Ring): Promise<NewKey>;
  /** Copies a key of the ring to where new keys are made; undefined where it is there already. As durable as `create`. Throws `KeyError`. */
  copy(key: RingKey, now: number, ring: Ring): Promise<NewKey | undefined>;
  /**
   * Seals the private part again under the key-encryption key that is in force. Gives what the ring is to keep, or `in place`
   * where it was sealed again where it is; undefined where nothing is sealed. Throws `KeyError`.
   */
  rewrap(key: RingKey, ring: Ring): Promise<SealedPart | "in place" | undefined>;
  /** Every private part there is that may be without a ring; throws `KeyError` naming all files that can't be used. */
  find(): Promise<readonly FoundKey[]>;
  /** Erases what is kept outside the ring. Idempotent; whether there was anything. Throws `KeyError`. */
  erase(key: Pick<NewKey, "kid" | "custody">): Promise<boolean>;
  /** Looks whether each custodian outside can be used, whether or not it has a key of the ring yet. Makes and changes nothing there. */
  check(): Promise<readonly CustodianFinding[]>;
  close(): Promise<void>;
}

/** A node's last copy of the ring, so that a start without the store serves the JWK Set and a roll-back is noticed. */
export interface RingCopy {
  load(): Promise<Bytes | undefined>;
  save(ring: Bytes): Promise<void>;
}

export interface PasswordHasher {
  /** A PHC string (argon2id). Throws `QueueFullError`. */
  hash(password: string): Promise<string>;
  /** `hash` undefined: the same work against a hash nobody's password has; resolves false. Throws `QueueFullError`. */
  verify(hash: string | undefined, password: string): Promise<boolean>;
}

/** The password hasher's queue is full, or the wait in it was too long. */
export class QueueFullError extends Error {
  override readonly name = "QueueFullError";
}

/** A document from elsewhere did not come whole. One line; the message names no secret and no address a name stands for. */
export class FetchError extends Error {
  override readonly name = "FetchError";
}

export interface FetchedDocument {
  readonly body: Bytes;
  /** How long it may be kept by its own word (RFC 9111 §4.2); undefined where it says nothing. */
  readonly maxAgeSeconds: number | undefined;
}

/** A document from elsewhere, fetched with limits on time and size. Throws `FetchError` for anything but a whole answer of status 200. */
export type FetchDocument = (url: string) => Promise<FetchedDocument>;
