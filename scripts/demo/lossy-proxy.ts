/** A network that can lose one answer: a TCP proxy on loopback between the client and the issuer. */

import { connect, createServer, type Socket } from "node:net";
import { type Listening, listen } from "./listen.ts";

export interface LossyProxy extends Listening {
  /** The next answer comes as far as this proxy; then the client's connection is cut. */
  loseNextAnswer(): void;
  /** Answers lost so far. */
  lost(): number;
}

export async function startLossyProxy(targetPort: number): Promise<LossyProxy> {
  let isToBeLost = false;
  let lost = 0;
  const open = new Set<Socket>();

  const server = createServer((client) => {
    const issuer = connect(targetPort, "127.0.0.1");
    for (const [socket, other] of [
      [client, issuer],
      [issuer, client],
    ] as const) {
      open.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        open.delete(socket);
        other.destroy();
      });
    }
    client.on("data", (chunk) => issuer.write(chunk));
    issuer.on("data", (chunk) => {
      if (!isToBeLost) return void client.write(chunk);
      // The issuer has answered, so it has done what was asked; nobody but this proxy knows.
      isToBeLost = false;
      lost += 1;
      client.destroy();
    });
  });

  const listening = await listen(server);
  return {
    ...listening,
    loseNextAnswer() {
      isToBeLost = true;
    },
    lost: () => lost,
    async close() {
      for (const socket of open) socket.destroy();
      await listening.close();
    },
  };
}
