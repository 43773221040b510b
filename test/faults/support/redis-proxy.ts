/** A proxy that knows Redis' protocol, between an issuer and its server: what happens to a command is decided by what it is. */

import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { Frames, wordsOf } from "./resp.ts";

export interface Command {
  /** In lower case. */
  readonly name: string;
  readonly words: readonly Buffer[];
}

export type Verdict =
  | "pass"
  /** The server never gets it: the connection is cut. */
  | "lose request"
  /** The server runs it: then the connection is cut instead of a reply, half-way through the reply, or by a reset. */
  | "lose reply"
  | "half reply"
  | "reset"
  /** The server runs it, and from its reply on the connection carries nothing any more and stays open. */
  | "silence"
  /** Answered here: the server never gets it. Without the line's end. */
  | { readonly answer: string }
  /** The server runs it; `held` is called when its reply is there, which goes on when that resolves. */
  | { readonly held: () => Promise<void> };

export interface RedisProxy {
  readonly port: number;
  readonly url: string;
  /** What happens to each command from now on. */
  decide: (command: Command) => Verdict;
  /** Whatever is sent, in either direction, is late by this. */
  delayMillis: number;
  /** New connections are closed at once. */
  isRefusing: boolean;
  /** Cuts all connections. */
  cut(): void;
  close(): Promise<void>;
}

export const passAll = (): Verdict => "pass";

export async function startRedisProxy(targetPort: number): Promise<RedisProxy> {
  const links = new Set<Link>();
  const server = createServer((client) => {
    if (proxy.isRefusing) return void client.destroy();
    const link = new Link(client, connect(targetPort, "127.0.0.1"), proxy);
    links.add(link);
    client.once("close", () => links.delete(link));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const proxy: RedisProxy = {
    port: address.port,
    url: `redis://127.0.0.1:${address.port}`,
    decide: passAll,
    delayMillis: 0,
    isRefusing: false,
    cut() {
      for (const link of links) link.cut();
    },
    async close() {
      proxy.cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

/** Late by what is set when a piece comes, and never before what came earlier. */
class Delay {
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  pass(millis: number, work: () => Promise<void> | void): void {
    if (millis === 0 && this.#waiting === 0) return void work();
    this.#waiting += 1;
    const due = new Promise<void>((resolve) => setTimeout(resolve, millis));
    this.#last = Promise.all([this.#last, due]).then(async () => {
      this.#waiting -= 1;
      await work();
    });
  }
}

class Link {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #proxy: RedisProxy;
  readonly #requests = new Frames();
  readonly #replies = new Frames();
  readonly #there = new Delay();
  readonly #back = new Delay();
  /** What becomes of the replies to come, in their order. */
  readonly #due: Verdict[] = [];
  /** Of replies: a piece that comes while an earlier reply is held waits behind it. */
  readonly #pieces: Buffer[] = [];
  #isAnswering = false;
  #isSilent = false;
  #isCut = false;

  constructor(client: Socket, server: Socket, proxy: RedisProxy) {
    this.#client = client;
    this.#server = server;
    this.#proxy = proxy;
    for (const socket of [client, server]) {
      socket.on("error", () => this.cut());
      socket.on("close", () => this.cut());
    }
    client.on("data", (piece) => this.#there.pass(proxy.delayMillis, () => this.#ask(piece)));
    server.on("data", (piece) => this.#back.pass(proxy.delayMillis, () => this.#answer(piece)));
  }

  /** What was passed on still arrives at the server. */
  cut(): void {
    this.#isCut = true;
    this.#client.destroy();
    this.#server.end();
  }

  #ask(piece: Buffer): void {
    for (const frame of this.#requests.push(piece)) {
      if (this.#isCut) return;
      const words = wordsOf(frame);
      const verdict = this.#proxy.decide({ name: (words[0]?.toString() ?? "").toLowerCase(), words });
      if (verdict === "lose request") return this.cut();
      this.#due.push(verdict);
      if (typeof verdict !== "object" || !("answer" in verdict)) this.#server.write(frame);
      else if (!this.#isAnswering) this.#answerHere();
    }
  }

  async #answer(piece: Buffer): Promise<void> {
    this.#pieces.push(piece);
    if (this.#isAnswering) return;
    this.#isAnswering = true;
    for (let next = this.#pieces.shift(); next !== undefined; next = this.#pieces.shift()) {
      for (const frame of this.#replies.push(next)) {
        if (this.#isCut) return;
        await this.#carryOut(this.#due.shift() ?? "pass", frame);
        this.#answerHere();
      }
    }
    this.#isAnswering = false;
  }

  /** Our own answers wait for their turn. */
  #answerHere(): void {
    for (let next = this.#due[0]; typeof next === "object" && "answer" in next; next = this.#due[0]) {
      this.#due.shift();
      this.#reply(Buffer.from(`${next.answer}\r\n`));
    }
  }

  async #carryOut(verdict: Verdict, reply: Buffer): Promise<void> {
    if (typeof verdict === "object" && "held" in verdict) await verdict.held();
    if (verdict === "lose reply") return this.cut();
    if (verdict === "reset") return this.#reset();
    if (verdict === "silence") this.#isSilent = true;
    this.#reply(verdict === "half reply" ? reply.subarray(0, reply.length >> 1) : reply);
    if (verdict === "half reply") this.#client.end(() => this.cut());
  }

  #reply(bytes: Buffer): void {
    if (!this.#isSilent && this.#client.writable) this.#client.write(bytes);
  }

  #reset(): void {
    this.#client.resetAndDestroy();
    this.cut();
  }
}
