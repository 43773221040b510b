/** Why a request is not granted, in the standards' words. Refusals are values; only the edge makes answers of them. */

/** RFC 6749 §5.2, RFC 8707 §2, RFC 7009 §2.2.1, RFC 6750 §3.1; `invalid_credentials` and `slow_down` are ours. */
export type RefusalCode =
  | "invalid_request"
  | "invalid_client"
  | "invalid_grant"
  | "unauthorized_client"
  | "unsupported_grant_type"
  | "invalid_scope"
  | "invalid_target"
  | "unsupported_token_type"
  | "invalid_token"
  | "insufficient_scope"
  | "invalid_credentials"
  | "slow_down"
  | "temporarily_unavailable";

export interface Refusal {
  readonly refused: RefusalCode;
  /** Characters of RFC 6749 §5.2 only; never contains what was sent. */
  readonly description: string;
  readonly retryAfterSeconds?: number;
  /** The session of what was presented is over for good. */
  readonly isSessionOver?: true;
}

export function refusal(refused: RefusalCode, description: string, retryAfterSeconds?: number): Refusal {
  return { refused, description, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
}

export function isRefusal(result: object): result is Refusal {
  return "refused" in result;
}
