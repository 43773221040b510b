/** A team that has a login: the sample login service beside a running issuer, by the grant of RFC 7523 §2.1. */

import t from "tap";
import { createSession as createPage } from "../../examples/browser/session.js";
import { bearer, form, partOf, tokensOf } from "../support/client-calls.ts";
import { type HttpAnswer, membersOf, outcomeOf } from "../support/http-call.ts";
import { Home, SECRET } from "../support/issuer-process.ts";
import { newProfile } from "../support/page-fetch.ts";
import { freePort } from "../support/redis.ts";
import { until } from "../support/wait.ts";
import { enter, exampleSettings, skip, startExample, stopSkipping } from "./support.ts";

const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ORIGIN = "http://127.0.0.1:1";

const servicePort = await freePort();
const service = `http://127.0.0.1:${servicePort}`;
const home = await Home.make(t, {
  settings: exampleSettings({
    origin: ORIGIN,
    loginService: { issuer: service, jwksUri: `${service}/jwks.json`, clients: ["web", "phone"] },
  }),
});
let issuer = await home.start();
let login = await startService();

function startService() {
  return startExample(t, "login-service/server.js", { ISSUER: home.issuer, LOGIN_SERVICE: service }, servicePort);
}

async function logInThere(password = "the engine weaves"): Promise<Response> {
  return fetch(`${service}/login`, { method: "POST", body: JSON.stringify({ name: "ada", password }) });
}

async function assertion(): Promise<string> {
  const { assertion } = (await (await logInThere()).json()) as { assertion: string };
  return assertion;
}

function exchange(assertion: string, clientId = "phone"): Promise<HttpAnswer> {
  return form(issuer, "/token", { grant_type: JWT_BEARER, client_id: clientId, assertion });
}

function refresh(refreshToken: string): Promise<HttpAnswer> {
  return form(issuer, "/token", { grant_type: "refresh_token", client_id: "phone", refresh_token: refreshToken });
}

async function kids(): Promise<string[]> {
  const { keys } = (await (await fetch(`${service}/jwks.json`)).json()) as { keys: { kid: string }[] };
  return keys.map(({ kid }) => kid);
}

let session = { accessToken: "", refreshToken: "" };

t.test("a login there is a session here, for a subject with the prefix", async (t) => {
  t.equal((await logInThere("a guess")).status, 401);
  session = tokensOf(await exchange(await assertion()));
  t.match(partOf(session.accessToken, 1), { iss: home.issuer, sub: "team:42", client_id: "phone", scope: "read write" });
  const next = tokensOf(await refresh(session.refreshToken));
  t.match(partOf(next.accessToken, 1), { sub: "team:42", sid: partOf(session.accessToken, 1)["sid"] });
  session = next;
});

t.test("a page exchanges the assertion itself and gets the cookie", async (t) => {
  const realFetch = globalThis.fetch;
  const profile = newProfile();
  t.teardown(() => {
    globalThis.fetch = realFetch;
    stopSkipping();
  });
  const signed = await assertion();
  enter(ORIGIN, profile);
  const page = createPage({ issuer: issuer.url, clientId: "web", changed: () => undefined });
  const token: unknown = await page.logInWith(signed);
  t.match(partOf(String(token), 1), { sub: "team:42", client_id: "web" });
  t.match([...(profile.cookies.get("127.0.0.1")?.keys() ?? [])], ["mintmark-web"]);
  skip(580);
  t.match(partOf(String(await page.accessToken()), 1), { sub: "team:42" });
  await page.logOut();
});

t.test("a backend can't fetch the cookie in the page's place", async (t) => {
  const signed = await assertion();
  t.equal(outcomeOf(await exchange(signed, "web")), "403 invalid_request");
  t.equal((await exchange(signed)).status, 200, "and the assertion is not used up");
});

t.test("an assertion is good once, and for the clients of its issuer only", async (t) => {
  const signed = await assertion();
  t.equal((await exchange(signed)).status, 200);
  t.equal(outcomeOf(await exchange(signed)), "400 invalid_grant");
  const fields = { grant_type: JWT_BEARER, client_id: "worker", client_secret: SECRET, assertion: await assertion() };
  t.equal(outcomeOf(await form(issuer, "/token", fields)), "400 invalid_grant");
  t.equal(outcomeOf(await exchange(`${signed.slice(0, -2)}AA`)), "400 invalid_grant");
});

t.test("the user sees the sessions and an operator ends them", async (t) => {
  const own = await form(issuer, "/token", {
    grant_type: "refresh_token",
    client_id: "phone",
    refresh_token: session.refreshToken,
    resource: home.issuer,
  });
  session = tokensOf(own);
  const { sessions } = membersOf(await issuer.send("/sessions", { headers: bearer(session.accessToken) })) as { sessions: object[] };
  t.ok(sessions.length > 1);
  await home.must("sessions", "revoke", "--sub", "team:42");
  t.equal(outcomeOf(await refresh(session.refreshToken)), "400 invalid_grant");
  session = tokensOf(await exchange(await assertion()));
});

t.test("its next key is known before it signs, so a rotation is not noticed", async (t) => {
  const before = await kids();
  login.signal("SIGHUP");
  await until("the service signs with another key", async () => (await kids())[0] === before[1]);
  t.equal(partOf(await assertion(), 0)["kid"], before[1]);
  session = tokensOf(await exchange(await assertion()));
});

t.test("while the service is away, sessions go on, and so does an assertion by a known key", async (t) => {
  const early = await assertion();
  login.signal("SIGTERM");
  await login.ended;
  session = tokensOf(await refresh(session.refreshToken));
  t.equal((await exchange(early)).status, 200);
});

t.test("keys that can't be had are 503, while sessions go on", async (t) => {
  login = await startService();
  const signed = await assertion();
  login.signal("SIGTERM");
  await login.ended;
  await issuer.stop();
  issuer = await home.start();
  const answer = await exchange(signed);
  t.equal(outcomeOf(answer), "503 temporarily_unavailable");
  t.match(answer.headers["retry-after"], /^\d+$/);
  await until("the log says so", () => /"about":"JWK Set of 127\.0\.0\.1/.test(issuer.stdout()));
  session = tokensOf(await refresh(session.refreshToken));
});

t.test("keys that nobody here has seen are found", async (t) => {
  login = await startService();
  await issuer.stop();
  issuer = await home.start();
  session = tokensOf(await refresh(session.refreshToken));
  t.match(partOf(tokensOf(await exchange(await assertion())).accessToken, 1), { sub: "team:42" });
});
