/** The one place where refusals become answers: which status, which headers, which words (RFC 6749 §5.2, RFC 6750 §3). */

import type { FastifyReply } from "fastify";
import { type Refusal, type RefusalCode, refusal } from "../domain/refusal.ts";

/** What an error answer is made of. */
export interface WireError {
  readonly status: number;
  readonly error: string;
  readonly description: string;
  readonly retryAfterSeconds?: number | undefined;
}

/** A refusal that was found at the edge. */
export interface Rejection extends Refusal {
  /** Where HTTP has a more exact status than the table below. */
  readonly status?: number;
  /** The request had no credentials at all, so the challenge names no error (RFC 6750 §3.1). */
  readonly uncredentialed?: true;
}

/** Which credentials a route takes in the Authorization header. */
export type Scheme = "Basic" | "Bearer";

/** 400 where an RFC doesn't say otherwise (RFC 6749 §5.2). */
export const REFUSAL_STATUS: Readonly<Record<RefusalCode, number>> = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  invalid_scope: 400,
  invalid_target: 400,
  unsupported_token_type: 400,
  invalid_token: 401,
  insufficient_scope: 403,
  invalid_credentials: 401,
  slow_down: 429,
  temporarily_unavailable: 503,
};

export const JSON_TYPE = "application/json; charset=utf-8";
export const REALM = "mintmark";

/** A malformed request. `description` is a fixed text: what was sent is never repeated. */
export function invalidRequest(description: string, status = 400): Rejection {
  return { ...refusal("invalid_request", description), status };
}

/** The characters that RFC 6749 §5.2 allows in `error` and `error_description`; what else is in a text becomes an apostrophe. */
function wireText(text: string): string {
  return text.replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "'");
}

/** The JSON body of an error. */
export function errorBody(error: string, description: string): string {
  return JSON.stringify({ error: wireText(error), error_description: wireText(description) });
}

/** Sets status and headers; the body is for the caller to return or send. */
export function answerError(reply: FastifyReply, { status, error, description, retryAfterSeconds }: WireError): string {
  reply.code(status).header("content-type", JSON_TYPE);
  if (status === 503 || status === 429) reply.header("retry-after", Math.max(1, Math.ceil(retryAfterSeconds ?? 1)));
  return errorBody(error, description);
}

/** The answer to a refusal; `scheme` is what the route takes in the Authorization header. */
export function refuse(reply: FastifyReply, rejection: Rejection, scheme: Scheme): string {
  const { refused, description, retryAfterSeconds } = rejection;
  const challenge = scheme === "Bearer" ? bearerChallenge(rejection) : basicChallenge(reply, refused);
  if (challenge !== undefined) reply.header("www-authenticate", challenge);
  return answerError(reply, { status: rejection.status ?? REFUSAL_STATUS[refused], error: refused, description, retryAfterSeconds });
}

/** RFC 6749 §5.2: a challenge if the client tried the Authorization header, whatever the scheme. */
function basicChallenge(reply: FastifyReply, refused: RefusalCode): string | undefined {
  const tried = refused === "invalid_client" && reply.request.headers.authorization !== undefined;
  return tried ? `Basic realm="${REALM}", charset="UTF-8"` : undefined;
}

/** RFC 6750 §3. */
function bearerChallenge({ refused, description, uncredentialed }: Rejection): string | undefined {
  if (refused !== "invalid_token" && refused !== "insufficient_scope") return undefined;
  if (uncredentialed) return `Bearer realm="${REALM}"`;
  return `Bearer realm="${REALM}", error="${refused}", error_description="${wireText(description)}"`;
}
