/**
 * The lines of a history: one JSON object each. Times are milliseconds of the runner's monotonic clock since the history
 * began; the first line says what the wall clock showed then. Tokens are named by a hash, never spelled.
 */

export const INVARIANTS = ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I12", "I13", "I14"] as const;
export type InvariantId = (typeof INVARIANTS)[number];

/** What the deployment was told: what an answer means depends on it. Milliseconds. */
export interface Rules {
  readonly retryWindowMillis: number;
  readonly keyedRetryWindowMillis: number;
  readonly clockSkewMillis: number;
  readonly idleLifetimeMillis: number;
  readonly absoluteLifetimeMillis: number;
  readonly commandTimeoutMillis: number;
  /** A key is in the JWK Set for so long before it signs. */
  readonly stageForMillis: number;
  /** By how much the clocks that issue and judge tokens may differ from the runner's. */
  readonly clockErrorMillis: number;
  /** Whether the machine is idle enough to judge how long answers took. */
  readonly isTimed: boolean;
}

/**
 * How long after its last moment as the current one a refresh token may still be accepted by an issuer that has always reached
 * its store. Issuers remember those moments to a quarter of the window.
 */
export function windowMillisOf({ retryWindowMillis, clockSkewMillis, clockErrorMillis }: Rules): number {
  return (retryWindowMillis === 0 ? 0 : 1.25 * (retryWindowMillis + clockSkewMillis)) + clockErrorMillis;
}

export interface RunLine {
  readonly line: "run";
  readonly row: string;
  /** Of a row with several deployments: which. */
  readonly part: string;
  readonly seed: number;
  readonly rounds: number;
  readonly invariants: readonly InvariantId[];
  /** Milliseconds since 1970 at time 0. */
  readonly wallClock: number;
  readonly rules: Rules;
}

export type OperationName =
  | "login"
  | "login_password"
  | "refresh"
  | "revoke"
  | "logout"
  | "end_session"
  | "end_sessions"
  | "introspect"
  | "verify";

/**
 * `owner` obeys the protocol: one token store, and after 503 or no answer the same request again. `thief` uses what is not his,
 * `prober` is the harness itself, which presents old tokens to see what they are good for.
 */
export type Role = "owner" | "thief" | "prober";

/** `unknown`: 5xx or no answer, so that it may or may not have happened. */
export type Outcome = "ok" | "refused" | "unknown";

export interface OperationLine {
  readonly line: "operation";
  readonly invokedAt: number;
  readonly doneAt: number;
  readonly client: string;
  readonly role: Role;
  readonly op: OperationName;
  /** Which issuer process was asked last. */
  readonly node: number;
  readonly outcome: Outcome;
  /** 0: no answer. */
  readonly status: number;
  /**
   * RFC 6749 §5.2. Without an answer: `lost` on purpose, connection `refused`, `cut` by the other side, or `late` after all
   * patience.
   */
  readonly error?: string | undefined;
  readonly sid?: string | undefined;
  readonly sub?: string | undefined;
  readonly tokenIn?: string | undefined;
  readonly tokenOut?: string | undefined;
  readonly generationIn?: number | undefined;
  readonly generationOut?: number | undefined;
  /** Hash of the Idempotency-Key. */
  readonly exchange?: string | undefined;
  /** Of the access token in the answer. */
  readonly kid?: string | undefined;
  readonly jti?: string | undefined;
  /** Seconds since 1970, as claimed. */
  readonly iat?: number | undefined;
  readonly exp?: number | undefined;
  /** The assertion that was presented. */
  readonly assertion?: string | undefined;
  /** What introspection said. */
  readonly active?: boolean | undefined;
  /** After the load, when nothing else is under way. */
  readonly isProbe?: boolean | undefined;
}

export interface FaultLine {
  readonly line: "fault";
  readonly at: number;
  /** Names the pair of lines. */
  readonly fault: number;
  readonly phase: "begin" | "end";
  readonly kind: string;
  /** Issuers may be without their store: time that no retry window counts. */
  readonly isAway?: boolean | undefined;
  /** Connections may be cut: a process of ours is killed. */
  readonly isCutting?: boolean | undefined;
  /** After its end all is well again within so long. */
  readonly recoverMillis: number;
}

export interface JwksLine {
  readonly line: "jwks";
  readonly at: number;
  readonly node: number;
  readonly kids: readonly string[];
  readonly maxAgeMillis: number;
}

/** Writes acknowledged between the two may be gone: the store is set up so that it can lose them, and was made to. */
export interface WritesLost {
  readonly fact: "writes_lost";
  readonly from: number;
  readonly to: number;
  readonly note: string;
  /** What is held to all the same: all that is confirmed, or at least ends. Absent: nothing. */
  readonly kept?: "confirmed" | "ends" | undefined;
  /** When the first of them can be gone; `to` where nothing is said. */
  readonly goneFrom?: number | undefined;
}

/** Ends are confirmed and remembered, logins are confirmed, rotations are neither. */
export type WriteKind = "end" | "login" | "rotation";

export type FactLine = { readonly line: "fact"; readonly at: number } & Fact;

export type Fact =
  /** Two hold a token of the session from now on. */
  | { readonly fact: "stolen"; readonly sid: string }
  | WritesLost
  /** Time that an issuer counts as without its store, beside the faults. */
  | { readonly fact: "uncounted"; readonly from: number; readonly to: number; readonly note: string }
  /** No verifier may accept the key when it has read the JWK Set after `at`. */
  | { readonly fact: "key_revoked"; readonly kid: string; readonly staleMillis: number }
  /** Of this row in particular: what was expected, and whether it was so. */
  | { readonly fact: "expected"; readonly invariant: InvariantId | "row"; readonly what: string; readonly holds: boolean }
  /** Something to report. */
  | { readonly fact: "counted"; readonly name: string; readonly count: number };

export type Line = RunLine | OperationLine | FaultLine | JwksLine | FactLine;
