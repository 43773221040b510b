/** An HTTP client over kept-alive connections that can lose a response on purpose. */

import { Agent, request } from "node:http";
import type { IncomingMessage } from "node:http";

const TIMEOUT_MILLIS = 30_000;

export interface Answer {
  /** 0: there was no answer. */
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /**
   * Why there was none: nobody took the connection, it was cut, it stayed silent for all our patience, or it was lost as the
   * call wanted.
   */
  readonly failure?: "refused" | "cut" | "late" | "lost";
}

export interface Call {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /**
   * What the network does with it: "sent": the connection breaks as soon as the request was written;
   * "answered": the answer comes as far as this machine and no further. The caller sees status 0.
   */
  readonly lose?: "sent" | "answered";
}

function noAnswer(failure: Answer["failure"] & string): Answer {
  return { status: 0, body: "", headers: {}, failure };
}

export class HttpClient {
  readonly #agent: Agent;
  readonly #hostname: string;
  readonly #port: number;

  constructor(url: string, connections = 256) {
    const { hostname, port } = new URL(url);
    this.#hostname = hostname;
    this.#port = Number(port);
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections, maxFreeSockets: connections });
  }

  /** Never rejects: no answer is status 0. A request is sent once. */
  send(call: Call): Promise<Answer> {
    return new Promise((resolve) => {
      const { method, path, body = "", lose } = call;
      const headers = { ...call.headers, ...(body === "" ? {} : { "content-length": Buffer.byteLength(body) }) };
      const outgoing = request({
        agent: this.#agent,
        host: this.#hostname,
        port: this.#port,
        method,
        path,
        headers,
        timeout: TIMEOUT_MILLIS,
      });
      outgoing.on("error", (error: NodeJS.ErrnoException) => resolve(noAnswer(failureOf(error, outgoing.reusedSocket))));
      outgoing.on("timeout", () => outgoing.destroy(new LateError()));
      outgoing.on("response", (response) => {
        const pieces: Buffer[] = [];
        response.on("data", (piece: Buffer) => pieces.push(piece));
        response.on("error", () => resolve(noAnswer("cut")));
        response.on("end", () => resolve(lose === undefined ? answerOf(response, pieces) : noAnswer("lost")));
      });
      if (lose === "sent") outgoing.on("finish", () => setImmediate(() => outgoing.destroy(new LostError())));
      outgoing.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

class LateError extends Error {}
class LostError extends Error {}

/** A new connection that was reset was still in the system's queue, and nobody took it. */
function failureOf(error: NodeJS.ErrnoException, wasKept: boolean): Answer["failure"] & string {
  if (error instanceof LateError) return "late";
  if (error instanceof LostError) return "lost";
  if (error.code === "ECONNREFUSED" || (error.code === "ECONNRESET" && error.syscall !== undefined && !wasKept)) return "refused";
  return "cut";
}

function answerOf({ statusCode = 0, headers }: IncomingMessage, pieces: readonly Buffer[]): Answer {
  const single = Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : value] as const);
  return { status: statusCode, body: Buffer.concat(pieces).toString(), headers: Object.fromEntries(single) };
}
