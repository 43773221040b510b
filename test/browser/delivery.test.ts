/** A cookie client's life as its pages and its browser see it. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import t from "tap";
import type { Test } from "tap";
import { isActive } from "../support/client-calls.ts";
import { Home } from "../support/issuer-process.ts";
import { grantedBy, logIn, logOut, outcome, refresh } from "./app-page.ts";
import { hold } from "./front.ts";
import {
  ABROAD,
  ADMIN,
  browserSettings,
  countsOf,
  generationOf,
  ISSUER,
  PASSWORD,
  sharedWorld,
  skipWithoutBrowser as skip,
  visit,
  WEB,
} from "./world.ts";

const world = sharedWorld(t);
const NAME = "__Host-mintmark-web";
const NOBODY = "400 invalid_request";

/** Every cookie that script finds in a page, by both of its ways. */
function cookiesInScript(page: Page): Promise<string> {
  return page.evaluate("(async () => JSON.stringify([document.cookie, await cookieStore.getAll()]))()");
}

t.test("a page of an allowed origin logs in, and no script can read the refresh token", { skip }, async (t) => {
  const { home, browser } = await world();
  await home.addUser("alice", PASSWORD);
  const alice = await visit(t, { browser });
  const page = await alice.tab(WEB);

  const before = Math.floor(Date.now() / 1_000);
  const seen = await logIn(page, "alice");
  const after = Math.ceil(Date.now() / 1_000);
  t.equal(outcome(seen), "200");
  const { refreshTokenExpiresIn } = grantedBy(seen);

  const cookies = await alice.context.cookies();
  t.match(cookies, [{ name: NAME, domain: "auth.example.test", path: "/", httpOnly: true, secure: true, sameSite: "Strict" }]);
  t.equal(cookies.length, 1);
  const { expires = 0, value = "" } = cookies[0] ?? {};
  t.ok(expires >= before + refreshTokenExpiresIn && expires <= after + refreshTokenExpiresIn, "it lives as long as the refresh token");
  t.match(value, /^mmr_/);
  t.notMatch(JSON.stringify(seen), /mmr_/);
  t.equal(await cookiesInScript(page), '["",[]]', "the application's page");
  const own = await alice.tab(`${ISSUER}/livez`);
  t.equal(await cookiesInScript(own), '["",[]]', "a page of the issuer's own origin");
});

t.test("a refresh works from the cookie alone, and each one changes it", { skip }, async (t) => {
  const { home, browser } = await world();
  await home.addUser("bob", PASSWORD);
  const bob = await visit(t, { browser });
  const page = await bob.tab(WEB);
  t.equal(outcome(await refresh(page)), NOBODY, "nobody is logged in");
  const { sid } = grantedBy(await logIn(page, "bob"));
  const generations = [generationOf((await bob.cookies())[NAME])];
  for (let round = 1; round <= 3; round += 1) {
    const seen = await refresh(page);
    t.equal(grantedBy(seen).sid, sid);
    t.notMatch(JSON.stringify(seen), /mmr_/);
    generations.push(generationOf((await bob.cookies())[NAME]));
  }
  const [first = 0] = generations;
  t.same(generations, [first, first + 1, first + 2, first + 3]);
  await page.reload();
  t.equal(grantedBy(await refresh(page)).sid, sid, "after a reload");

  t.equal(outcome(await refresh(page, "web", { credentials: "omit" })), NOBODY, "a fetch without credentials has no cookie");
  t.equal(grantedBy(await refresh(page)).sid, sid);

  t.equal(outcome(await logOut(page)), "204");
  t.same(await bob.context.cookies(), []);
  t.equal(outcome(await refresh(page)), NOBODY);
});

t.test("a login over a live cookie ends the old session, and the cookie is the new one's", { skip }, async (t) => {
  const { home, issuer, browser } = await world();
  await home.addUser("carol", PASSWORD);
  await home.addUser("dave", PASSWORD);
  const carol = await visit(t, { browser });
  const page = await carol.tab(WEB);
  const first = grantedBy(await logIn(page, "carol"));
  const second = grantedBy(await logIn(page, "carol"));
  t.not(second.sid, first.sid);
  t.same([await isActive(issuer, first.accessToken), await isActive(issuer, second.accessToken)], [false, true]);
  t.equal(grantedBy(await refresh(page)).sid, second.sid);

  const third = grantedBy(await logIn(page, "dave"));
  t.same([await isActive(issuer, second.accessToken), await isActive(issuer, third.accessToken)], [false, true], "another account");
  t.equal(grantedBy(await refresh(page)).sid, third.sid);
  t.same(JSON.parse(await home.must("sessions", "list", "--sub", "sub-carol", "--json")), { sessions: [] });

  t.equal(outcome(await logIn(page, "nobody of this name")), "401 invalid_credentials");
  t.equal(grantedBy(await refresh(page)).sid, third.sid, "a login that fails ends nothing");
});

t.test("a refresh of the old session that is answered after a new login does not take the new cookie away", { skip }, async (t) => {
  const { home, browser, front } = await world();
  await home.addUser("erin", PASSWORD);
  const erin = await visit(t, { browser });
  const [page, other] = [await erin.tab(WEB), await erin.tab(WEB)];
  const old = grantedBy(await logIn(page, "erin"));
  t.teardown(() => front.release());
  const { reached, letGo } = hold(front, "beforeIssuer", "/token");
  const late = refresh(other);
  await reached;
  const fresh = grantedBy(await logIn(page, "erin"));
  letGo();
  t.equal(outcome(await late), "400 invalid_grant");
  front.release();
  t.not(fresh.sid, old.sid);
  for (const tab of [other, page]) t.equal(grantedBy(await refresh(tab)).sid, fresh.sid);
});

t.test("two cookie clients in one browser: each has its own cookie, and a logout of one leaves the other in", { skip }, async (t) => {
  const { home, browser, issuer } = await world();
  await home.addUser("frank", PASSWORD);
  const frank = await visit(t, { browser });
  const [web, admin] = [await frank.tab(WEB), await frank.tab(ADMIN)];
  const ofWeb = grantedBy(await logIn(web, "frank", "web"));
  const ofAdmin = grantedBy(await logIn(admin, "frank", "admin"));
  t.same(Object.keys(await frank.cookies()).sort(), ["__Host-mintmark-admin", NAME]);
  t.equal(grantedBy(await refresh(web, "web")).sid, ofWeb.sid);
  t.equal(grantedBy(await refresh(admin, "admin")).sid, ofAdmin.sid);

  const before = await frank.cookies();
  for (const other of [await refresh(admin, "web"), await logOut(admin, "web"), await logIn(admin, "frank", "web")])
    t.equal(outcome(other), "unreadable", "a page of the one is none of the other's");
  t.same(await frank.cookies(), before);

  t.equal(outcome(await logOut(web, "web")), "204");
  t.same(Object.keys(await frank.cookies()), ["__Host-mintmark-admin"]);
  t.equal(outcome(await refresh(web, "web")), NOBODY);
  t.equal(grantedBy(await refresh(admin, "admin")).sid, ofAdmin.sid);
  t.same([await isActive(issuer, ofWeb.accessToken), await isActive(issuer, ofAdmin.accessToken)], [false, true]);
});

t.test("a page on another site than the issuer's gets no session and reads why", { skip }, async (t) => {
  const { home, issuer, browser } = await world();
  await home.addUser("heidi", PASSWORD);
  const heidi = await visit(t, { browser });
  const page = await heidi.tab(ABROAD);
  const counts = await countsOf(issuer);
  for (const seen of [await logIn(page, "heidi", "abroad"), await refresh(page, "abroad"), await logOut(page, "abroad")])
    t.equal(outcome(seen), "403 invalid_request");
  t.same(await countsOf(issuer), counts);
  t.same(await heidi.context.cookies(), []);
});

/** A page of the developer's own, on a port of its own. */
async function developmentPage(t: Test): Promise<string> {
  const server = createServer((_, response) => void response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html>"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

t.test("in development, over http: on loopback, the same works with a cookie without the prefix", { skip }, async (t) => {
  const { browser } = await world();
  const origin = await developmentPage(t);
  const { issuer: _, trustedProxies: __, clients } = browserSettings();
  const allowed = clients.map((client) => (client.id === "web" ? { ...client, allowedOrigins: [origin] } : client));
  const home = await Home.make(t, { settings: { clients: allowed } });
  const { url } = await home.start();
  await home.addUser("grace", PASSWORD);
  const grace = await visit(t, { browser });
  const page = await grace.tab(origin);
  const { sid } = grantedBy(await logIn(page, "grace", "web", {}, url));
  t.match(await grace.context.cookies(), [
    { name: "mintmark-web", domain: "127.0.0.1", path: "/", httpOnly: true, secure: false, sameSite: "Strict" },
  ]);
  t.equal(await cookiesInScript(page), '["",[]]');
  const first = generationOf((await grace.context.cookies())[0]);
  for (const round of [1, 2]) {
    t.equal(grantedBy(await refresh(page, "web", {}, url)).sid, sid);
    t.equal(generationOf((await grace.context.cookies())[0]), first + round);
  }
  t.equal(outcome(await logOut(page, "web", {}, url)), "204");
  t.same(await grace.context.cookies(), []);
  t.equal(outcome(await refresh(page, "web", {}, url)), NOBODY);
});
