/** Counts the bytes between a client and a server on loopback: what TCP carries, without the headers of its packets. */

import { connect, createServer } from "node:net";
import type { Socket } from "node:net";

export interface CountingProxy {
  readonly port: number;
  /** So far, from clients to the server and back. */
  readonly bytes: { readonly sent: number; readonly answered: number };
  close(): Promise<void>;
}

export async function startCountingProxy(targetPort: number): Promise<CountingProxy> {
  const bytes = { sent: 0, answered: 0 };
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(targetPort, "127.0.0.1");
    for (const [from, to, direction] of [
      [client, upstream, "sent"],
      [upstream, client, "answered"],
    ] as const) {
      open.add(from);
      from.setNoDelay(true);
      from.on("data", (chunk: Buffer) => void (bytes[direction] += chunk.length));
      from.on("error", () => to.destroy());
      from.on("close", () => {
        open.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    bytes,
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
