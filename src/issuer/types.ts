/** What the edges (HTTP, command line) may ask of the issuer. Times in milliseconds unless a name says seconds. */

import type { JwksFetch } from "../domain/fetches.ts";
import type { KeyAlgorithm, KeyState } from "../domain/ring.ts";
import type { Client, Policy } from "../domain/policy.ts";
import type { Bytes, KeySource, StoreFinding } from "../domain/ports.ts";
import type { Refusal } from "../domain/refusal.ts";
import type { Sightings, Unseen } from "../domain/seen.ts";

/** How a client says who it is (RFC 6749 §2.3). `basic` carries the two decoded halves. */
export type ClientCredentials =
  | { readonly method: "none"; readonly clientId: string }
  | { readonly method: "basic" | "post"; readonly clientId: string; readonly secret: string }
  | { readonly method: "private_key_jwt"; readonly clientId?: string | undefined; readonly assertion: string };

export interface TokenGrant {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
  readonly scope: string;
  /** The rest only where there is a session. */
  readonly refreshToken?: string;
  readonly refreshTokenExpiresInSeconds?: number;
  readonly sid?: string;
}

export interface LogInRequest {
  readonly client: Client;
  readonly username: string;
  readonly password: string;
  readonly scope?: string | undefined;
  /** Ids; none: all of the client's. */
  readonly resources: readonly string[];
  /** The client's address, for the audit log. */
  readonly address: string;
  /** What failures are counted by besides the account; the address if absent. */
  readonly network?: string | undefined;
  readonly userAgent: string | undefined;
  /** A refresh token of the client whose session the new one takes the place of. */
  readonly replaces?: string | undefined;
}

/** RFC 7523 §2.1: a trusted issuer's word for a subject. */
export interface AssertSubjectRequest {
  readonly client: Client;
  readonly assertion: string;
  /** The one resource of the session; all of the client's if absent. */
  readonly resource?: string | undefined;
  readonly scope?: string | undefined;
  /** The client's address, for the audit log. */
  readonly address: string;
  readonly userAgent: string | undefined;
  readonly replaces?: string | undefined;
}

export interface RefreshRequest {
  readonly client: Client;
  readonly refreshToken: string;
  readonly resource?: string | undefined;
  readonly scope?: string | undefined;
  readonly idempotencyKey?: string | undefined;
}

export interface ClientCredentialsRequest {
  readonly client: Client;
  readonly resource?: string | undefined;
  readonly scope?: string | undefined;
}

export interface TokenRequest {
  readonly client: Client;
  readonly token: string;
}

/** RFC 7662 §2.2; the names are the wire's. */
export type Introspection = { readonly active: false } | ({ readonly active: true } & Readonly<Record<string, unknown>>);

export interface SessionListing {
  readonly sid: string;
  readonly clientId: string;
  readonly createdAt: number;
  readonly lastUsedAt: number;
  readonly expiresAt: number;
  /** All scopes of all its resources. */
  readonly scope: string;
  readonly userAgent: string;
}

/** Who a request to `/sessions` speaks for. */
export interface SessionOwner {
  readonly sub: string;
  readonly sid: string;
}

export interface AuthorizedOwner extends SessionOwner {
  /** The client whose access token was shown. */
  readonly clientId: string;
}

export interface PublishedJwks {
  /** Of the ring that it was made from. */
  readonly ringVersion: number;
  readonly body: Buffer;
  /** Strong, with its quotes. */
  readonly etag: string;
  readonly maxAgeSeconds: number;
}

export interface Readiness {
  readonly ready: boolean;
  /** What is missing, one line each. */
  readonly missing: readonly string[];
}

/** The session that a token of ours is of. */
export interface TokenSession {
  readonly clientId: string;
  readonly sid: string;
  /** 16 bytes. */
  readonly subjectKey: Bytes;
}

export type Done = { readonly done: true };

/** The flows that requests run. A `StoreError` or `UnavailableError` thrown by any of them is a 503. */
export interface Issuer {
  readonly policy: Policy;
  /** A promise only where an assertion has to be proven. */
  authenticateClient(credentials: ClientCredentials): Client | Refusal | Promise<Client | Refusal>;
  logIn(request: LogInRequest): Promise<TokenGrant | Refusal>;
  assertSubject(request: AssertSubjectRequest): Promise<TokenGrant | Refusal>;
  refresh(request: RefreshRequest): Promise<TokenGrant | Refusal>;
  clientCredentials(request: ClientCredentialsRequest): Promise<TokenGrant | Refusal>;
  revoke(request: TokenRequest): Promise<Done | Refusal>;
  introspect(request: TokenRequest): Promise<Introspection | Refusal>;
  /** Whose session a good access token is of; it may be over already. */
  sessionOfAccessToken(accessToken: string): TokenSession | Refusal;
  /** The same of a refresh token; undefined where it is none of ours. Refused where the session is another client's. */
  sessionOfRefreshToken(client: Client, refreshToken: string): Promise<TokenSession | Refusal | undefined>;
  logOut(session: TokenSession): Promise<Done>;
  /** Checks an access token for the issuer's own resource, scope `sessions`, of a living session. */
  authorizeSessions(accessToken: string): Promise<AuthorizedOwner | Refusal>;
  listSessions(owner: SessionOwner): Promise<readonly SessionListing[]>;
  /** False: the subject has no such session. */
  endSession(owner: SessionOwner, sid: string): Promise<boolean>;
  endSessions(owner: SessionOwner, except: "none" | "current"): Promise<void>;
  /** Undefined before the first ring was seen, which only a store that was never reached can cause. */
  jwks(): PublishedJwks | undefined;
  /** Remembers who was given the set; costs a request nothing but memory that is bounded. */
  noteFetch(fetch: JwksFetch): void;
  readiness(): Promise<Readiness>;
  /** Follows ring and policy, plans, writes the marker; resolves when the JWK Set can be served. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Nothing is wrong with the request; try again. `retryAfterSeconds` goes into Retry-After. */
export class UnavailableError extends Error {
  override readonly name = "UnavailableError";
  readonly retryAfterSeconds: number;

  constructor(message: string, retryAfterSeconds = 1) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The store is set up so that it would lose sessions by itself: what `doctor` calls a fault, in one line with what to do. */
export class UnsafeStoreError extends Error {
  override readonly name = "UnsafeStoreError";
}

export interface KeyListing {
  readonly kid: string;
  readonly alg: KeyAlgorithm;
  readonly state: KeyState;
  /** Where its private part is: the scheme of its URI. */
  readonly custody: string;
  readonly publishedAt: number;
  readonly activeAt: number | undefined;
  readonly retiringAt: number | undefined;
  readonly retiredAt: number | undefined;
  readonly revokedAt: number | undefined;
}

/** How far a key that is staged, or signs, has got around. */
export interface KeyStatus extends Sightings {
  readonly kid: string;
  readonly alg: KeyAlgorithm;
  readonly state: "staged" | "active";
  /** Where its private part is: the scheme of its URI. */
  readonly custody: string;
  /** When it starts to sign, or did; undefined while nobody has planned it. */
  readonly activeAt: number | undefined;
  /** When it has been published for as long as verifiers get. */
  readonly agedAt: number;
  readonly isAged: boolean;
  /** It has aged, and every verifier that still fetches has it, as far as is known. */
  readonly isSafe: boolean;
}

export interface KeysStatus {
  /** False: nobody notes who fetches, so nothing is known of verifiers. */
  readonly isCounted: boolean;
  /** As many verifiers as can be remembered: there may be more. */
  readonly isFull: boolean;
  /** Signing keys. */
  readonly keys: readonly KeyStatus[];
}

export interface SeenWait {
  /** Verifiers by address, User-Agent or the product that this begins with. */
  readonly names: readonly string[];
  readonly deadlineMillis: number;
  /** Don't wait for the key to age. */
  readonly force: boolean;
}

/** What is still waited for. */
export interface Awaited {
  readonly unseen: readonly Unseen[];
  /** When the key has aged; undefined where that is not waited for. */
  readonly agedAt: number | undefined;
}

/** A wish of the operator that would cost someone something; `force` with a reason carries it out all the same. */
export interface Unsafe {
  readonly unsafe: true;
  /** What is at risk, one sentence. */
  readonly risk: string;
}

/** It can't be done as asked: no such key, no such account, name taken … One line. */
export interface Failed {
  readonly failed: string;
}

export interface KeysChanged {
  /** The ring after the change (or as it would be, for a dry run). */
  readonly keys: readonly KeyListing[];
  /** What was (or would be) done, one line each; empty: nothing was due. */
  readonly steps: readonly string[];
  /** URIs of revoked keys that were in their custodians before they were taken in: their private parts stay there. */
  readonly left?: readonly string[];
}

export interface Pruned {
  /** The kids. */
  readonly erased: readonly string[];
  /** When the private parts of keys are to be erased that are retired and have been for less than a day: one time per key. */
  readonly coming: readonly number[];
}

/** How many private parts were sealed again. */
export interface Rewrapped {
  /** Key files on this machine. */
  readonly files: number;
  readonly inRing: number;
}

export interface Force {
  readonly force: boolean;
  /** Goes into the event of the change; required with `force`. */
  readonly reason: string | undefined;
}

export interface AccountListing {
  readonly name: string;
  readonly sub: string;
  readonly disabled: boolean;
  readonly createdAt: number;
}

/** Which sessions: of a subject (one of them with `sid`), of a client, or all. */
export type SessionSelection =
  | { readonly of: "subject"; readonly sub: string; readonly sid?: string | undefined }
  | { readonly of: "client"; readonly clientId: string }
  | { readonly of: "all" };

/** What the operator may do; each call is in force on every node when it resolves. Throws `StoreError`, `KeyError`. */
export interface Operator {
  readonly policy: Policy;
  /** Signing keys, or with `mac` the MAC keys. */
  listKeys(mac: boolean): Promise<readonly KeyListing[]>;
  stageKeys(algorithms: readonly KeyAlgorithm[]): Promise<KeysChanged>;
  rotateKeys(algorithms: readonly KeyAlgorithm[], options: { readonly dryRun: boolean }): Promise<KeysChanged>;
  promoteKey(kid: string, force: Force): Promise<KeysChanged | Unsafe | Failed>;
  /** Who has fetched what; known up to half a minute late. */
  keyStatus(): Promise<KeysStatus>;
  /**
   * Waits until all of those names have fetched a staged key and it has aged. `tell` hears what is waited for when that changes.
   * Unsafe, at once, where it can't age before the deadline; failed at the deadline, naming who has not. Changes nothing.
   */
  awaitSeen(kid: string, wait: SeenWait, tell: (awaited: Awaited) => void): Promise<Done | Unsafe | Failed>;
  /** `signing`: all signing keys; `all`: the MAC keys too, and with them every session. */
  revokeKeys(kids: readonly string[] | "signing" | "all", reason: string, force: boolean): Promise<KeysChanged | Unsafe | Failed>;
  /** Takes a key in: it is staged, and ages like a new one. */
  importKey(source: KeySource): Promise<KeysChanged | Failed>;
  /** Brings the private parts that a custodian has (the scheme of their URIs) to where new keys are made. */
  moveKeys(from: string): Promise<KeysChanged | Failed>;
  /** Seals all private parts again under the key-encryption key that is in force. */
  rewrapKeys(): Promise<Rewrapped | Failed>;
  /** Erases the private parts of what was retired a day ago or is revoked, and key files of what was moved elsewhere. */
  pruneKeys(): Promise<Pruned>;
  /** The public JWK Set as it would be served now: JSON text. */
  exportKeys(): Promise<string>;
  /** The algorithms of the ring that an `--alg` or `--mac` means. */
  ringAlgorithms(which: "ES256" | "EdDSA" | "signing" | "mac"): readonly KeyAlgorithm[];
  addAccount(account: {
    name: string;
    password: string;
    sub?: string | undefined;
    claims?: Record<string, unknown> | undefined;
  }): Promise<AccountListing | Failed>;
  changePassword(name: string, password: string): Promise<Done | Failed>;
  disableAccount(name: string): Promise<Done | Failed>;
  enableAccount(name: string): Promise<Done | Failed>;
  removeAccount(name: string): Promise<Done | Failed>;
  listAccounts(): AsyncIterable<AccountListing>;
  listSessions(sub: string): Promise<readonly SessionListing[]>;
  /** Ends them; `issuedBefore` keeps those that began at or after it. The number ended; `progress` gets it as it grows. */
  endSessions(selection: SessionSelection, issuedBefore: number | undefined, progress: (ended: number) => void): Promise<number>;
  inspect(): Promise<readonly StoreFinding[]>;
  /** The store's own clock, for `doctor`: `store.now()`. */
  storeClock(): Promise<number>;
  acceptEmptyStore(): Promise<Done | Failed>;
  close(): Promise<void>;
}
