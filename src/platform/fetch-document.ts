/** Outgoing HTTP: one GET for one document, with limits on time, size and where it leads. */

import { lookup as resolve } from "node:dns/promises";
import type { LookupAddress } from "node:dns";
import { request as requestHttp } from "node:http";
import type { IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import type { RequestOptions } from "node:https";
import type { TcpSocketConnectOpts } from "node:net";
import { callbackify } from "node:util";
import { maxAgeOf } from "../domain/cache-control.ts";
import { isLocalhostName, isLoopbackHost } from "../domain/loopback.ts";
import { FetchError } from "../domain/ports.ts";
import type { Bytes, FetchDocument, FetchedDocument } from "../domain/ports.ts";
import { addressFilter } from "./special-addresses.ts";

export interface FetchDocumentOptions {
  /** Addresses and networks (CIDR) that a host name may stand for although they are special-purpose. */
  readonly allowedNetworks: readonly string[];
  /** For everything: name, connection, TLS, head and body. */
  readonly timeoutMillis?: number;
  readonly limitBytes?: number;
  /** Certificates to trust instead of the usual ones, PEM; for tests. */
  readonly ca?: string;
  /** All addresses of a host name; for tests. */
  readonly lookup?: (host: string) => Promise<readonly LookupAddress[]>;
}

/**
 * Gets `https:` URLs, and `http:` ones of this machine. Follows no redirect, keeps no connection, knows no proxy, takes no
 * encoded body. A host name must stand for public addresses or allowed ones, judged on the very address that is connected
 * to; a host that is itself spelled as an address, or as localhost, is what the operator meant.
 */
export function createFetchDocument(options: FetchDocumentOptions): FetchDocument {
  const { allowedNetworks, timeoutMillis = 3_000, limitBytes = 64 * 1024, ca, lookup = resolveAll } = options;
  const isPermitted = addressFilter(allowedNetworks);

  async function addressesOf(host: string): Promise<LookupAddress[]> {
    if (isLocalhostName(host)) return LOOPBACK;
    const permitted = (await lookup(host)).filter(({ address }) => isPermitted(address));
    if (permitted.length === 0) throw new FetchError("the host name stands for no public or allowed address");
    return permitted;
  }

  const lookUp = callbackify(addressesOf);
  const requestOptions: RequestOptions & Pick<TcpSocketConnectOpts, "autoSelectFamily"> = {
    // An agent of its own for this one request: no connection is kept, and none goes through a proxy of the environment.
    agent: false,
    autoSelectFamily: true,
    headers: { accept: "application/jwk-set+json, application/json", "accept-encoding": "identity", "user-agent": "mintmark" },
    // Whatever NODE_TLS_REJECT_UNAUTHORIZED says.
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca }),
    // With autoSelectFamily it is always asked for all addresses. A host that is an address is never looked up.
    lookup: (host, _options, done) => lookUp(host, done),
  };

  return async (text) => {
    const url = readUrl(text);
    const signal = AbortSignal.timeout(timeoutMillis);
    try {
      return await get(url, { ...requestOptions, signal }, (response) => readDocument(response, limitBytes));
    } catch (error) {
      throw new FetchError(`${url.origin}: ${signal.aborted ? `no whole answer within ${timeoutMillis} ms` : reasonOf(error)}.`);
    }
  };
}

const LOOPBACK: LookupAddress[] = [
  { address: "127.0.0.1", family: 4 },
  { address: "::1", family: 6 },
];

function resolveAll(host: string): Promise<LookupAddress[]> {
  return resolve(host, { all: true });
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isFetchable = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopbackHost(url.hostname));
  if (url === undefined || !isFetchable || url.username !== "" || url.password !== "") {
    throw new FetchError("Only https: URLs without user info are fetched, and http: ones of this machine.");
  }
  return url;
}

/** What `read` makes of the response. Rejects where the request fails, at any time. */
function get<T>(url: URL, options: RequestOptions & { signal: AbortSignal }, read: (response: IncomingMessage) => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    // The request's own word isn't enough: after an answer of status 101 it ends without any.
    options.signal.addEventListener("abort", reject);
    const request = (url.protocol === "https:" ? requestHttps : requestHttp)(url, options, (response) => {
      read(response).then(resolve, reject);
    });
    // Also while the body is read: one that ends with the connection seems whole however the connection ended.
    request.on("error", reject);
    request.end();
  });
}

async function readDocument(response: IncomingMessage, limitBytes: number): Promise<FetchedDocument> {
  try {
    const fault = headFault(response);
    if (fault !== undefined) throw new FetchError(fault);
    const body = await readBody(response, limitBytes);
    return { body, maxAgeSeconds: maxAgeOf(response.headers["cache-control"], response.headers.age) };
  } finally {
    response.destroy();
  }
}

async function readBody(response: IncomingMessage, limitBytes: number): Promise<Bytes> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limitBytes) throw new FetchError(`the answer has more than ${limitBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function headFault({ statusCode = 0, headers }: IncomingMessage): string | undefined {
  if (statusCode >= 300 && statusCode < 400) return `the answer is a redirect (status ${statusCode}), and none is followed`;
  if (statusCode !== 200) return `the answer has status ${statusCode}`;
  if ((headers["content-encoding"] ?? "identity").toLowerCase() !== "identity") return "the answer is encoded, which was not asked for";
  return undefined;
}

/** Of an error that is not ours only the code: its message names addresses. */
function reasonOf(error: unknown): string {
  if (error instanceof FetchError) return error.message;
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown error";
  return `no whole answer (${code})`;
}
