/**
 * What the server or the client library says, in the port's words. ioredis puts the command with its arguments on its
 * errors (`.command`), so none of them is passed on, not even as a cause.
 */

import { StoreError } from "../../domain/ports.ts";
import { TimeoutError } from "./deadlines.ts";
import type { Node } from "./url.ts";

/** Another server of the cluster has the key (or, with `isAsk`, may have it while its slot is being moved). Nothing was done. */
export class RedirectError extends StoreError {
  readonly isAsk: boolean;
  /** Host "" means: that of whoever said so. */
  readonly to: Node;

  constructor(to: Node, isAsk: boolean) {
    super("unavailable", "the Redis server belongs to a cluster that has the key elsewhere: name it by redis+cluster://");
    this.to = to;
    this.isAsk = isAsk;
  }
}

/** There is no connection, so nothing was sent. */
export class NotConnectedError extends StoreError {
  constructor(message: string) {
    super("unavailable", message);
  }
}

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
  TRYAGAIN: "is moving the key to another one",
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
  if (code === "MOVED" || code === "ASK") return redirect(code, error);
  const refusal = code === undefined ? undefined : refusals[code];
  if (refusal !== undefined) return new StoreError("unavailable", `the Redis server ${refusal} (${code})`);
  const outcome = isWrite ? "unknown" : "unavailable";
  if (code !== undefined) return new StoreError(outcome, `the Redis server answered with an error (${code})`);
  if (error instanceof TimeoutError) return new StoreError(outcome, "the Redis server did not answer within the command timeout");
  return new StoreError(outcome, "the connection to the Redis server was lost during a call");
}

/** `MOVED 3999 127.0.0.1:6381`; the host may be missing, and an IPv6 address has no brackets. */
function redirect(code: "MOVED" | "ASK", error: unknown): StoreError {
  const [, host, port] = /^[A-Z]+ [0-9]+ (.*):([0-9]{1,5})$/.exec(error instanceof Error ? error.message : "") ?? [];
  if (port === undefined) return new StoreError("unavailable", `the Redis server answered with an error (${code})`);
  return new RedirectError({ host: host ?? "", port: Number(port) }, code === "ASK");
}

/** Why there is no connection, in a few words without any value. */
export function connectionFault(error: unknown): string {
  const code = replyCode(error);
  if (code !== undefined) return `the Redis server ${refusals[code] ?? "refuses the connection"} (${code})`;
  if (error instanceof Error && error.message.startsWith("All sentinels are unreachable"))
    return "no sentinel can be reached that knows the primary";
  const name = error instanceof Error && "code" in error ? error.code : undefined;
  if (typeof name === "string" && /^[A-Z][A-Z0-9_]{1,40}$/.test(name)) return `the Redis server can't be reached (${name})`;
  return "the Redis server can't be reached";
}
