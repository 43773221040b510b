/** Who sends what: every flow as it should be, and each of them as people get it wrong. */

import { assertion } from "../../support/assertions.ts";
import type { Party } from "../../support/assertions.ts";
import { basic, bearer, form, introspect, logIn, refresh } from "../../support/client-calls.ts";
import type { Sender } from "../../support/client-calls.ts";
import { membersOf } from "../../support/http-call.ts";
import type { HttpAnswer } from "../../support/http-call.ts";
import { SECRET } from "../../support/issuer-process.ts";
import { exchange, wireOf } from "../../support/raw-exchange.ts";
import type { Canaries } from "../../support/canary.ts";

export const PASSWORD = "canary password of a yellow bird";
export const WRONG = "wrong canary password of a bird";
export const KEY = "canary-idempotency-key-0001";
export const ORIGIN = "http://127.0.0.1:5173";
export const LOGIN_ISSUER = "https://login.example.net";
const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

export interface Cast {
  readonly machine: Party;
  readonly remote: Party;
  readonly login: Party;
}

/** One issuer as these tests talk to it: what it grants is noted as a secret, what it refuses is kept to be looked at. */
export class Watched implements Sender {
  readonly url: string;
  readonly #issuer: Sender;
  readonly #canaries: Canaries;
  readonly refusals: string[] = [];

  constructor(issuer: Sender & { readonly url: string }, canaries: Canaries) {
    this.#issuer = issuer;
    this.url = issuer.url;
    this.#canaries = canaries;
  }

  async send(...args: Parameters<Sender["send"]>): Promise<HttpAnswer> {
    const answer = await this.#issuer.send(...args);
    const { "set-cookie": cookie, ...headers } = answer.headers;
    if (answer.status < 300) this.#canaries.tokensIn(`${answer.body} ${String(cookie)}`);
    else this.refusals.push(JSON.stringify([answer.headers, answer.body]));
    this.refusals.push(JSON.stringify(headers));
    return answer;
  }

  async raw(bytes: Buffer): Promise<void> {
    this.refusals.push((await exchange(Number(new URL(this.url).port), bytes)).text);
  }
}

export interface Grant {
  readonly refreshToken: string;
  readonly accessToken: string;
}

function grantIn(answer: HttpAnswer): Grant {
  if (answer.status !== 200) throw new Error(`no grant but ${answer.status} ${answer.body}`);
  const { refresh_token, access_token } = membersOf(answer);
  const cookie = /=(mmr_[^;]+)/.exec(String(answer.headers["set-cookie"]))?.[1];
  return { refreshToken: typeof refresh_token === "string" ? refresh_token : String(cookie), accessToken: String(access_token) };
}

/** An app that keeps its token, as it should and as it shouldn't. */
export async function ofTheApp(issuer: Watched): Promise<Grant> {
  const first = grantIn(await logIn(issuer, "birdie", PASSWORD));
  const second = grantIn(await refresh(issuer, first.refreshToken, {}, { "idempotency-key": KEY }));
  const { refreshToken, accessToken } = second;
  await logIn(issuer, "birdie", WRONG);
  await logIn(issuer, PASSWORD, WRONG);
  await logIn(issuer, "birdie", PASSWORD, { scope: PASSWORD });
  await refresh(issuer, `${refreshToken.slice(0, -1)}A`);
  await refresh(issuer, refreshToken, { client_id: "other" });
  await refresh(issuer, refreshToken, { client_id: refreshToken });
  await refresh(issuer, refreshToken, { scope: accessToken });
  await refresh(issuer, refreshToken, { grant_type: refreshToken });
  await refresh(issuer, refreshToken, {}, { "idempotency-key": KEY.slice(0, 15) });
  await refresh(issuer, refreshToken, {}, { "idempotency-key": `${KEY} ${KEY}` });
  await issuer.send(`/token?refresh_token=${refreshToken}`, { method: "POST" });
  await issuer.send(`/nothing/${refreshToken}?password=${encodeURIComponent(PASSWORD)}`);
  await issuer.send(`/sessions/${refreshToken}`, { method: "DELETE", headers: bearer(accessToken) });
  await issuer.send(`/sessions?access_token=${accessToken}`);
  await issuer.send("/sessions", { headers: bearer(refreshToken) });
  await issuer.send("/sessions", { headers: bearer(accessToken) });
  await issuer.send("/login", { method: "POST", headers: { "content-type": "text/plain" }, body: PASSWORD });
  await issuer.send("/login", { method: "POST", headers: { "content-type": "application/json" }, body: `{"password":"${PASSWORD}"` });
  await issuer.raw(Buffer.from(`POST /token HTTP/1.1\r\nHost: x\r\nCookie: ${refreshToken}${"x".repeat(20_000)}\r\n\r\n`));
  await issuer.raw(Buffer.from(`${refreshToken} ${PASSWORD}\r\n\r\n`));
  await issuer.raw(wireOf({ method: "CONNECT", path: refreshToken, headers: [], body: Buffer.from(PASSWORD) }, "x"));
  // Used once more after all windows: a theft.
  await refresh(issuer, first.refreshToken);
  return grantIn(await logIn(issuer, "birdie", PASSWORD));
}

/** A page with a cookie. */
export async function ofThePage(issuer: Watched): Promise<void> {
  const page = { origin: ORIGIN };
  const { refreshToken } = grantIn(await logIn(issuer, "birdie", PASSWORD, { client_id: "web" }, page));
  const cookie = `mintmark-web=${refreshToken}`;
  const again = (headers: Readonly<Record<string, string>>) =>
    form(issuer, "/token", { grant_type: "refresh_token", client_id: "web" }, headers);
  const next = grantIn(await again({ ...page, cookie }));
  await again({ origin: "https://evil.test", cookie });
  await again({ cookie });
  await again({ ...page, cookie: `${cookie}; ${cookie}` });
  await again({ ...page, cookie: `mintmark-web="${refreshToken}"` });
  await again({ origin: refreshToken, cookie });
  await form(issuer, "/token", { grant_type: "refresh_token", client_id: "web", refresh_token: refreshToken }, page);
  await form(issuer, "/logout", { client_id: "web" }, { origin: "https://evil.test", cookie });
  await form(issuer, "/logout", { client_id: "web" }, { ...page, cookie: `mintmark-web=${next.refreshToken}` });
  await again({ ...page, cookie: `mintmark-web=${next.refreshToken}` });
}

/** Clients with secrets and with keys, and the logins of others. */
export async function ofTheMachines(issuer: Watched, canaries: Canaries, { machine, remote, login }: Cast): Promise<void> {
  const right = { aud: issuer.url, now: Date.now() };
  const signed = async (name: string, text: Promise<string>): Promise<string> => {
    canaries.jws(name, await text);
    return text;
  };
  const credentials = (parameters: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = {}) =>
    form(issuer, "/token", { grant_type: "client_credentials", ...parameters }, headers);
  await credentials({}, basic("service"));
  await credentials({}, basic("service", `${SECRET}x`));
  await credentials({ client_id: "service", client_secret: SECRET });
  await credentials({ client_id: SECRET, client_secret: SECRET });
  await credentials({}, { authorization: `Basic ${SECRET}` });
  await credentials({ scope: SECRET }, basic("service"));

  const proof = (text: string) => ({ client_assertion_type: ASSERTION_TYPE, client_assertion: text });
  const good = await signed("client assertion", assertion(machine, { ...right, iss: "machine", sub: "machine" }));
  await credentials(proof(good));
  await credentials(proof(good));
  await credentials(proof(`${good.slice(0, -2)}AA`));
  await credentials({ ...proof(good), client_secret: SECRET });
  await credentials({ ...proof(good), client_assertion_type: good });
  await credentials({}, { authorization: `Bearer ${good}` });
  await credentials(
    proof(await signed("client assertion", assertion(machine, { ...right, iss: "machine", sub: "machine", aud: good.slice(0, 200) }))),
  );
  // Their keys can't be had.
  await credentials(proof(await signed("client assertion", assertion(remote, { ...right, iss: "remote", sub: "remote" }))));

  const grant = (text: string, clientId = "partner") =>
    form(issuer, "/token", { grant_type: JWT_BEARER, client_id: clientId, assertion: text });
  const asserted = await signed("trusted issuer's assertion", assertion(login, { ...right, iss: LOGIN_ISSUER, sub: "person" }));
  const { refreshToken, accessToken } = grantIn(await grant(asserted));
  await grant(asserted);
  await grant(asserted, "app");
  await grant(`${asserted}A`);
  await issuer.send(`/token?assertion=${asserted}`, { method: "POST" });
  await issuer.send("/sessions", { headers: bearer(asserted) });
  await grant(
    await signed("trusted issuer's assertion", assertion(remote, { ...right, iss: "https://elsewhere.example.net", sub: "person" })),
  );

  await introspect(issuer, accessToken);
  await introspect(issuer, refreshToken);
  await introspect(issuer, asserted);
  await form(issuer, "/introspect", { token: accessToken }, basic("backend", WRONG));
  await form(issuer, "/revoke", { token: refreshToken, client_id: "app" });
  await form(issuer, "/revoke", { token: refreshToken, client_id: "partner" });
}

/** Everything once more while nothing can be stored. */
export async function whileNothingWorks(
  issuer: Watched,
  { refreshToken, accessToken }: Grant,
  canaries: Canaries,
  cast: Cast,
): Promise<void> {
  const text = await assertion(cast.machine, { aud: issuer.url, now: Date.now(), iss: "machine", sub: "machine" });
  canaries.jws("client assertion", text);
  const answers = await Promise.all([
    refresh(issuer, refreshToken, {}, { "idempotency-key": KEY }),
    logIn(issuer, "birdie", PASSWORD),
    form(issuer, "/revoke", { token: refreshToken, client_id: "app" }),
    introspect(issuer, accessToken),
    issuer.send("/logout", { method: "POST", headers: bearer(accessToken) }),
    form(issuer, "/token", { grant_type: "client_credentials", client_assertion_type: ASSERTION_TYPE, client_assertion: text }),
  ]);
  const statuses = new Set(answers.map(({ status }) => status));
  if (![...statuses].every((status) => status === 503)) throw new Error(`something works: ${[...statuses].join()}`);
}
