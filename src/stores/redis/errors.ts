/**
 * What the server or the client library says, in the port's words. ioredis puts the command with its arguments on its
 * errors (`.command`), so none of them is passed on, not even as a cause.
 */

import { StoreError } from "../../domain/ports.ts";
import { TimeoutError } from "./deadlines.ts";

/** Error replies after which certainly nothing was changed: the server refused before it wrote. */
const refusals: Readonly<Record<string, string>> = {
  BUSY: "is busy with a script",
  CLUSTERDOWN: "says that its cluster is down",
  LOADING: "is loading its data",
  MASTERDOWN: "is a replica without its primary",
  MISCONF: "refuses writes because it can't persist them",
  NOAUTH: "wants a password",
  NOPERM: "does not permit this user the command",
  NOREPLICAS: "refuses writes because it has too few replicas",
  NOSCRIPT: "does not know the script",
  OOM: "refuses writes because its memory is full",
  READONLY: "is a replica and refuses writes",
  WRONGPASS: "refuses the user or password",
  WRONGTYPE: "holds something else under this key",
};

/** The first word of an error reply, e.g. `OOM`; undefined where the error is none of the server's. */
export function replyCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== "ReplyError") return undefined;
  const [first = ""] = error.message.split(" ", 1);
  if (first in refusals) return first;
  // Redis 6 wraps what a script ran into: "ERR Error running script (…): …: -OOM command not allowed …".
  const wrapped = /^ERR Error running script .*-([A-Z]+) /.exec(error.message)?.[1];
  if (wrapped !== undefined && wrapped in refusals) return wrapped;
  return /^[A-Z]{2,16}$/.test(first) ? first : "ERR";
}

/** The server does not know an option of the command: it did nothing. */
export function isSyntaxError(error: unknown): boolean {
  return replyCode(error) === "ERR" && error instanceof Error && error.message === "ERR syntax error";
}

/** A call that was sent and failed. A write whose end nobody saw is `unknown`. */
export function failedCall(error: unknown, isWrite: boolean): StoreError {
  if (error instanceof StoreError) return error;
  const code = replyCode(error);
  const refusal = code === undefined ? undefined : refusals[code];
  if (refusal !== undefined) return new StoreError("unavailable", `the Redis server ${refusal} (${code})`);
  const outcome = isWrite ? "unknown" : "unavailable";
  if (code !== undefined) return new StoreError(outcome, `the Redis server answered with an error (${code})`);
  if (error instanceof TimeoutError) return new StoreError(outcome, "the Redis server did not answer within the command timeout");
  return new StoreError(outcome, "the connection to the Redis server was lost during a call");
}

/** Why there is no connection, in a few words without any value. */
export function connectionFault(error: unknown): string {
  const code = replyCode(error);
  if (code !== undefined) return `the Redis server ${refusals[code] ?? "refuses the connection"} (${code})`;
  const name = error instanceof Error && "code" in error ? error.code : undefined;
  if (typeof name === "string" && /^[A-Z][A-Z0-9_]{1,40}$/.test(name)) return `the Redis server can't be reached (${name})`;
  return "the Redis server can't be reached";
}
