/** Refresh tokens in cookies: a page's script never holds one (RFC 6265; draft-ietf-oauth-browser-based-apps §6.1.3.2). */

import type { FastifyReply, FastifyRequest } from "fastify";
import type { Policy } from "../domain/policy.ts";

/** `__Host-` binds a cookie to this very host, and browsers take it with Secure only: an http: issuer is for development. */
export function cookieNameOf(issuer: Policy["issuer"], clientId: string): string {
  return `${isSecure(issuer) ? "__Host-" : ""}mintmark-${clientId}`;
}

/**
 * The names and values of a Cookie header, as they stand in it. Nothing but the white space after a separator is trimmed: a reader
 * that is kinder can be made to see a `__Host-` cookie where the browser saw none.
 */
export function readCookies(header: string): readonly (readonly [name: string, value: string])[] {
  return header.split(";").map((pair) => {
    const trimmed = pair.replace(/^[ \t]+/, "");
    const equals = trimmed.indexOf("=");
    return equals === -1 ? ["", trimmed] : [trimmed.slice(0, equals), trimmed.slice(equals + 1)];
  });
}

/** The refresh token that the request carries for a client; undefined where there is none. */
export function readRefreshCookie(request: FastifyRequest, issuer: string, clientId: string): string | undefined {
  const { cookie } = request.headers;
  if (cookie === undefined) return undefined;
  const wanted = cookieNameOf(issuer, clientId);
  const value = readCookies(cookie).find(([name]) => name === wanted)?.[1];
  return value === "" ? undefined : value;
}

export function setRefreshCookie(reply: FastifyReply, issuer: string, clientId: string, refreshToken: string, maxAgeSeconds: number): void {
  const attributes = { httpOnly: true, secure: isSecure(issuer), sameSite: "strict", path: "/", maxAge: maxAgeSeconds } as const;
  reply.header("set-cookie", reply.server.serializeCookie(cookieNameOf(issuer, clientId), refreshToken, attributes));
}

/** Tells the browser to forget it. */
export function clearRefreshCookie(reply: FastifyReply, issuer: string, clientId: string): void {
  setRefreshCookie(reply, issuer, clientId, "", 0);
}

function isSecure(issuer: string): boolean {
  return issuer.startsWith("https:");
}
