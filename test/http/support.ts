/** Shared by the tests of the edge. */

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import type { FastifyInstance } from "fastify";
import { type AppOptions, buildApp } from "../../src/http/app.ts";
import type { Issuer } from "../../src/issuer/types.ts";
import { Description } from "../support/described.ts";
import { type FakeIssuer, fakeIssuer } from "../support/fake-issuer.ts";

export function edge(answers: Partial<Issuer> = {}, options: Partial<AppOptions> = {}): { app: FastifyInstance; issuer: FakeIssuer } {
  const issuer = fakeIssuer(answers);
  return { app: buildApp({ issuer, random: randomBytes, ...options }), issuer };
}

export const FORM = { "content-type": "application/x-www-form-urlencoded" };
export const REFRESH = "grant_type=refresh_token&refresh_token=mmr_abc&client_id=app";

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** One POST by `inject`. */
export async function post(
  app: FastifyInstance,
  url: string,
  payload: string | Buffer,
  headers: Record<string, string> = FORM,
): Promise<Answer> {
  return injected(app, "POST", url, headers, payload);
}

const { app: complete } = edge();
export const description = new Description((await complete.inject("/openapi.json")).body);

type Method = "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS" | "PATCH";
type Sent = readonly [method: Method, url: string, headers?: Record<string, string>, payload?: string | Buffer];

/** Any request by `inject`. What is answered must be what the API description says. */
export async function injected(app: FastifyInstance, ...request: Sent): Promise<Answer> {
  const answer = await injectedAnywhere(app, ...request);
  description.assertDescribed(request[0], request[1], answer);
  return answer;
}

/** Any request by `inject`, also to what is not described. */
export async function injectedAnywhere(app: FastifyInstance, ...[method, url, headers = {}, payload]: Sent): Promise<Answer> {
  const response = await app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
  return { status: response.statusCode, headers: response.headers as Record<string, string>, body: response.body };
}

export function errorOf(answer: Answer): string {
  const { error, error_description, ...rest } = JSON.parse(answer.body) as Record<string, unknown>;
  if (Object.keys(rest).length > 0) throw new Error(`members nobody promised: ${Object.keys(rest).join()}`);
  if (typeof error_description !== "string" || !/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/.test(error_description))
    throw new Error("error_description breaks RFC 6749 §5.2");
  return String(error);
}

export async function listen(app: FastifyInstance): Promise<number> {
  await app.listen({ host: "127.0.0.1", port: 0 });
  return (app.server.address() as { port: number }).port;
}

/** Sends bytes as they are and returns all that comes back until the other side closes. */
export async function raw(port: number, bytes: string | Buffer): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.write(bytes);
  await once(socket, "close");
  return Buffer.concat(chunks).toString("latin1");
}

/** An HTTP/1.1 request as text; Connection: close, so that `raw` ends. */
export function requestText(method: string, path: string, headers: readonly string[], body = ""): string {
  const length = body === "" ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  return [`${method} ${path} HTTP/1.1`, "Host: x", "Connection: close", ...length, ...headers, "", body].join("\r\n");
}
