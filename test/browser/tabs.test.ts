/** Several tabs of one browser share one cookie, and none asks the others before it uses it. */

import type { Page } from "playwright-core";
import t from "tap";
import { isActive } from "../support/client-calls.ts";
import { grantedBy, logIn, logOut, outcome, refresh } from "./app-page.ts";
import { Profile } from "./chromium.ts";
import { hold, together } from "./front.ts";
import type { Front } from "./front.ts";
import { generationOf, PASSWORD, sharedWorld, skipWithoutBrowser as skip, visit, visitIn, WEB } from "./world.ts";

const world = sharedWorld(t);
const NAME = "__Host-mintmark-web";
const ROUNDS = 8;

/** One refresh in each tab, none of which reaches the issuer before all have left the browser. */
async function refreshTogether(front: Front, tabs: readonly Page[]): Promise<readonly string[]> {
  const all = together(tabs.length);
  front.beforeIssuer = () => all();
  const seen = await Promise.all(tabs.map((tab) => refresh(tab)));
  front.release();
  return seen.map((one) => grantedBy(one).sid);
}

t.test("two tabs that refresh at once both stay in, and go on", { skip }, async (t) => {
  const { home, browser, front, issuer } = await world();
  await home.addUser("alice", PASSWORD);
  const alice = await visit(t, { browser });
  const tabs = [await alice.tab(WEB), await alice.tab(WEB)] as const;
  const { sid } = grantedBy(await logIn(tabs[0], "alice"));
  t.teardown(() => front.release());
  for (let round = 1; round <= ROUNDS; round += 1) {
    const before = generationOf((await alice.cookies())[NAME]);
    t.same(await refreshTogether(front, tabs), [sid, sid], `round ${round}`);
    t.equal(generationOf((await alice.cookies())[NAME]), before + 1, "both were given the same successor");
  }
  for (const tab of [...tabs, ...tabs]) t.equal(grantedBy(await refresh(tab)).sid, sid, "one after the other");
  t.equal(await isActive(issuer, grantedBy(await refresh(tabs[1])).accessToken), true);
});

t.test("answers that arrive in the wrong order keep both tabs in", { skip }, async (t) => {
  const { home, browser, front } = await world();
  await home.addUser("bob", PASSWORD);
  const bob = await visit(t, { browser });
  const [slow, quick] = [await bob.tab(WEB), await bob.tab(WEB)];
  const { sid } = grantedBy(await logIn(slow, "bob"));
  t.teardown(() => front.release());
  const { reached, letGo } = hold(front, "beforeBrowser", "/token");
  const late = refresh(slow);
  await reached;
  front.release();
  for (let round = 1; round <= 3; round += 1) t.equal(grantedBy(await refresh(quick)).sid, sid);
  const newest = generationOf((await bob.cookies())[NAME]);
  letGo();
  t.equal(grantedBy(await late).sid, sid);
  t.ok(generationOf((await bob.cookies())[NAME]) < newest, "the browser is back at an older cookie");
  for (const tab of [slow, quick]) t.equal(grantedBy(await refresh(tab)).sid, sid);
  t.ok(generationOf((await bob.cookies())[NAME]) > newest);
});

/** What two tabs see of a logout and a refresh that meet. */
type Meeting = (front: Front, leaving: Page, staying: Page) => Promise<{ readonly left: string; readonly stayed: string }>;

const seen = async (logout: ReturnType<typeof logOut>, refreshed: ReturnType<typeof refresh>) => ({
  left: outcome(await logout),
  stayed: outcome(await refreshed),
});

const MEETINGS: Readonly<Record<string, Meeting>> = {
  "both reach the issuer at once": async (front, leaving, staying) => {
    const both = together(2);
    front.beforeIssuer = () => both();
    return seen(logOut(leaving), refresh(staying));
  },
  "the logout is done while the refresh is on its way": async (front, leaving, staying) => {
    const { reached, letGo } = hold(front, "beforeIssuer", "/token");
    const refreshed = refresh(staying);
    await reached;
    const logout = logOut(leaving);
    await logout;
    letGo();
    return seen(logout, refreshed);
  },
  "the refresh is done while the logout is on its way": async (front, leaving, staying) => {
    const { reached, letGo } = hold(front, "beforeIssuer", "/logout");
    const logout = logOut(leaving);
    await reached;
    const refreshed = refresh(staying);
    await refreshed;
    letGo();
    return seen(logout, refreshed);
  },
  "the refresh is granted before the logout, and its answer comes after it": async (front, leaving, staying) => {
    const { reached, letGo } = hold(front, "beforeBrowser", "/token");
    const refreshed = refresh(staying);
    await reached;
    const logout = logOut(leaving);
    await logout;
    letGo();
    return seen(logout, refreshed);
  },
};

t.test("a logout in one tab while the other refreshes: afterwards nobody is in", { skip }, async (t) => {
  const { home, browser, front, issuer } = await world();
  await home.addUser("carol", PASSWORD);
  t.teardown(() => front.release());
  for (const [what, meet] of Object.entries(MEETINGS)) {
    const carol = await visit(t, { browser });
    const [leaving, staying] = [await carol.tab(WEB), await carol.tab(WEB)];
    for (let round = 1; round <= 3; round += 1) {
      const { accessToken } = grantedBy(await logIn(leaving, "carol"));
      const since = front.exchanges.length;
      const { left, stayed } = await meet(front, leaving, staying);
      front.release();
      t.equal(left, "204", what);
      t.match(stayed, /^(?:200|400 invalid_grant)$/, what);
      for (const tab of [staying, leaving]) t.match(outcome(await refresh(tab)), /^400 invalid_(?:grant|request)$/, what);
      t.same(await carol.context.cookies(), [], what);
      t.equal(await isActive(issuer, accessToken), false, what);
      t.same(
        front.exchanges.slice(since).filter(({ status }) => status >= 500),
        [],
      );
    }
  }
});

t.test("back after a restart of the browser, with three tabs that refresh at once: all are in", { skip }, async (t) => {
  const { home, front } = await world();
  await home.addUser("dave", PASSWORD);
  const profile = new Profile(t, front.hostPort);
  t.teardown(() => front.release());
  const before = visitIn(await profile.open());
  const { sid } = grantedBy(await logIn(await before.tab(WEB), "dave"));
  for (const restart of [1, 2]) {
    await profile.close();
    const again = visitIn(await profile.open());
    const tabs = await Promise.all([again.tab(WEB), again.tab(WEB), again.tab(WEB)]);
    t.same(await refreshTogether(front, tabs), [sid, sid, sid], `restart ${restart}`);
    t.same(await refreshTogether(front, tabs), [sid, sid, sid]);
  }
});
