/** Random changes to a request: some that keep it HTTP, some that don't care. All randomness comes from a seed. */

import { wireOf } from "../../../test/support/raw-exchange.ts";
import type { RawRequest } from "../../../test/support/raw-exchange.ts";
import { pick } from "./random.ts";
import type { Draw } from "./random.ts";

type Change = (request: RawRequest, other: RawRequest, draw: Draw) => RawRequest;

const METHODS = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "POST", "post", "PROPFIND", "X", "CONNECT"];
const PATHS = [
  "/token",
  "/login",
  "/revoke",
  "/introspect",
  "/logout",
  "/sessions",
  "/sessions/x",
  "/sessions?except=current",
  "/.well-known/jwks.json",
  "/openapi.json",
  "/token/",
  "//token",
  "/token%00",
  "/%74oken",
  "/token?x=%zz",
  "/token?__proto__[a]=b",
  "*",
  "http://evil.test/token",
  "/..%2f..%2fetc%2fpasswd",
];
const TYPES = [
  "application/x-www-form-urlencoded",
  "application/json",
  "text/plain",
  "multipart/form-data; boundary=x",
  "application/x-www-form-urlencoded; charset=utf-7",
  "application/json;charset=utf-8",
  "",
  "x",
];
const ODD = [
  "\u0000",
  "%00",
  "\u0001",
  "\r\n",
  "%0d%0a",
  "\u007f",
  "\u0085",
  "\u200b",
  "\u202e",
  "\ufeff",
  "\u{1f511}",
  "é",
  "ſ",
  "%ed%a0%80",
  "%c0%80",
  "+",
  "%2b",
  "&",
  "&&",
  "=",
  ";",
  "%",
  "%%",
  '"',
  "\\",
  "null",
  "true",
  "-1",
  "1e999",
  "[]",
  "{}",
  "__proto__",
  "constructor",
  "../../",
  "${jndi:ldap://evil.test}",
  "' OR 1=1 --",
];
const HEADERS: readonly (readonly [string, string])[] = [
  ["authorization", "Basic Og=="],
  ["authorization", "Bearer x"],
  ["origin", "null"],
  ["cookie", "__Host-mintmark-web=x"],
  ["cookie", ";;;=;"],
  ["expect", "100-continue"],
  ["expect", "x"],
  ["upgrade", "websocket"],
  ["connection", "upgrade"],
  ["connection", "keep-alive"],
  ["transfer-encoding", "chunked"],
  ["transfer-encoding", "gzip"],
  ["content-encoding", "br"],
  ["content-length", "0"],
  ["content-length", "-1"],
  ["idempotency-key", "0123456789abcdef"],
  ["x-forwarded-for", "1.2.3.4, 5.6.7.8"],
  ["x-http-method-override", "DELETE"],
  ["host", "evil.test"],
  ["range", "bytes=0-1"],
  ["if-none-match", "*"],
  ["sec-fetch-site", "cross-site"],
  ["accept", "text/html"],
];

function parametersOf({ body }: RawRequest): string[] {
  return body.toString("latin1").split("&");
}

function withBody(request: RawRequest, body: string): RawRequest {
  return { ...request, body: Buffer.from(body, "latin1") };
}

function withParameters(request: RawRequest, change: (parameters: string[]) => readonly string[]): RawRequest {
  return withBody(request, change(parametersOf(request)).join("&"));
}

function inText(draw: Draw, text: string, what: string): string {
  const at = draw(text.length + 1);
  return text.slice(0, at) + what + text.slice(at);
}

/** These leave HTTP as it is. */
const CHANGES: Readonly<Record<string, Change>> = {
  method: (request, _, draw) => ({ ...request, method: pick(draw, METHODS) }),
  path: (request, _, draw) => ({ ...request, path: pick(draw, PATHS) }),
  type: (request, _, draw) => ({
    ...request,
    headers: [...request.headers.filter(([name]) => name !== "content-type"), ["content-type", pick(draw, TYPES)]],
  }),
  "body of another": (request, other) => ({ ...request, body: other.body }),
  "headers of another": (request, other) => ({ ...request, headers: other.headers }),
  "a header more": (request, _, draw) => ({ ...request, headers: [...request.headers, pick(draw, HEADERS)] }),
  "a header of another": (request, other, draw) =>
    other.headers.length === 0 ? request : { ...request, headers: [...request.headers, pick(draw, other.headers)] },
  "a header less": (request, _, draw) => {
    const gone = draw(request.headers.length + 1);
    return { ...request, headers: request.headers.filter((_header, index) => index !== gone) };
  },
  "a header twice": (request, _, draw) =>
    request.headers.length === 0 ? request : { ...request, headers: [...request.headers, pick(draw, request.headers)] },
  "case of headers": (request, _, draw) => ({
    ...request,
    headers: request.headers.map(([name, value]) => [draw(2) === 0 ? name.toUpperCase() : name, value] as const),
  }),
  "a header's value": (request, _, draw) => {
    const at = draw(Math.max(1, request.headers.length));
    const changed = request.headers.map(([name, value], index) =>
      index === at ? ([name, inText(draw, value, pick(draw, ODD).replace(/[\r\n]/g, ""))] as const) : ([name, value] as const),
    );
    return { ...request, headers: changed };
  },
  "a header that is long": (request, _, draw) => ({ ...request, headers: [...request.headers, ["x-long", "x".repeat(1 + draw(40_000))]] }),
  "a parameter of another": (request, other, draw) =>
    withParameters(request, (parameters) => {
      const foreign = pick(draw, parametersOf(other));
      const name = foreign.split("=")[0] ?? "";
      return [...parameters.filter((parameter) => parameter.split("=")[0] !== name), foreign];
    }),
  "a parameter more": (request, other, draw) => withParameters(request, (parameters) => [...parameters, pick(draw, parametersOf(other))]),
  "a parameter less": (request, _, draw) => withParameters(request, (all) => all.toSpliced(draw(all.length), 1)),
  "a parameter twice": (request, _, draw) => withParameters(request, (parameters) => [...parameters, pick(draw, parameters)]),
  "a value that is long": (request, _, draw) =>
    withParameters(request, (all) => all.with(draw(all.length), `${pick(draw, all)}${"A".repeat(1 + draw(80_000))}`)),
  "percent-encoded": (request) => withParameters(request, (all) => all.map(percentEncoded)),
  "encoded twice": (request, _, draw) => withParameters(request, (all) => all.with(draw(all.length), encodeURIComponent(pick(draw, all)))),
  "something odd": (request, _, draw) =>
    withBody(request, inText(draw, request.body.toString("latin1"), Buffer.from(pick(draw, ODD)).toString("latin1"))),
  "body cut": (request, _, draw) => ({ ...request, body: request.body.subarray(0, draw(request.body.length + 1)) }),
  "body flipped": (request, _, draw) => ({ ...request, body: flipped(request.body, draw) }),
  "body spliced": (request, other, draw) => ({
    ...request,
    body: Buffer.concat([request.body.subarray(0, draw(request.body.length + 1)), other.body.subarray(draw(other.body.length + 1))]),
  }),
  "query of the body": (request) => ({
    ...request,
    path: `${request.path}?${request.body.toString("latin1").replace(/[^\x21-\x7e]/g, "")}`,
  }),
};

function percentEncoded(parameter: string): string {
  const [name = "", ...value] = parameter.split("=");
  const encoded = Array.from(Buffer.from(value.join("="), "latin1"), (byte) => `%${byte.toString(16).padStart(2, "0")}`);
  return `${name}=${encoded.join("")}`;
}

function flipped(bytes: Buffer, draw: Draw): Buffer {
  if (bytes.length === 0) return bytes;
  const copy = Buffer.from(bytes);
  for (let count = 1 + draw(4); count > 0; count -= 1) {
    const at = draw(copy.length);
    copy[at] = (copy[at] ?? 0) ^ (1 << draw(8));
  }
  return copy;
}

/** These change the bytes on the wire, whatever becomes of them. */
const WIRE_CHANGES: Readonly<Record<string, (bytes: Buffer, other: Buffer, draw: Draw) => Buffer>> = {
  "bytes flipped": (bytes, _, draw) => flipped(bytes, draw),
  "bytes left out": (bytes, _, draw) => {
    const at = draw(bytes.length);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + draw(16))]);
  },
  "bytes twice": (bytes, _, draw) => {
    const [start, length] = [draw(bytes.length), 1 + draw(64)];
    return Buffer.concat([bytes.subarray(0, start + length), bytes.subarray(start)]);
  },
  "bytes cut": (bytes, _, draw) => bytes.subarray(0, 1 + draw(bytes.length)),
  "bytes more": (bytes, _, draw) => {
    const at = draw(bytes.length + 1);
    const noise = Buffer.from(Array.from({ length: 1 + draw(8) }, () => draw(256)));
    return Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]);
  },
  "bytes of another": (bytes, other, draw) =>
    Buffer.concat([bytes.subarray(0, draw(bytes.length + 1)), other.subarray(draw(other.length + 1))]),
  "two at once": (bytes, other) => Buffer.concat([bytes, other]),
};

/** One time in `WIRE_EVERY` the bytes are changed too. */
const WIRE_EVERY = 4;

export interface Mutated {
  readonly bytes: Buffer;
  /** What was done, for a report. */
  readonly done: readonly string[];
}

export function mutated(request: RawRequest, other: RawRequest, host: string, draw: Draw): Mutated {
  const done: string[] = [];
  let changed = request;
  for (let count = 1 + draw(3); count > 0; count -= 1) {
    const [name, change] = pick(draw, Object.entries(CHANGES));
    changed = change(changed, other, draw);
    done.push(name);
  }
  // A length that no longer fits would be the only thing the server looks at.
  const bytes = wireOf(changed, host);
  if (draw(WIRE_EVERY) > 0) return { bytes, done };
  const [name, change] = pick(draw, Object.entries(WIRE_CHANGES));
  return { bytes: change(bytes, wireOf(other, host), draw), done: [...done, name] };
}
