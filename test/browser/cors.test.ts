/** Which pages can read the issuer's answers, and which requests the browser lets them make at all. */

import t from "tap";
import { bearer } from "../support/client-calls.ts";
import { ask, askForm, grantedBy, logIn, outcome, refresh, type Seen } from "./app-page.ts";
import { ISSUER, PASSWORD, sharedWorld, SIBLING, skipWithoutBrowser as skip, SPA, visit, WEB } from "./world.ts";

const world = sharedWorld(t);
/** As pages of a body client ask: there is nothing for the browser to add. */
const OMIT = { credentials: "omit" } as const;
const KEY = { "idempotency-key": "a-key-of-a-page-0001" };

function tokenOf({ body }: Seen): string {
  return String((JSON.parse(body) as Record<string, unknown>)["refresh_token"]);
}

t.test("a body client's page on another site does all that its client may, without credentials", { skip }, async (t) => {
  const { home, front, browser } = await world();
  await home.addUser("alice", PASSWORD);
  const alice = await visit(t, { browser });
  const page = await alice.tab(SPA);
  const since = front.exchanges.length;
  const form = (refreshToken: string, more = {}) => ({
    grant_type: "refresh_token",
    client_id: "spa",
    refresh_token: refreshToken,
    ...more,
  });

  const first = await logIn(page, "alice", "spa", OMIT);
  t.match(tokenOf(first), /^mmr_/);
  t.match(first.headers["x-request-id"], /./, "it is exposed");
  const { sid } = grantedBy(first);
  const second = await askForm(page, "/token", form(tokenOf(first)), { ...OMIT, headers: KEY });
  t.equal(tokenOf(await askForm(page, "/token", form(tokenOf(first)), { ...OMIT, headers: KEY })), tokenOf(second), "a retry with its key");
  const owner = await askForm(page, "/token", form(tokenOf(second), { resource: ISSUER }), OMIT);
  const headers = bearer(grantedBy(owner).accessToken);
  const other = grantedBy(await logIn(page, "alice", "spa", OMIT));
  const sids = async () => {
    const listed = await ask(page, "/sessions", { ...OMIT, method: "GET", headers });
    const { sessions } = JSON.parse(listed.body) as { sessions: { sid: string }[] };
    return sessions.map((one) => one.sid).sort();
  };
  t.same(await sids(), [sid, other.sid].sort());
  t.equal(outcome(await ask(page, `/sessions/${other.sid}`, { ...OMIT, method: "DELETE", headers })), "204");
  t.same(await sids(), [sid]);
  t.equal(outcome(await askForm(page, "/revoke", { client_id: "spa", token: tokenOf(owner) }, OMIT)), "200");
  t.equal(outcome(await askForm(page, "/token", form(tokenOf(owner)), OMIT)), "400 invalid_grant", "errors can be read as well");
  t.equal(outcome(await ask(page, "/sessions", { ...OMIT, method: "DELETE", headers })), "401 invalid_token");
  const sibling = await alice.tab(SIBLING);
  t.equal(outcome(await ask(sibling, "/sessions", { ...OMIT, method: "GET" })), "unreadable", "others can't even read that they may not");

  const preflights = front.exchanges.slice(since).filter(({ method }) => method === "OPTIONS");
  t.same(new Set(preflights.map(({ path }) => path)), new Set(["/login", "/token", "/sessions", `/sessions/${other.sid}`]));
  t.same(new Set(preflights.map(({ status }) => status)), new Set([204]));
  t.same(await alice.context.cookies(), [], "and no cookie comes of it");
});

t.test("with credentials only pages of cookie clients read an answer", { skip }, async (t) => {
  const { home, browser } = await world();
  await home.addUser("bob", PASSWORD);
  const bob = await visit(t, { browser });
  const [web, spa] = [await bob.tab(WEB), await bob.tab(SPA)];
  t.equal(outcome(await logIn(spa, "bob", "spa")), "unreadable");
  const { sid } = grantedBy(await logIn(web, "bob"));
  const owner = await askForm(web, "/token", { grant_type: "refresh_token", client_id: "web", resource: ISSUER }, { headers: KEY });
  t.equal(grantedBy(owner).sid, sid);
  const headers = bearer(grantedBy(owner).accessToken);
  t.match(JSON.parse((await ask(web, "/sessions", { method: "GET", headers })).body), { sessions: [{ sid, current: true }] });
  t.equal(outcome(await ask(web, `/sessions/${sid}`, { method: "DELETE", headers })), "204");
  t.equal(outcome(await refresh(web)), "400 invalid_grant");
  t.same(await bob.context.cookies(), [], "the session is over, and so is its cookie");
});

t.test("no page reads an answer that is for another client", { skip }, async (t) => {
  const { home, browser } = await world();
  await home.addUser("carol", PASSWORD);
  const carol = await visit(t, { browser });
  const [web, spa, sibling] = [await carol.tab(WEB), await carol.tab(SPA), await carol.tab(SIBLING)];
  const { sid } = grantedBy(await logIn(web, "carol"));
  const token = tokenOf(await logIn(spa, "carol", "spa", OMIT));
  const ofSpa = { grant_type: "refresh_token", client_id: "spa", refresh_token: token };
  for (const page of [web, sibling]) {
    for (const credentials of ["omit", "include"] as const) {
      t.equal(outcome(await logIn(page, "carol", "spa", { credentials })), "unreadable");
      t.equal(outcome(await askForm(page, "/token", ofSpa, { credentials })), "unreadable");
      t.equal(outcome(await askForm(page, "/token", { ...ofSpa, refresh_token: "mmr_x" }, { credentials })), "unreadable", "nor why not");
    }
  }
  for (const credentials of ["omit", "include"] as const) {
    t.equal(outcome(await logIn(spa, "carol", "web", { credentials })), "unreadable");
    t.equal(outcome(await refresh(spa, "web", { credentials })), "unreadable");
  }
  t.equal(grantedBy(await refresh(web)).sid, sid);
});

t.test("what everyone may read, everyone reads: the JWK Set and the metadata, from any page", { skip }, async (t) => {
  const { browser } = await world();
  const page = await (await visit(t, { browser })).tab(SIBLING);
  for (const path of ["/.well-known/jwks.json", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"])
    t.equal((await ask(page, path, { ...OMIT, method: "GET" })).status, 200, path);
});
