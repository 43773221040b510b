/** A TCP proxy on loopback that misbehaves as told, between a client and a real server. */

import { connect, createServer } from "node:net";
import type { Socket } from "node:net";

/** All can be changed while connections are open; each holds for what comes after. */
export interface ProxyRules {
  /** New connections are closed at once. */
  refuse: boolean;
  /** Each chunk in either direction is late by this. */
  delayMillis: number;
  /** The server's replies are thrown away; the connection stays open. */
  dropReplies: boolean;
  /** Of what the client sends, this many more bytes arrive, then the connection is cut. */
  cutAfterRequestBytes: number;
  /** Of what the server answers, this many more bytes arrive, then the connection is cut. */
  cutAfterReplyBytes: number;
  /** Changes what the server answers. */
  rewriteReply: (chunk: Buffer) => Buffer;
}

export interface TcpProxy {
  readonly port: number;
  /** As a Redis URL. */
  readonly url: string;
  readonly rules: ProxyRules;
  /** Connections taken so far. */
  readonly connections: number;
  /** Cuts all open connections. */
  cut(): void;
  /** Open connections stay open and carry nothing any more, as behind a network that lost them; new ones work. */
  freeze(): void;
  /** Cuts all, and sends new connections to another server. */
  retarget(port: number): void;
  close(): Promise<void>;
}

export async function startTcpProxy(firstPort: number, initial: Partial<ProxyRules> = {}): Promise<TcpProxy> {
  const rules: ProxyRules = {
    refuse: false,
    delayMillis: 0,
    dropReplies: false,
    cutAfterRequestBytes: Number.POSITIVE_INFINITY,
    cutAfterReplyBytes: Number.POSITIVE_INFINITY,
    rewriteReply: (chunk) => chunk,
    ...initial,
  };
  const open = new Set<Socket>();
  let targetPort = firstPort;
  let connections = 0;
  let era = 0;

  const later = (work: () => void) => (rules.delayMillis > 0 ? void setTimeout(work, rules.delayMillis) : work());

  /** Passes on what the rule still allows; says whether the connection is to be cut. */
  const forward = (chunk: Buffer, to: Socket, rule: "cutAfterRequestBytes" | "cutAfterReplyBytes"): boolean => {
    const allowed = chunk.subarray(0, Math.min(chunk.length, rules[rule]));
    rules[rule] -= allowed.length;
    if (allowed.length > 0) to.write(allowed);
    return rules[rule] <= 0;
  };

  const server = createServer((client) => {
    connections += 1;
    if (rules.refuse) return void client.destroy();
    const ownEra = era;
    const isFrozen = () => ownEra !== era;
    const upstream = connect(targetPort, "127.0.0.1");
    const cut = () => {
      client.destroy();
      // What was forwarded still arrives.
      upstream.end();
    };
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on("error", cut);
      socket.on("close", () => {
        open.delete(socket);
        cut();
      });
    }
    client.on("data", (chunk) => later(() => !isFrozen() && forward(chunk, upstream, "cutAfterRequestBytes") && cut()));
    upstream.on("data", (chunk) => {
      if (rules.dropReplies || isFrozen()) return;
      later(() => forward(rules.rewriteReply(chunk), client, "cutAfterReplyBytes") && cut());
    });
    client.on("end", () => later(() => upstream.end()));
    upstream.on("end", () => later(() => client.end()));
  });

  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const cut = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    port: address.port,
    url: `redis://127.0.0.1:${address.port}`,
    rules,
    get connections() {
      return connections;
    },
    cut,
    freeze() {
      era += 1;
    },
    retarget(port) {
      targetPort = port;
      cut();
    },
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
