/** An HTTP client over kept-alive connections that can lose a response on purpose. */

import { Agent, request } from "node:http";

const TIMEOUT_MILLIS = 30_000;

export interface Answer {
  /** 0: there was no answer. */
  readonly status: number;
  readonly body: string;
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

export const NO_ANSWER: Answer = { status: 0, body: "" };

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
      outgoing.on("error", () => resolve(NO_ANSWER));
      outgoing.on("timeout", () => outgoing.destroy(new Error("timeout")));
      outgoing.on("response", (response) => {
        const pieces: Buffer[] = [];
        response.on("data", (piece: Buffer) => pieces.push(piece));
        response.on("error", () => resolve(NO_ANSWER));
        response.on("end", () =>
          resolve(lose === undefined ? { status: response.statusCode ?? 0, body: Buffer.concat(pieces).toString() } : NO_ANSWER),
        );
      });
      if (lose === "sent") outgoing.on("finish", () => setImmediate(() => outgoing.destroy(new Error("lost on purpose"))));
      outgoing.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
