/** Clients that keep a secret: what they get by it, and what nobody gets without it. */

import t from "tap";
import { basic, form, isActive, logIn, mustLogIn, partOf, tokensOf } from "../support/client-calls.ts";
import { membersOf, outcomeOf } from "../support/http-call.ts";
import { API, ED_API, Home, SECRET } from "../support/issuer-process.ts";

const PASSWORD = "the password of a backend's user";

const home = await Home.make(t);
const issuer = await home.start();
await home.addUser("carla", PASSWORD);

const grant = (more: Record<string, string> = {}, headers = {}) =>
  form(issuer, "/token", { grant_type: "client_credentials", ...more }, headers);

t.test("client credentials give an access token for the client itself, and no session", async (t) => {
  for (const answer of [await grant({}, basic("service")), await grant({ client_id: "service", client_secret: SECRET })]) {
    t.equal(answer.status, 200);
    t.same(Object.keys(membersOf(answer)).sort(), ["access_token", "expires_in", "scope", "token_type"]);
    const claims = partOf(String(membersOf(answer)["access_token"]), 1);
    t.match(claims, { sub: "service", client_id: "service", aud: API, scope: "read" });
    t.notOk("sid" in claims || "auth_time" in claims);
    t.equal(await isActive(issuer, String(membersOf(answer)["access_token"]), "service"), true, "good until it expires");
  }
  const narrowed = await grant({ resource: ED_API, scope: "read" }, basic("service"));
  t.equal(partOf(String(membersOf(narrowed)["access_token"]), 1)["aud"], ED_API);
});

t.test("what a client may not have is refused", async (t) => {
  const refused: [string, Promise<{ status: number; headers: Readonly<Record<string, string>>; body: string }>][] = [
    ["400 invalid_scope", grant({ scope: "write" }, basic("service"))],
    ["400 invalid_target", grant({ resource: "https://elsewhere.example.com" }, basic("service"))],
    ["400 unauthorized_client", grant({}, basic("backend"))],
    ["400 unauthorized_client", grant({ client_id: "app" })],
    ["401 invalid_client", grant({}, basic("service", "wrong"))],
    ["401 invalid_client", grant({}, basic("nobody"))],
    ["401 invalid_client", grant({ client_id: "service" })],
    ["401 invalid_client", grant({ client_id: "service", client_secret: "wrong" })],
    ["401 invalid_client", grant()],
    ["400 invalid_request", grant({ client_id: "service", client_secret: SECRET }, basic("service"))],
  ];
  for (const [outcome, answer] of refused) t.equal(outcomeOf(await answer), outcome);
  t.match((await grant({}, basic("service", "wrong"))).headers["www-authenticate"], /^Basic realm=/);
  const [wrong, unknown] = [await grant({}, basic("service", "wrong")), await grant({}, basic("nobody"))];
  t.equal(wrong.body, unknown.body, "a wrong secret looks like an unknown client");
});

t.test("a session of a confidential client needs its secret at every step", async (t) => {
  t.equal(outcomeOf(await logIn(issuer, "carla", PASSWORD, { client_id: "backend" })), "401 invalid_client");
  const { refreshToken } = tokensOf(await logIn(issuer, "carla", PASSWORD, { client_id: "backend" }, basic("backend")));
  const present = { grant_type: "refresh_token", refresh_token: refreshToken };
  t.equal(outcomeOf(await form(issuer, "/token", { ...present, client_id: "backend" })), "401 invalid_client");
  t.equal(outcomeOf(await form(issuer, "/revoke", { token: refreshToken, client_id: "backend" })), "401 invalid_client");
  const next = tokensOf(await form(issuer, "/token", present, basic("backend")));
  t.equal((await form(issuer, "/revoke", { token: next.refreshToken }, basic("backend"))).status, 200);
});

t.test("introspection is for those whom the token concerns", async (t) => {
  const mine = await mustLogIn(issuer, "carla", PASSWORD);
  t.equal(await isActive(issuer, mine.accessToken, "backend"), true, "its aud is a resource of the caller");
  t.equal(await isActive(issuer, mine.refreshToken, "backend"), false, "a refresh token of another client");
  const sessions = tokensOf(
    await form(issuer, "/token", { grant_type: "refresh_token", client_id: "app", refresh_token: mine.refreshToken, resource: issuer.url }),
  );
  t.equal(await isActive(issuer, sessions.accessToken, "backend"), false, "its aud is no resource of the caller");
  t.equal(outcomeOf(await form(issuer, "/introspect", { token: mine.accessToken, client_id: "app" })), "401 invalid_client");
  const inactive = await form(issuer, "/introspect", { token: "garbage" }, basic("backend"));
  t.equal(inactive.body, '{"active":false}');
});

t.test("the command line makes a secret that works once its digest is configured", async (t) => {
  const { secret, secretSha256 } = JSON.parse(await home.must("clients", "secret", "--json")) as { secret: string; secretSha256: string };
  const own = await Home.make(t);
  own.configure({
    clients: [{ id: "made", type: "confidential", secretSha256, grants: ["client_credentials"], resources: [API], scopes: ["read"] }],
  });
  const process = await own.start();
  const answer = await form(process, "/token", { grant_type: "client_credentials" }, basic("made", secret));
  t.equal(answer.status, 200);
});
