/** The issuer processes that clients can reach, as a load balancer sees them: who takes no connection is passed over. */

import type { Answer, Call, HttpClient } from "../../../scripts/figures/support/http.ts";

export interface Sent {
  readonly answer: Answer;
  readonly node: number;
}

export class Targets {
  readonly #clients: (HttpClient | undefined)[] = [];
  /** Connections that nobody took, so that the request went to the next. */
  passedOver = 0;

  /** Undefined: this node can't be reached. */
  set(node: number, client: HttpClient | undefined): void {
    this.#clients[node] = client;
  }

  get count(): number {
    return this.#clients.length;
  }

  /** Asks one, and the others in turn while nobody takes the connection. */
  async send(call: Call, first: number): Promise<Sent> {
    let node = first % this.count;
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.#clients[node]?.send(call);
      const isRefused = answer === undefined || answer.failure === "refused";
      if (!isRefused) return { answer, node };
      if (attempt >= this.count) return { answer: answer ?? { status: 0, body: "", headers: {}, failure: "refused" }, node };
      this.passedOver += 1;
      node = (node + 1) % this.count;
    }
  }

  /** Asks this one only. */
  sendTo(node: number, call: Call): Promise<Answer> | undefined {
    return this.#clients[node]?.send(call);
  }
}
