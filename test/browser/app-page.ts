/** What an application's script does in its page, as a single-page app would. */

import type { Frame, Page } from "playwright-core";
import { ISSUER, PASSWORD } from "./world.ts";

/** All that script can see of an answer; `unreadable`: fetch failed, or gave an opaque answer. */
export interface Seen {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Fetched {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly mode?: "cors" | "no-cors";
  /** `include` if absent: as pages of a cookie client do. */
  readonly credentials?: "include" | "omit";
}

export const UNREADABLE = { status: 0, headers: {}, body: "unreadable" } satisfies Seen;
const FORM = { "content-type": "application/x-www-form-urlencoded" };
const JSON_TYPE = { "content-type": "application/json" };

/** One fetch by the page's own script; `path` begins with a slash, at the issuer. */
export function ask(page: Page | Frame, path: string, { method = "POST", ...init }: Fetched = {}, issuer = ISSUER): Promise<Seen> {
  return page.evaluate(
    async ({ url, init, unreadable }) => {
      try {
        const response = await fetch(url, init);
        if (response.type === "opaque") return unreadable;
        return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
      } catch {
        return unreadable;
      }
    },
    { url: issuer + path, init: { method, credentials: "include" as const, ...init }, unreadable: UNREADABLE },
  );
}

export function askForm(page: Page | Frame, path: string, form: Readonly<Record<string, string>>, more: Fetched = {}, issuer = ISSUER) {
  const body = new URLSearchParams(form).toString();
  return ask(page, path, { ...more, headers: { ...FORM, ...more.headers }, body }, issuer);
}

export function logIn(page: Page | Frame, username: string, clientId = "web", more: Fetched = {}, issuer = ISSUER): Promise<Seen> {
  const body = JSON.stringify({ username, password: PASSWORD, client_id: clientId });
  return ask(page, "/login", { ...more, headers: JSON_TYPE, body }, issuer);
}

export function refresh(page: Page | Frame, clientId = "web", more: Fetched = {}, issuer = ISSUER): Promise<Seen> {
  return askForm(page, "/token", { grant_type: "refresh_token", client_id: clientId }, more, issuer);
}

export function logOut(page: Page | Frame, clientId = "web", more: Fetched = {}, issuer = ISSUER): Promise<Seen> {
  return askForm(page, "/logout", { client_id: clientId }, more, issuer);
}

export interface Granted {
  readonly accessToken: string;
  readonly sid: string;
  readonly refreshTokenExpiresIn: number;
}

/** What a page has from an answer that must be a grant. */
export function grantedBy(seen: Seen): Granted {
  if (seen.status !== 200) throw new Error(`no grant but ${outcome(seen)}`);
  const { access_token, sid, refresh_token_expires_in } = JSON.parse(seen.body) as Record<string, unknown>;
  return { accessToken: String(access_token), sid: String(sid), refreshTokenExpiresIn: Number(refresh_token_expires_in) };
}

/** `status error`, for comparing at a glance. */
export function outcome({ status, body }: Seen): string {
  if (status === 0) return body;
  const { error } = (body === "" ? {} : JSON.parse(body)) as Record<string, unknown>;
  return typeof error === "string" ? `${status} ${error}` : String(status);
}
