/** Bytes to a server on a bare connection, and whatever comes back: for requests that no HTTP client would send. */

import { connect } from "node:net";
import type { HttpAnswer } from "./http-call.ts";

/** A request before it is bytes. Values are written as they are, in UTF-8. */
export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** HTTP/1.1 with `Content-Length`, where there is a body, and without keep-alive. */
export function wireOf({ method, path, headers, body }: RawRequest, host: string): Buffer {
  const has = (name: string): boolean => headers.some(([one]) => one.toLowerCase() === name);
  const length = body.length > 0 && !has("content-length") ? [["content-length", String(body.length)] as const] : [];
  const all = [...(has("host") ? [] : [["host", host] as const]), ...headers, ...length, ["connection", "close"] as const];
  const head = [`${method} ${path} HTTP/1.1`, ...all.map(([name, value]) => `${name}: ${value}`)];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]);
}

export interface RawAnswers {
  /** Everything that came, in Latin-1. */
  readonly text: string;
  /** Of every answer on the connection. */
  readonly statuses: readonly number[];
}

/** After the answer to one whole request, and after the last of who knows how many. */
const QUIET_MILLIS = { one: 0, many: 1_000 };
const PATIENCE_MILLIS = 10_000;
const LIMIT_MILLIS = 60_000;

/**
 * Sends the bytes and reads until the connection is closed, or nothing more is to be expected. The sending side is closed
 * at once where the bytes are less than a whole request: else the server would wait for the rest. Never rejects.
 */
export function exchange(port: number, bytes: Buffer): Promise<RawAnswers> {
  return new Promise((resolve) => {
    let text = "";
    let quiet: NodeJS.Timeout | undefined;
    const quietMillis = isExact(bytes) ? QUIET_MILLIS.one : QUIET_MILLIS.many;
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    const done = () => {
      for (const timer of [quiet, patience, limit]) clearTimeout(timer);
      socket.destroy();
      const statuses = Array.from(text.matchAll(/HTTP\/1\.1 (\d{3}) /g), (found) => Number(found[1]));
      resolve({ text, statuses: statuses.filter((status) => status >= 200) });
    };
    // Bytes that the server takes for half a request where we take them for a whole one.
    const patience = setTimeout(() => socket.end(), PATIENCE_MILLIS);
    const limit = setTimeout(done, LIMIT_MILLIS);
    socket.on("data", (piece: Buffer) => {
      // Interim answers (RFC 9110 §15.2) are none.
      text = (text + piece.toString("latin1")).replace(/^(HTTP\/1\.1 1\d\d [^\r\n]*\r\n\r\n)+/, "");
      clearTimeout(patience);
      clearTimeout(quiet);
      if (isComplete(text)) quiet = setTimeout(done, quietMillis);
    });
    socket
      .on("end", done)
      .on("close", done)
      .on("error", () => undefined);
    socket.write(bytes);
    if (!isWhole(bytes)) socket.end();
  });
}

/** Whether the bytes are one whole request or more, as far as a simple reading goes. */
export function isWhole(bytes: Buffer): boolean {
  return bytesOver(bytes) >= 0;
}

function isExact(bytes: Buffer): boolean {
  return bytesOver(bytes) === 0;
}

/** How many bytes there are after the first request; less than none where it is not whole. */
function bytesOver(bytes: Buffer): number {
  const text = bytes.toString("latin1");
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return -1;
  const head = text.slice(0, headEnd);
  if (/^transfer-encoding[ \t]*:/im.test(head)) return text.endsWith("0\r\n\r\n") ? 1 : -1;
  const length = /^content-length[ \t]*:[ \t]*(\d+)[ \t]*\r?$/im.exec(head)?.[1];
  return text.length - headEnd - 4 - Number(length ?? 0);
}

function isComplete(text: string): boolean {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return false;
  const length = /^content-length: (\d+)\r?$/im.exec(text.slice(0, headEnd))?.[1];
  return length === undefined || text.length >= headEnd + 4 + Number(length);
}

/** The first answer; undefined where there is none. Its body has the length that the answer says. */
export function firstAnswer({ text, statuses }: RawAnswers): HttpAnswer | undefined {
  const [status] = statuses;
  const headEnd = text.indexOf("\r\n\r\n");
  if (status === undefined || headEnd < 0) return undefined;
  const lines = text.slice(0, headEnd).split("\r\n").slice(1);
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  return { status, headers, body: Buffer.from(text.slice(headEnd + 4), "latin1").toString() };
}
