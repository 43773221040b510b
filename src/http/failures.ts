/** What an exception becomes on the wire: Fastify's own errors, a store that can't answer, and faults of ours. */

import type { FastifyReply, FastifyRequest } from "fastify";
import { FormatError } from "../domain/bytes.ts";
import { KeyError, QueueFullError, StoreError } from "../domain/ports.ts";
import { UnavailableError } from "../issuer/types.ts";
import { drain } from "./drain.ts";
import { answerError, type WireError } from "./refuse.ts";

/** A fault of ours. Where it happened, not what was being worked on: the message of a foreign error may quote a secret. */
export interface HttpFailure {
  readonly event: "http.failure";
  readonly requestId: string;
  readonly method: string;
  /** The route's pattern, never the URL. */
  readonly route: string;
  /** The error's name, and its code if it has one. */
  readonly error: string;
  /** The stack without the message. */
  readonly at: readonly string[];
}

const UNAVAILABLE = [StoreError, UnavailableError, QueueFullError, FormatError, KeyError];

/** Fastify's own errors by their status. */
const FRAMEWORK_DESCRIPTIONS: Readonly<Record<number, string>> = {
  400: "the request is malformed",
  413: "the request body is too large",
  414: "a part of the path is too long",
  415: "the media type is not supported here",
};

/** What an exception becomes; undefined: nobody foresaw it. */
export function foreseen(error: unknown): WireError | undefined {
  if (UNAVAILABLE.some((kind) => error instanceof kind)) {
    const retryAfterSeconds = error instanceof UnavailableError ? error.retryAfterSeconds : undefined;
    return {
      status: 503,
      error: "temporarily_unavailable",
      description: "nothing is wrong with the request: try it again",
      retryAfterSeconds,
    };
  }
  if (!(error instanceof Error) || !("statusCode" in error) || typeof error.statusCode !== "number") return undefined;
  const description = FRAMEWORK_DESCRIPTIONS[error.statusCode];
  return description === undefined ? undefined : { status: error.statusCode, error: "invalid_request", description };
}

export const SERVER_ERROR: WireError = {
  status: 500,
  error: "server_error",
  description: "something went wrong here; the request id finds it in the log",
};

/** Fastify's error handler: every exception of a handler, a hook or a parser comes through here. */
export function createErrorHandler(log: ((event: HttpFailure) => void) | undefined) {
  return async (error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<string> => {
    const wire = foreseen(error);
    // A socket closed with unread bytes resets the connection, and the sender may never see why.
    if (wire?.status === 413) await drain(request.raw);
    if (wire !== undefined) return answerError(reply, wire);
    log?.(describe(error, request));
    return answerError(reply, SERVER_ERROR);
  };
}

function describe(error: unknown, request: FastifyRequest): HttpFailure {
  const { name, code, stack } =
    error instanceof Error ? (error as NodeJS.ErrnoException) : { name: typeof error, code: undefined, stack: "" };
  return {
    event: "http.failure",
    requestId: request.id,
    method: request.method,
    route: request.routeOptions.url ?? "unknown",
    error: code === undefined ? name : `${name} ${code}`,
    at: (stack ?? "")
      .split("\n")
      .filter((line) => line.startsWith("    at "))
      .map((line) => line.trim()),
  };
}
