/** Errors that come before there is a request: Node.js's parser and timeouts, answered on the bare socket. */

import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { errorBody } from "./refuse.ts";

const BY_CODE: Readonly<Record<string, { readonly status: number; readonly description: string }>> = {
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, description: "the request did not arrive in time" },
  HPE_HEADER_OVERFLOW: { status: 431, description: "the request headers are too large" },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, description: "the chunk extensions are too large" },
};
const MALFORMED = { status: 400, description: "this is not HTTP, or HTTP that can be read in two ways" };

const CONNECT_LINGER_MILLIS = 1_000;

/** What a socket answers at the moment; how Node.js itself asks (lib/_http_server.js, socketOnError). */
type AnsweringSocket = Socket & { readonly _httpMessage?: ServerResponse | null };

/**
 * Answers and closes. A request that had come whole before is answered first, and alone: what is wrong is something after
 * it, and an error would be taken for its answer although it was carried out.
 */
export function answerSocketError(error: NodeJS.ErrnoException, socket: Socket, requestId: string): void {
  // oxlint-disable-next-line no-underscore-dangle -- there is no other way to ask
  const answering = (socket as AnsweringSocket)._httpMessage ?? undefined;
  if (error.code !== "ECONNRESET" && socket.writable && answering?.headersSent !== true) {
    if (answering?.req.complete === true) return closeAfter(answering, socket);
    const { status, description } = BY_CODE[error.code ?? ""] ?? MALFORMED;
    socket.write(answer(status, description, requestId));
  }
  socket.destroySoon();
}

/** Each further piece of nonsense is an error of its own. */
const closing = new WeakSet<Socket>();

function closeAfter(answering: ServerResponse, socket: Socket): void {
  if (closing.has(socket)) return;
  closing.add(socket);
  answering.once("close", () => socket.destroySoon());
}

/** CONNECT is for proxies (RFC 9110 §9.3.6); Node.js would close the connection without a word. */
export function answerConnect(socket: Socket, requestId: string): void {
  // The server's own limits don't hold for such a socket any more.
  socket.setTimeout(CONNECT_LINGER_MILLIS, () => socket.destroy()).on("error", () => socket.destroy());
  socket.end(answer(405, "the method is not allowed here", requestId, ["Allow: DELETE, GET, HEAD, OPTIONS, POST"]));
  // What else is sent is read away: a socket closed with unread bytes resets the connection.
  socket.resume();
}

function answer(status: number, description: string, requestId: string, more: readonly string[] = []): string {
  const body = errorBody("invalid_request", description);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Cache-Control: no-store",
    "Pragma: no-cache",
    "X-Content-Type-Options: nosniff",
    `X-Request-Id: ${requestId}`,
    ...more,
    "Connection: close",
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}
