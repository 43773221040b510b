/** The store goes away, comes back, or is emptied: what users see, and what never happens. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { Test } from "tap";
import { form, introspect, logIn, mustLogIn, mustRefresh, refresh } from "../support/client-calls.ts";
import { call, outcomeOf } from "../support/http-call.ts";
import { Home } from "../support/issuer-process.ts";
import type { RunningIssuer } from "../support/issuer-process.ts";
import { skipWithoutRedis, startRedis } from "../support/redis.ts";
import type { RedisServer } from "../support/redis.ts";
import { until } from "../support/wait.ts";
import { DURABLE } from "./stores.ts";

const PASSWORD = "the password of a bad day";
const JWKS = "/.well-known/jwks.json";
const DOWN = "503 temporarily_unavailable";
const skip = skipWithoutRedis;

async function homeOnRedis(t: Test, commandTimeout = "2s"): Promise<{ home: Home; redis: RedisServer }> {
  const redis = await startRedis({ config: { ...DURABLE, appendfsync: "always" } });
  const home = await Home.make(t, { store: redis.url, settings: { redis: { commandTimeout } } });
  t.teardown(() => redis.remove());
  return { home, redis };
}

const isReady = async (issuer: RunningIssuer) => (await issuer.send("/readyz")).status === 200;

t.test("Redis is killed: 503 and no verdict; the JWK Set goes on; back without a restart", { skip }, async (t) => {
  const { home, redis } = await homeOnRedis(t);
  const issuer = await home.start();
  await home.addUser("olga", PASSWORD);
  const tokens = await mustLogIn(issuer, "olga", PASSWORD);
  const jwks = (await issuer.send(JWKS)).body;

  await redis.kill();
  const asked = {
    refresh: () => refresh(issuer, tokens.refreshToken),
    login: () => logIn(issuer, "olga", PASSWORD),
    wrongLogin: () => logIn(issuer, "olga", "not the password of olga"),
    revoke: () => form(issuer, "/revoke", { token: tokens.refreshToken, client_id: "app" }),
    introspect: () => introspect(issuer, tokens.accessToken),
  };
  for (const [name, ask] of Object.entries(asked)) {
    const answer = await ask();
    t.equal(outcomeOf(answer), DOWN, name);
    t.match(answer.headers["retry-after"], /^[1-9]\d*$/, name);
    t.equal(answer.headers["cache-control"], "no-store", name);
  }
  const published = await issuer.send(JWKS);
  t.same([published.status, published.body], [200, jwks]);
  t.equal((await issuer.send("/.well-known/openid-configuration")).status, 200);
  t.equal(await isReady(issuer), false);
  t.equal((await call(`${issuer.opsUrl}/readyz`)).status, 503);
  t.equal((await issuer.send("/livez")).status, 200);

  await redis.start();
  await until("it is back", async () => (await refresh(issuer, tokens.refreshToken)).status === 200);
  await until("it is ready", () => isReady(issuer));
  t.equal((await logIn(issuer, "olga", PASSWORD)).status, 200);
});

t.test("Redis hangs: an answer within the command timeout, and the retry has a successor", { skip }, async (t) => {
  const { home, redis } = await homeOnRedis(t);
  const issuer = await home.start();
  await home.addUser("otto", PASSWORD);
  const { refreshToken } = await mustLogIn(issuer, "otto", PASSWORD);
  redis.pause();
  try {
    const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(issuer, refreshToken)));
    t.same(new Set(answers.map(outcomeOf)), new Set([DOWN]));
    t.equal((await issuer.send(JWKS)).status, 200);
  } finally {
    redis.resume();
  }
  await until("it is back", async () => (await refresh(issuer, refreshToken)).status === 200);
  const again = await mustRefresh(issuer, refreshToken);
  t.equal((await refresh(issuer, again.refreshToken)).status, 200, "what ran late did no harm");
});

t.test("Redis is emptied: nobody is logged out; an alarm; doctor --accept-empty-store goes on", { skip }, async (t) => {
  const { home, redis } = await homeOnRedis(t);
  const issuer = await home.start();
  await home.addUser("oskar", PASSWORD);
  const tokens = await mustLogIn(issuer, "oskar", PASSWORD);
  const jwks = (await issuer.send(JWKS)).body;

  await redis.command("flushall");
  t.equal(outcomeOf(await refresh(issuer, tokens.refreshToken)), DOWN, "an unknown session proves nothing");
  t.equal(outcomeOf(await introspect(issuer, tokens.accessToken)), DOWN);
  await until("the alarm", () => /"level":"error","event":"store_emptied"/.test(issuer.stdout()));
  await until("the key ring is put back", () => issuer.stdout().includes('"ring_repaired"'));
  t.equal((await issuer.send(JWKS)).body, jwks, "the keys are the ones of before");
  t.equal((await home.command(["doctor"])).code, 1, "doctor finds the fault");
  t.match((await home.command(["doctor"])).stdout, /accept-empty-store/);

  const accepted = await home.command(["doctor", "--accept-empty-store"]);
  t.equal(accepted.code, 0, accepted.stdout);
  await until("unknown is unknown again", async () => outcomeOf(await refresh(issuer, tokens.refreshToken)) === "400 invalid_grant");
  await home.addUser("oskar", PASSWORD);
  t.equal((await logIn(issuer, "oskar", PASSWORD)).status, 200);
});

t.test("a start while Redis is down serves the JWK Set from the last copy, and goes on when it is back", { skip }, async (t) => {
  const { home, redis } = await homeOnRedis(t);
  const first = await home.start();
  await home.addUser("olaf", PASSWORD);
  const { refreshToken } = await mustLogIn(first, "olaf", PASSWORD);
  const jwks = (await first.send(JWKS)).body;
  t.equal(await first.stop(), 0);
  t.ok(existsSync(join(home.keysFolder, "ring.json")));
  await redis.kill();

  const second = await home.start();
  const published = await second.send(JWKS);
  t.same([published.status, published.body], [200, jwks]);
  t.equal(await isReady(second), false);
  t.equal(outcomeOf(await refresh(second, refreshToken)), DOWN);
  await redis.start();
  await until("it is back", async () => (await refresh(second, refreshToken)).status === 200);
  t.equal(await second.stop(), 0);
});

t.test("a command while Redis is down is one line and exit 1", { skip }, async (t) => {
  const { home, redis } = await homeOnRedis(t);
  const issuer = await home.start();
  await redis.kill();
  const { code, stdout, stderr } = await home.command(["keys", "list"]);
  t.same([code, stdout], [1, ""]);
  t.match(stderr, /^error: [^\n]+\n$/m);
  t.equal(await issuer.stop(), 0, "and the server still stops cleanly");
});
