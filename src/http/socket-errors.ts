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

/** Answers and closes. Nothing is written where an answer has begun already. */
export function answerSocketError(error: NodeJS.ErrnoException, socket: Socket, requestId: string): void {
  // oxlint-disable-next-line no-underscore-dangle -- how Node.js itself asks (lib/_http_server.js, socketOnError)
  const begun = (socket as Socket & { readonly _httpMessage?: ServerResponse | null })._httpMessage?.headersSent === true;
  if (error.code !== "ECONNRESET" && socket.writable && !begun) {
    const { status, description } = BY_CODE[error.code ?? ""] ?? MALFORMED;
    const body = errorBody("invalid_request", description);
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      "Content-Type: application/json; charset=utf-8",
      `Content-Length: ${Buffer.byteLength(body)}`,
      "Cache-Control: no-store",
      "Pragma: no-cache",
      "X-Content-Type-Options: nosniff",
      `X-Request-Id: ${requestId}`,
      "Connection: close",
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  }
  socket.destroySoon();
}
