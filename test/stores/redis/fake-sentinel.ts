/** A sentinel that names one primary, and answers and tells of failovers when it is told to. */

import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { Frames, wordsOf } from "../../faults/support/resp.ts";

const CHANNEL = "+switch-master";

export interface FakeSentinel {
  readonly port: number;
  /** Whether questions for the primary wait for `release`. */
  isHolding: boolean;
  /** Questions that wait. */
  readonly held: number;
  /** Connections that listen to failovers. */
  readonly listeners: number;
  tellFailover(): void;
  release(): void;
  close(): void;
}

/** An array, or what is told unasked (RESP3). */
function bulks(type: "*" | ">", ...texts: readonly string[]): string {
  return `${type}${texts.length}\r\n${texts.map((text) => `$${text.length}\r\n${text}\r\n`).join("")}`;
}

export async function startFakeSentinel(primaryPort: number): Promise<FakeSentinel> {
  const sockets = new Set<Socket>();
  const listening = new Set<Socket>();
  let waiting: (() => void)[] = [];
  const answer = (socket: Socket, words: readonly string[]): void => {
    const [name = ""] = words;
    if (name === "sentinel") {
      const reply = (): void => void socket.write(bulks("*", "127.0.0.1", String(primaryPort)));
      if (sentinel.isHolding) waiting.push(reply);
      else reply();
    } else if (name === "subscribe") {
      listening.add(socket);
      socket.write(`>3\r\n$9\r\nsubscribe\r\n$${CHANNEL.length}\r\n${CHANNEL}\r\n:1\r\n`);
    } else socket.write("+OK\r\n");
  };
  const listener = createServer((socket) => {
    sockets.add(socket);
    const frames = new Frames();
    socket.on("data", (piece) => {
      for (const frame of frames.push(piece)) answer(socket, wordsOf(frame).map(String));
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      sockets.delete(socket);
      listening.delete(socket);
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const sentinel = {
    port: (listener.address() as AddressInfo).port,
    isHolding: false,
    get held() {
      return waiting.length;
    },
    get listeners() {
      return listening.size;
    },
    tellFailover() {
      for (const socket of listening) socket.write(bulks(">", "message", CHANNEL, "primary"));
    },
    release() {
      sentinel.isHolding = false;
      for (const reply of waiting) reply();
      waiting = [];
    },
    close() {
      for (const socket of sockets) socket.destroy();
      listener.close();
    },
  };
  return sentinel;
}
