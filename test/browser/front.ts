/**
 * What stands before an issuer in the world: one TLS port with the issuer's host and those of the pages, told apart by name.
 * It writes down what passes to the issuer, and holds it back where a test wants an order.
 */

import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import type { Test } from "tap";
import { findProgram, skipWithout } from "../../scripts/system-program.ts";
import { OPENSSL } from "../../scripts/test-programs.ts";

export const skipWithoutOpenssl: string | false = skipWithout(OPENSSL);

export const ISSUER_HOST = "auth.example.test";

/** One request to the issuer and its answer. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** 0 as long as there is none. */
  readonly status: number;
  readonly setCookies: readonly string[];
}

export interface Front {
  readonly hostPort: string;
  /** What has passed to the issuer so far. */
  readonly exchanges: readonly Exchange[];
  /** What the pages set as cookies, by their origin; each character is one byte. */
  readonly pageCookies: Map<string, readonly string[]>;
  /** A request passes on when this has resolved. */
  beforeIssuer: (exchange: Exchange) => Promise<void> | undefined;
  /** Its answer goes back when this has resolved. */
  beforeBrowser: (exchange: Exchange) => Promise<void> | undefined;
  /** Nothing is held back any more. */
  release(): void;
}

const PAGE = "<!doctype html><title>a page</title>";
const AT_ONCE = () => undefined;

/** `issuerUrl`: where the issuer's process listens. */
export async function startFront(t: Test, issuerUrl: string): Promise<Front> {
  const exchanges: Exchange[] = [];
  const server = createServer(certificate(t), (request, response) => {
    const host = request.headers.host ?? "";
    // A page that has gone away, or an issuer that has: nobody waits for the answer.
    if (host === ISSUER_HOST) return void pass(request, response).catch(() => response.destroy());
    const cookies = front.pageCookies.get(`https://${host}`) ?? [];
    response.writeHead(200, { "content-type": "text/html", "set-cookie": [...cookies] }).end(PAGE);
  });

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange = {
      method: request.method ?? "",
      path: request.url ?? "",
      headers: request.headers as Record<string, string | undefined>,
      status: 0,
      setCookies: [] as readonly string[],
    };
    exchanges.push(exchange);
    const body = await buffer(request);
    await front.beforeIssuer(exchange);
    const headers = { ...request.headers, "x-forwarded-for": request.socket.remoteAddress };
    const onward = httpRequest(issuerUrl + exchange.path, { method: exchange.method, headers, agent: false }).end(body);
    onward.on("error", () => response.destroy());
    const [answer] = (await once(onward, "response")) as [IncomingMessage];
    const text = await buffer(answer);
    exchange.setCookies = answer.headers["set-cookie"] ?? [];
    exchange.status = answer.statusCode ?? 0;
    await front.beforeBrowser(exchange);
    response.writeHead(exchange.status, answer.rawHeaders.filter(isEndToEnd(answer.rawHeaders))).end(text);
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const front: Front = {
    hostPort: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    exchanges,
    pageCookies: new Map(),
    beforeIssuer: AT_ONCE,
    beforeBrowser: AT_ONCE,
    release() {
      front.beforeIssuer = AT_ONCE;
      front.beforeBrowser = AT_ONCE;
    },
  };
  return front;
}

/** For each name and value of raw headers: whether they are for the browser, not for the front (RFC 9110 §7.6.1). */
function isEndToEnd(raw: readonly string[]): (text: string, index: number) => boolean {
  return (_, index) => !/^(?:connection|keep-alive|transfer-encoding)$/i.test(raw[index - (index % 2)] ?? "");
}

/** Made for the occasion; no browser trusts it unasked. */
function certificate(t: Test): { readonly key: Buffer; readonly cert: Buffer } {
  const folder = t.testdir();
  const [key, cert] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  const names = ["-subj", "/CN=example.test", "-addext", "subjectAltName=DNS:*.example.test,DNS:*.other.test"];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const made = spawnSync(findProgram(OPENSSL) ?? "", ["req", "-x509", ...curve, ...names, "-keyout", key, "-out", cert]);
  if (made.status !== 0) throw new Error(`openssl made no certificate: ${made.stderr.toString()}`);
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

/** Each call waits until there have been `count`; then all go on together. */
export function together(count: number): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let waiting = 0;
  return () => {
    waiting += 1;
    if (waiting === count) resolve();
    return promise;
  };
}

export interface Hold {
  /** Resolves when something is held. */
  readonly reached: Promise<void>;
  letGo(): void;
}

/** Holds requests for `path` on their way to the issuer, or their answers on the way back. */
export function hold(front: Front, where: "beforeIssuer" | "beforeBrowser", path: string): Hold {
  const [reached, mayPass] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  front[where] = (exchange) => {
    if (exchange.path !== path) return undefined;
    reached.resolve();
    return mayPass.promise;
  };
  return { reached: reached.promise, letGo: mayPass.resolve };
}
