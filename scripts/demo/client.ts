/** What a client sends, and what it gets. */

import { must } from "./paper.ts";

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly sid: string;
  readonly expiresInSeconds: number;
}

interface Sent {
  readonly method?: "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | URLSearchParams;
}

export const CLIENT_ID = "app";
const TIMEOUT_MILLIS = 10_000;

/** Rejects where there is no answer. A connection for each request, so that none is left behind. */
async function send(url: string, init: Sent): Promise<Answer> {
  const headers = { connection: "close", ...init.headers };
  const response = await fetch(url, { ...init, headers, signal: AbortSignal.timeout(TIMEOUT_MILLIS) });
  const text = await response.text();
  return { status: response.status, body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>) };
}

export function logIn(issuer: string, username: string, password: string, device: string): Promise<Answer> {
  return send(`${issuer}/login`, {
    method: "POST",
    headers: { "content-type": "application/json", "user-agent": device },
    body: JSON.stringify({ username, password, client_id: CLIENT_ID }),
  });
}

export function refresh(issuer: string, refreshToken: string): Promise<Answer> {
  const body = new URLSearchParams({ grant_type: "refresh_token", client_id: CLIENT_ID, refresh_token: refreshToken });
  return send(`${issuer}/token`, { method: "POST", body });
}

export function revoke(issuer: string, token: string): Promise<Answer> {
  return send(`${issuer}/revoke`, { method: "POST", body: new URLSearchParams({ client_id: CLIENT_ID, token }) });
}

/** Asked by the resource server's own client, with its secret. */
export function introspect(issuer: string, token: string, clientId: string, secret: string): Promise<Answer> {
  const authorization = `Basic ${Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`).toString("base64")}`;
  return send(`${issuer}/introspect`, { method: "POST", headers: { authorization }, body: new URLSearchParams({ token }) });
}

/** A JWK Set's keys, in its order. */
export async function jwks(issuer: string): Promise<readonly { readonly kid: string; readonly alg: string }[]> {
  const { body } = await send(`${issuer}/.well-known/jwks.json`, {});
  return body["keys"] as readonly { kid: string; alg: string }[];
}

export function callApi(url: string, accessToken: string | undefined): Promise<Answer> {
  return send(`${url}/report`, accessToken === undefined ? {} : { headers: { authorization: `Bearer ${accessToken}` } });
}

/** RFC 6749 §5.2; empty where there is none. */
export function errorOf({ body }: Answer): string {
  const { error } = body;
  return typeof error === "string" ? error : "";
}

/** The tokens of a token response; throws `TourError` where it is none. */
export function tokensOf({ status, body }: Answer, what: string): Tokens {
  const text = (name: string): string => {
    const value = body[name];
    return must(
      typeof value === "string" ? value : undefined,
      `${what} is granted (it was answered ${status} ${errorOf({ status, body })})`,
    );
  };
  return {
    accessToken: text("access_token"),
    refreshToken: text("refresh_token"),
    sid: text("sid"),
    expiresInSeconds: Number(body["expires_in"]),
  };
}
