/** The issuer's routes as a client calls them. */

import type { HttpAnswer, HttpCall } from "./http-call.ts";
import { membersOf, outcomeOf } from "./http-call.ts";
import { SECRET } from "./issuer-process.ts";

export interface Sender {
  send(path: string, options?: HttpCall): Promise<HttpAnswer>;
}

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly sid: string;
  readonly scope: string;
}

export const FORM = { "content-type": "application/x-www-form-urlencoded" };

export function basic(id: string, secret = SECRET): { readonly authorization: string } {
  const [user, password] = [id, secret].map((part) => encodeURIComponent(part));
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` };
}

export function bearer(token: string): { readonly authorization: string } {
  return { authorization: `Bearer ${token}` };
}

export function form(
  to: Sender,
  path: string,
  parameters: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<HttpAnswer> {
  return to.send(path, { method: "POST", headers: { ...FORM, ...headers }, body: new URLSearchParams(parameters).toString() });
}

export function logIn(
  to: Sender,
  username: string,
  password: string,
  more: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<HttpAnswer> {
  const body = JSON.stringify({ username, password, client_id: "app", ...more });
  return to.send("/login", { method: "POST", headers: { "content-type": "application/json", ...headers }, body });
}

export function refresh(
  to: Sender,
  refreshToken: string,
  more: Readonly<Record<string, string>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<HttpAnswer> {
  return form(to, "/token", { grant_type: "refresh_token", client_id: "app", refresh_token: refreshToken, ...more }, headers);
}

/** Introspection by the confidential client `backend`, or another. */
export function introspect(to: Sender, token: string, clientId = "backend"): Promise<HttpAnswer> {
  return form(to, "/introspect", { token }, basic(clientId));
}

export async function isActive(to: Sender, token: string, clientId?: string): Promise<unknown> {
  const answer = await introspect(to, token, clientId);
  return answer.status === 200 ? membersOf(answer)["active"] : outcomeOf(answer);
}

/** The tokens of an answer that must be a grant. */
export function tokensOf(answer: HttpAnswer): Tokens {
  if (answer.status !== 200) throw new Error(`no grant but ${outcomeOf(answer)}`);
  const { access_token, refresh_token, sid, scope } = membersOf(answer);
  return { accessToken: String(access_token), refreshToken: String(refresh_token), sid: String(sid), scope: String(scope) };
}

export async function mustLogIn(to: Sender, username: string, password: string, more?: Readonly<Record<string, unknown>>): Promise<Tokens> {
  return tokensOf(await logIn(to, username, password, more));
}

export async function mustRefresh(to: Sender, token: string, more?: Readonly<Record<string, string>>): Promise<Tokens> {
  return tokensOf(await refresh(to, token, more));
}

/** An access token for the issuer itself, for `/sessions`. */
export async function ownerToken(to: Sender & { readonly url: string }, refreshToken: string): Promise<Tokens> {
  return mustRefresh(to, refreshToken, { resource: to.url });
}

/** Header or claims of an access token, read without a check. */
export function partOf(token: string, index: 0 | 1): Readonly<Record<string, unknown>> {
  const text = Buffer.from(token.split(".")[index] ?? "", "base64url").toString();
  return JSON.parse(text) as Readonly<Record<string, unknown>>;
}
