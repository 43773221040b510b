/** Calls as the clients of the world make them, whichever way they get their refresh tokens. */

import { basic, form, FORM, logIn } from "../../support/client-calls.ts";
import { membersOf } from "../../support/http-call.ts";
import type { HttpAnswer } from "../../support/http-call.ts";
import type { RunningIssuer } from "../../support/issuer-process.ts";
import { ADMIN_ORIGIN, APP_ORIGIN, PASSWORD } from "./world.ts";
import type { Held, World } from "./world.ts";

const ORIGINS: Readonly<Record<string, string>> = {
  web: APP_ORIGIN,
  "patient-web": APP_ORIGIN,
  "short-web": APP_ORIGIN,
  admin: ADMIN_ORIGIN,
};

export function isOfCookies(clientId: string): boolean {
  return clientId in ORIGINS;
}

export function cookieOf(clientId: string): string {
  return `__Host-mintmark-${clientId}`;
}

/** The value of the cookie that an answer sets; undefined where it sets none. */
export function cookieIn({ headers }: HttpAnswer): string | undefined {
  return /^__Host-mintmark-[^=]+=([^;]*)/.exec(headers["set-cookie"] ?? "")?.[1];
}

export function heldIn(answer: HttpAnswer): Held {
  if (answer.status !== 200) throw new Error(`no grant but ${answer.status} ${answer.body}`);
  const { access_token, refresh_token } = membersOf(answer);
  return { accessToken: String(access_token), refreshToken: cookieIn(one(answer)) ?? String(refresh_token) };
}

/** node:http gives Set-Cookie as a list. */
function one(answer: HttpAnswer): HttpAnswer {
  const values: unknown = answer.headers["set-cookie"];
  return { ...answer, headers: { ...answer.headers, "set-cookie": Array.isArray(values) ? String(values[0]) : "" } };
}

export async function begin(issuer: RunningIssuer, clientId: string): Promise<Held> {
  const origin = ORIGINS[clientId];
  const headers = { ...(origin === undefined ? {} : { origin }), ...(clientId === "vault" ? basic("vault") : {}) };
  return heldIn(await logIn(issuer, "u", PASSWORD, { client_id: clientId }, headers));
}

/** Sessions of these don't outlive their row. */
const SHORT: readonly string[] = ["idle", "absolute", "short-web"];

/** A session that an earlier row left as it was, or a new one. Nobody else gets it until it is kept again. */
export async function session({ issuer, sessions }: World, clientId: string): Promise<Held> {
  const held = sessions.get(clientId);
  sessions.delete(clientId);
  return held ?? begin(issuer, clientId);
}

export function keep({ sessions }: World, clientId: string, answer: HttpAnswer): void {
  if (answer.status === 200 && !SHORT.includes(clientId)) sessions.set(clientId, heldIn(answer));
}

/** One refresh as the client does it. */
export function presentAgain(issuer: RunningIssuer, clientId: string, refreshToken: string): Promise<HttpAnswer> {
  const origin = ORIGINS[clientId];
  const grant = { grant_type: "refresh_token", client_id: clientId };
  if (origin !== undefined) return form(issuer, "/token", grant, { ...FORM, origin, cookie: `${cookieOf(clientId)}=${refreshToken}` });
  return form(issuer, "/token", { ...grant, refresh_token: refreshToken }, clientId === "vault" ? basic("vault") : {});
}

export async function nextToken(issuer: RunningIssuer, clientId: string, refreshToken: string): Promise<string> {
  return heldIn(await presentAgain(issuer, clientId, refreshToken)).refreshToken;
}
