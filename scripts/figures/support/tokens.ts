/** The issuer's calls as a client makes them. */

import type { Answer, Call, HttpClient } from "./http.ts";

export const CLIENT_ID = "app";
export const RESOURCE = "https://api.example.com";

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

export interface TokenAnswer {
  /** 0: there was no answer. */
  readonly status: number;
  /** RFC 6749 §5.2; undefined where it was granted, or where there was no answer. */
  readonly error: string | undefined;
  readonly tokens: Tokens | undefined;
}

export interface RefreshOptions {
  readonly idempotencyKey?: string | undefined;
  readonly resource?: string | undefined;
  readonly lose?: Call["lose"] | undefined;
}

const FORM = { "content-type": "application/x-www-form-urlencoded" };
const JSON_BODY = { "content-type": "application/json" };

export async function logIn(client: HttpClient, username: string, password: string): Promise<TokenAnswer> {
  const body = JSON.stringify({ username, password, client_id: CLIENT_ID });
  return tokenAnswer(await client.send({ method: "POST", path: "/login", headers: JSON_BODY, body }));
}

export async function refresh(client: HttpClient, refreshToken: string, options: RefreshOptions = {}): Promise<TokenAnswer> {
  const { idempotencyKey, resource, lose } = options;
  const form = { grant_type: "refresh_token", client_id: CLIENT_ID, refresh_token: refreshToken };
  const body = new URLSearchParams(resource === undefined ? form : { ...form, resource }).toString();
  const headers = idempotencyKey === undefined ? FORM : { ...FORM, "idempotency-key": idempotencyKey };
  return tokenAnswer(await client.send({ method: "POST", path: "/token", headers, body, ...(lose === undefined ? {} : { lose }) }));
}

/** The status. */
export async function revoke(client: HttpClient, token: string): Promise<number> {
  const body = new URLSearchParams({ token, client_id: CLIENT_ID }).toString();
  return (await client.send({ method: "POST", path: "/revoke", headers: FORM, body })).status;
}

/** Ends all sessions of the subject; the status. The access token is one for the issuer itself. */
export async function endAll(client: HttpClient, accessToken: string): Promise<number> {
  return (await client.send({ method: "DELETE", path: "/sessions", headers: { authorization: `Bearer ${accessToken}` } })).status;
}

/** Logs in where nothing but success will do. */
export async function mustLogIn(client: HttpClient, username: string, password: string): Promise<Tokens> {
  const { status, error, tokens } = await logIn(client, username, password);
  if (tokens === undefined) throw new Error(`a login that must succeed was answered ${status} ${error ?? ""}`);
  return tokens;
}

export async function mustRefresh(client: HttpClient, refreshToken: string, options: RefreshOptions = {}): Promise<Tokens> {
  const { status, error, tokens } = await refresh(client, refreshToken, options);
  if (tokens === undefined) throw new Error(`a refresh that must succeed was answered ${status} ${error ?? ""}`);
  return tokens;
}

function tokenAnswer({ status, body }: Answer): TokenAnswer {
  if (status === 0) return { status, error: undefined, tokens: undefined };
  const { access_token, refresh_token, error } = membersOf(body);
  const isGranted = status === 200 && typeof access_token === "string" && typeof refresh_token === "string";
  return {
    status,
    error: typeof error === "string" ? error : undefined,
    tokens: isGranted ? { accessToken: access_token, refreshToken: refresh_token } : undefined,
  };
}

function membersOf(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
