/** The store goes away and comes back: nobody is logged out by it. */

import t from "tap";
import { skipWithoutRedis, startRedis } from "../support/redis.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { until } from "../support/wait.ts";
import { grantedBy, logIn, logOut, outcome, refresh } from "./app-page.ts";
import { openWorld, PASSWORD, skipWithoutBrowser, visit, WEB } from "./world.ts";

const skip = skipWithoutBrowser || skipWithoutRedis;

t.test("503 keeps the cookie and says to the page when to try again; then it goes on without a login", { skip }, async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.remove());
  const way = await startTcpProxy(redis.port);
  t.teardown(() => way.close());
  const { home, browser } = await openWorld(t, { store: way.url });
  await home.addUser("alice", PASSWORD);
  const alice = await visit(t, { browser });
  const page = await alice.tab(WEB);
  const { sid } = grantedBy(await logIn(page, "alice"));
  const cookies = await alice.context.cookies();

  way.rules.refuse = true;
  way.cut();
  const asked = { refresh: () => refresh(page), login: () => logIn(page, "alice"), logout: () => logOut(page) };
  for (const [name, ask] of Object.entries(asked)) {
    const seen = await ask();
    t.equal(outcome(seen), "503 temporarily_unavailable", name);
    t.match(seen.headers["retry-after"], /^[1-9]\d*$/, name);
    t.same(await alice.context.cookies(), cookies, name);
  }

  way.rules.refuse = false;
  await until("the issuer is back", async () => (await refresh(page)).status === 200, 60_000);
  t.equal(grantedBy(await refresh(page)).sid, sid);
  t.equal(outcome(await logOut(page)), "204");
  t.same(await alice.context.cookies(), []);
});
