/** What the operator decided, as values: durations in milliseconds, names as they are written in the configuration. */

import type { SigningAlgorithm } from "./ring.ts";
import type { Bytes } from "./ports.ts";

/** RFC 7523 §2.1. */
export const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";

export type Grant = "login" | "refresh_token" | "client_credentials" | typeof JWT_BEARER;

/** Where someone else's public keys are: a JWK Set as it was written, or the URL of one. */
export type JwksLocation = { readonly jwks: { readonly keys: readonly unknown[] } } | { readonly jwksUri: string };

export interface Resource {
  /** The `aud` of its access tokens. */
  readonly id: string;
  readonly scopes: readonly string[];
  readonly algorithm: SigningAlgorithm;
  /** The `alg` header of Ed25519 signatures: RFC 8037's name or RFC 9864's fully specified one. */
  readonly edAlgName: "EdDSA" | "Ed25519";
  readonly accessTokenLifetimeMillis: number;
}

export interface Client {
  readonly id: string;
  readonly type: "public" | "confidential";
  /** 32 bytes; confidential clients only. */
  readonly secretSha256?: Bytes;
  /** Of its private_key_jwt assertions; confidential clients only. */
  readonly jwks?: JwksLocation;
  readonly grants: readonly Grant[];
  readonly refreshTokenDelivery: "body" | "cookie";
  /** Origins (RFC 6454 §6.2) of the pages that may use it. */
  readonly allowedOrigins: readonly string[];
  /** Ids; the first is the default. The issuer itself comes last where `sessions` is true. */
  readonly resources: readonly string[];
  /** Without `sessions`, which goes with the issuer's own resource. */
  readonly scopes: readonly string[];
  readonly sessions: boolean;
  /** Whether each refresh gives a new refresh token. */
  readonly rotates: boolean;
  readonly retryWindowMillis: number;
  readonly keyedRetryWindowMillis: number;
  readonly idleLifetimeMillis: number;
  readonly absoluteLifetimeMillis: number;
  readonly accessTokenLifetimeMillis: number;
}

/** Who may assert a subject (RFC 7523 §2.1). */
export interface TrustedIssuer {
  /** The `iss` of its assertions. */
  readonly issuer: string;
  readonly jwks: JwksLocation;
  /** Put before each `sub` that it asserts, so that subjects of different sources don't meet. */
  readonly subjectPrefix: string;
  /** Ids of the clients that may present its assertions. */
  readonly clients: readonly string[];
}

export interface KeysPolicy {
  readonly algorithms: readonly SigningAlgorithm[];
  readonly defaultAlgorithm: SigningAlgorithm;
  /** Undefined: never by itself. */
  readonly rotateEveryMillis: number | undefined;
  readonly stageForMillis: number;
  readonly jwksMaxAgeMillis: number;
  /** Whether it is noted who fetches the JWK Set. */
  readonly countFetches: boolean;
}

export interface LoginPolicy {
  readonly enabled: boolean;
  readonly minPasswordLength: number;
  readonly failuresPerMinute: number;
  readonly failuresPerMinutePerAddress: number;
}

export interface Policy {
  /** Scheme, host and port; no trailing slash. */
  readonly issuer: string;
  readonly clockSkewMillis: number;
  /** With the issuer's own resource (scope `sessions`) where a client has it. */
  readonly resources: ReadonlyMap<string, Resource>;
  readonly clients: ReadonlyMap<string, Client>;
  /** By their `iss`. */
  readonly trustedIssuers: ReadonlyMap<string, TrustedIssuer>;
  readonly keys: KeysPolicy;
  readonly login: LoginPolicy;
  readonly heal: boolean;
  readonly maxSessionsPerSubjectAndClient: number;
}

/** The scope of the issuer's own resource. */
export const SESSIONS_SCOPE = "sessions";

/** The trusted issuer that could assert this subject. */
export function assertedBy({ trustedIssuers }: Policy, sub: string): TrustedIssuer | undefined {
  return [...trustedIssuers.values()].find(({ subjectPrefix }) => sub.startsWith(subjectPrefix));
}
