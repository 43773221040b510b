/** One HTTP request as a stranger's client sends it: headers as given, nothing added, the answer as it came. */

import { request } from "node:http";
import type { Agent } from "node:http";

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface HttpCall {
  /** GET if absent. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer;
  /** Kept-alive connections; a connection of its own if absent. */
  readonly agent?: Agent;
  /** Another address of this machine to come from, such as 127.0.0.2. */
  readonly from?: string;
}

const TIMEOUT_MILLIS = 30_000;

/** Why there was no answer; `wasKept`: the connection had carried another request before. */
export interface CallError extends NodeJS.ErrnoException {
  readonly wasKept: boolean;
}

/** Rejects with a `CallError` where there is no whole answer. `url` is sent as it is written. */
export function call(url: string, { method = "GET", headers = {}, body, agent, from }: HttpCall = {}): Promise<HttpAnswer> {
  const [, origin = "", path = "/"] = /^(http:\/\/[^/]+)(\/.*)?$/.exec(url) ?? [];
  const { hostname, port } = new URL(origin);
  const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
  // A list is sent as headers of one name; node:http joins what must not be repeated, so the raw form is used.
  const raw = Object.entries({ host: `${hostname}:${port}`, ...headers, ...length }).flatMap(([name, value]) =>
    [value].flat().flatMap((one) => [name, one]),
  );
  return new Promise((resolve, reject) => {
    const outgoing = request({
      agent: agent ?? false,
      ...(from === undefined ? {} : { localAddress: from }),
      hostname,
      port,
      path,
      method,
      headers: raw as unknown as Record<string, string>,
      timeout: TIMEOUT_MILLIS,
    });
    const fail = (error: Error) => reject(Object.assign(error, { wasKept: outgoing.reusedSocket }));
    outgoing.on("error", fail).on("timeout", () => outgoing.destroy(new Error("no answer in time")));
    outgoing.on("response", (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("error", fail);
      response.on("end", () => {
        if (!response.complete) return fail(new Error("the answer was cut"));
        const text = Buffer.concat(pieces).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers as Record<string, string>, body: text });
      });
    });
    outgoing.end(body);
  });
}

/** The members of a JSON object body. */
export function membersOf({ body }: HttpAnswer): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(body);
  if (typeof value !== "object" || value === null) throw new Error("the body is no JSON object");
  return value as Readonly<Record<string, unknown>>;
}

/** `status error`, for comparing at a glance; the error is empty where the body has none. */
export function outcomeOf(answer: HttpAnswer): string {
  const isJson = answer.headers["content-type"]?.startsWith("application/json") === true;
  const { error } = isJson ? membersOf(answer) : { error: undefined };
  return typeof error === "string" ? `${answer.status} ${error}` : String(answer.status);
}
