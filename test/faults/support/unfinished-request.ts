/** A request of which the last byte is missing, so that a server that drains has something to wait for. */

import { connect } from "node:net";

export interface UnfinishedRequest {
  /** Sends what is missing; resolves with everything that was answered until the connection is closed. */
  finish(): Promise<string>;
  destroy(): void;
}

/** To be refused when it is finished: its token is none. */
export async function unfinishedRequest(port: number): Promise<UnfinishedRequest> {
  const socket = connect(port, "127.0.0.1");
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  let text = "";
  socket.on("data", (piece: Buffer) => void (text += piece.toString())).on("error", () => undefined);
  const closed = new Promise<string>((resolve) => socket.once("close", () => resolve(text)));
  const body = "grant_type=refresh_token&client_id=app&refresh_token=garbage";
  const head = ["POST /token HTTP/1.1", "Host: x", "Content-Type: application/x-www-form-urlencoded", `Content-Length: ${body.length}`];
  socket.write(`${head.join("\r\n")}\r\n\r\n${body.slice(0, -1)}`);
  return {
    finish() {
      socket.write(body.slice(-1));
      return closed;
    },
    destroy: () => void socket.destroy(),
  };
}

/** Whether anybody takes a new connection. */
export function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
