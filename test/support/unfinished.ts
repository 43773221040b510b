/** A request that a server is in the middle of. */

import { connect } from "node:net";
import { FORM } from "./client-calls.ts";
import type { RunningIssuer } from "./issuer-process.ts";

/** A request of which the last byte is missing. */
export async function unfinished(issuer: RunningIssuer) {
  const { hostname, port } = new URL(issuer.url);
  const socket = connect(Number(port), hostname);
  await new Promise((resolve) => socket.once("connect", resolve));
  let text = "";
  socket.on("data", (piece: Buffer) => void (text += piece.toString())).on("error", () => undefined);
  const body = "grant_type=refresh_token&client_id=app&refresh_token=garbage";
  socket.write(
    `POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: ${FORM["content-type"]}\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, -1)}`,
  );
  // The server has read it by the time that it has answered another.
  await issuer.send("/livez");
  const closed = new Promise<string>((resolve) => socket.once("close", () => resolve(text)));
  return { finish: () => void socket.write(body.slice(-1)), closed, destroy: () => void socket.destroy() };
}
