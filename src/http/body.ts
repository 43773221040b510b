/** From a raw request to a parsed body: header and URL checks that all POST routes share. */

import { isUtf8 } from "node:buffer";
import type { FastifyRequest } from "fastify";
import { parseStrictJson } from "../domain/json.ts";
import { type Form, parseForm } from "./form.ts";
import { invalidRequest, type Rejection } from "./refuse.ts";

const FORM_TYPE = "application/x-www-form-urlencoded";
/** As most clients send them. */
export const USUAL_TYPES = [FORM_TYPE, "application/json"];
const FORM = /^application\/x-www-form-urlencoded[ \t]*(?:;[ \t]*(?:charset=(?:"utf-8"|utf-8)[ \t]*)?)?$/i;
const JSON_BODY = /^application\/json[ \t]*(?:;[ \t]*(?:charset=(?:"utf-8"|utf-8)[ \t]*)?)?$/i;

/** Headers that mean something only once. Node.js keeps the first of several, another hop may keep the last. */
const SINGLE_HEADERS: ReadonlySet<string> = new Set([
  "authorization",
  "content-type",
  "cookie",
  "host",
  "idempotency-key",
  "origin",
  "sec-fetch-site",
]);
const SINGLE_HEADER_LENGTHS: ReadonlySet<number> = new Set([...SINGLE_HEADERS].map((name) => name.length));

/** URLs end up in logs and histories (RFC 6749 §2.3.1, RFC 9700 §4.3.2), so what belongs into the body is refused in them. */
const BODY_ONLY: ReadonlySet<string> = new Set([
  "access_token",
  "assertion",
  "client_assertion",
  "client_assertion_type",
  "client_id",
  "client_secret",
  "grant_type",
  "password",
  "refresh_token",
  "resource",
  "scope",
  "token",
  "token_type_hint",
  "username",
]);

const REPEATED_HEADER = invalidRequest("a header that may be sent once is repeated");
const IN_URL = invalidRequest("parameters belong into the body, not into the URL");
const NOT_A_FORM = invalidRequest("the body must be application/x-www-form-urlencoded in UTF-8", 415);
const NOT_JSON_TYPE = invalidRequest("the body must be application/json in UTF-8", 415);
const ENCODED = invalidRequest("a content encoding is not supported", 415);

/** What is wrong with a request whatever its body is. */
export function checkRequest(request: FastifyRequest): Rejection | undefined {
  if (repeatsHeader(request.raw.rawHeaders)) return REPEATED_HEADER;
  if (request.raw.url?.includes("?") && Object.keys(request.query as object).some((name) => BODY_ONLY.has(name))) return IN_URL;
  return undefined;
}

function repeatsHeader(rawHeaders: readonly string[]): boolean {
  let seen: string[] | undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const raw = rawHeaders[index] ?? "";
    if (!SINGLE_HEADER_LENGTHS.has(raw.length)) continue;
    const name = raw.toLowerCase();
    if (!SINGLE_HEADERS.has(name)) continue;
    if (seen?.includes(name)) return true;
    (seen ??= []).push(name);
  }
  return false;
}

/** Whether the body says that it is a form. */
export function hasForm({ headers }: FastifyRequest): boolean {
  const type = headers["content-type"];
  return type === FORM_TYPE || (type !== undefined && FORM.test(type));
}

/** The request's form, or what is wrong. */
export function readForm(request: FastifyRequest): Form | Rejection {
  const fault = checkRequest(request);
  if (fault !== undefined) return fault;
  if (!hasForm(request)) return NOT_A_FORM;
  if (isEncoded(request)) return ENCODED;
  return parseForm(bodyOf(request));
}

/** The request's JSON value, or what is wrong. */
export function readJson(request: FastifyRequest): { readonly value: unknown } | Rejection {
  const fault = checkRequest(request);
  if (fault !== undefined) return fault;
  const type = request.headers["content-type"];
  if (type === undefined || !JSON_BODY.test(type)) return NOT_JSON_TYPE;
  if (isEncoded(request)) return ENCODED;
  const body = bodyOf(request);
  if (!isUtf8(body)) return invalidRequest("the body is not UTF-8");
  const result = parseStrictJson(body.toString("utf8"));
  return result.ok ? { value: result.value } : invalidRequest("the body is not JSON, or JSON that can be read in two ways");
}

function isEncoded(request: FastifyRequest): boolean {
  const encoding = request.headers["content-encoding"];
  return encoding !== undefined && encoding.toLowerCase() !== "identity";
}

/** The content type parser hands over raw bytes; a request without a body has none. */
function bodyOf(request: FastifyRequest): Buffer {
  return Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
}
