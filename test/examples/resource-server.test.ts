/** The resource server of docs/resource-servers.md: what it lets through and what it says to the rest (RFC 9068 §4, RFC 6750 §3). */

import t from "tap";
import { isActive } from "../../examples/resource-server/introspect.js";
import { form, logIn, ownerToken, type Tokens, tokensOf } from "../support/client-calls.ts";
import { Home, type RunningIssuer, SECRET } from "../support/issuer-process.ts";
import { startExample } from "./support.ts";

const PASSWORD = "a password for a resource";

const home = await Home.make(t);
const api = await startExample(t, "resource-server/server.js", { ISSUER: home.issuer });

let issuer: RunningIssuer;
let session: Tokens;

async function ask(token?: string): Promise<{ status: number; challenge: string | null; body: unknown }> {
  const response = await fetch(api.url, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
  return { status: response.status, challenge: response.headers.get("www-authenticate"), body: await response.json() };
}

/** Spelled like an access token, signed by nobody. */
const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const stranger = `${part({ alg: "ES256", kid: "nobody", typ: "at+jwt" })}.${part({})}.${"A".repeat(86)}`;

t.test("without keys it blames nobody", async (t) => {
  t.match(await ask(stranger), { status: 503, challenge: null });
});

t.test("it lets a good token through", async (t) => {
  issuer = await home.start();
  await home.addUser("ada", PASSWORD);
  session = tokensOf(await logIn(issuer, "ada", PASSWORD));
  t.match(await ask(session.accessToken), { status: 200, body: { hello: "sub-ada" } });
});

t.test("it refuses what is no good token for it, in the words of RFC 6750", async (t) => {
  t.match(await ask(), { status: 401, challenge: "Bearer" });
  const invalid = { status: 401, challenge: 'Bearer error="invalid_token"', body: { error: "invalid_token" } };
  const { accessToken: forTheIssuer } = await ownerToken(issuer, session.refreshToken);
  const [header = "", claims = "", signature = ""] = session.accessToken.split(".");
  const none = part({ alg: "none", typ: "at+jwt" });
  for (const token of ["garbage", forTheIssuer, stranger, `${none}.${claims}.`, `${header}.${part({ sub: "eve" })}.${signature}`])
    t.match(await ask(token), invalid);
  const narrow = tokensOf(await logIn(issuer, "ada", PASSWORD, { scope: "write" }));
  t.match(await ask(narrow.accessToken), { status: 403, challenge: 'Bearer error="insufficient_scope", scope="read"' });
});

t.test("where it asks the issuer, an access token ends with its session", async (t) => {
  const asks = { issuer: issuer.url, clientId: "backend", clientSecret: SECRET };
  const { accessToken, refreshToken } = tokensOf(await logIn(issuer, "ada", PASSWORD));
  t.equal(await isActive(accessToken, asks), true);
  await form(issuer, "/revoke", { client_id: "app", token: refreshToken });
  t.equal(await isActive(accessToken, asks), false);
  t.match(await ask(accessToken), { status: 200 }, "which it does not where it verifies by itself");
  await t.rejects(isActive(accessToken, { ...asks, clientSecret: "wrong" }), /401/);
});

t.test("it goes on with the issuer down", async (t) => {
  await issuer.stop();
  t.match(await ask(session.accessToken), { status: 200 });
});
