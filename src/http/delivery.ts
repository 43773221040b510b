/** How a client gets its refresh token and presents it: in the body, or in a cookie that its pages can't read. */

import type { FastifyReply, FastifyRequest } from "fastify";
import type { Client, Policy } from "../domain/policy.ts";
import type { TokenGrant } from "../issuer/types.ts";
import { isCookieClient } from "./pages.ts";
import { clearRefreshCookie, readRefreshCookie, setRefreshCookie } from "./refresh-cookie.ts";
import { invalidRequest, JSON_TYPE, type Rejection } from "./refuse.ts";
import { tokenResponseBody } from "./token-response.ts";

const NO_REFRESH_TOKEN = invalidRequest("refresh_token is missing");
const NO_COOKIE = invalidRequest("the refresh cookie is missing: nobody is logged in here");
const TOKEN_IN_BODY = invalidRequest("a cookie client sends its refresh token in the cookie, not in the body");

/** The body of a token response; a cookie client's refresh token goes into the cookie. */
export function deliver(reply: FastifyReply, { issuer }: Policy, client: Client, grant: TokenGrant): string {
  reply.header("content-type", JSON_TYPE);
  if (!isCookieClient(client)) return tokenResponseBody(grant);
  const { refreshToken, ...rest } = grant;
  if (refreshToken !== undefined) setRefreshCookie(reply, issuer, client.id, refreshToken, grant.refreshTokenExpiresInSeconds ?? 0);
  return tokenResponseBody(rest);
}

/** The session is over, so its cookie is good for nothing. */
export function forget(reply: FastifyReply, { issuer }: Policy, client: Client): void {
  if (isCookieClient(client)) clearRefreshCookie(reply, issuer, client.id);
}

/** The refresh token that is presented; `inBody` is the form's. */
export function readRefreshToken(
  request: FastifyRequest,
  { issuer }: Policy,
  client: Client,
  inBody: string | undefined,
): string | Rejection {
  if (!isCookieClient(client)) return inBody ?? NO_REFRESH_TOKEN;
  if (inBody !== undefined) return TOKEN_IN_BODY;
  return readRefreshCookie(request, issuer, client.id) ?? NO_COOKIE;
}

/** The refresh token of the session that a new one takes the place of. */
export function readReplaced(request: FastifyRequest, { issuer }: Policy, client: Client): string | undefined {
  return isCookieClient(client) ? readRefreshCookie(request, issuer, client.id) : undefined;
}
