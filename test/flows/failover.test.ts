/** A real primary dies under a real issuer: what was acknowledged holds on the next one (bad-inputs rv-013). */

import t from "tap";
import type { Test } from "tap";
import { form, introspect, mustLogIn, mustRefresh, refresh } from "../support/client-calls.ts";
import { outcomeOf } from "../support/http-call.ts";
import { Home } from "../support/issuer-process.ts";
import { skipWithoutRedis } from "../support/redis.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { startSentinelSetup } from "../support/redis-sentinel.ts";
import { until } from "../support/wait.ts";

const PASSWORD = "the password of a failover";
const skip = skipWithoutRedis;

/** The primary of the subject dies right after a revocation was acknowledged. */
async function revocationOutlivesPrimary(t: Test, url: string, killPrimary: () => Promise<void>): Promise<void> {
  const home = await Home.make(t, { store: url, settings: { redis: { commandTimeout: "1s" } } });
  const issuer = await home.start();
  await home.addUser("vera", PASSWORD);
  const [doomed, living] = [await mustLogIn(issuer, "vera", PASSWORD), await mustLogIn(issuer, "vera", PASSWORD)];
  await until(
    "it is acknowledged",
    async () => (await form(issuer, "/revoke", { token: doomed.refreshToken, client_id: "app" })).status === 200,
  );
  await killPrimary();
  t.match(outcomeOf(await refresh(issuer, living.refreshToken)), /^200|^503/, "no verdict while nobody can say");
  await until("the next one serves", async () => (await refresh(issuer, living.refreshToken)).status === 200);
  // Of a Cluster another shard, which has the marker, may take longer.
  await until("it says so of what is not there too", async () => (await refresh(issuer, doomed.refreshToken)).status !== 503);
  t.equal(outcomeOf(await refresh(issuer, doomed.refreshToken)), "400 invalid_grant");
  t.same(JSON.parse((await introspect(issuer, doomed.accessToken)).body), { active: false });
  const next = await mustRefresh(issuer, living.refreshToken);
  t.match(JSON.parse((await introspect(issuer, next.accessToken)).body), { active: true });
}

t.test("behind Sentinel a revocation that was acknowledged outlives its primary", { skip }, async (t) => {
  const redis = await startSentinelSetup();
  t.teardown(() => redis.remove());
  await revocationOutlivesPrimary(t, redis.url, async () => (await redis.primary()).kill());
});

t.test("in a Cluster a revocation that was acknowledged outlives every primary that took it", { skip }, async (t) => {
  const redis = await startCluster();
  t.teardown(() => redis.remove());
  // The subject's document, the log, the ring: all shards, one after the other, so that each can elect.
  await revocationOutlivesPrimary(t, redis.url, async () => {
    for (const node of redis.nodes.slice(0, 3).slice(1)) {
      const [replica] = await redis.replicasOf(node);
      await redis.failover(replica!);
      await redis.waitUntilHealthy();
    }
    await redis.nodes[0]!.kill();
  });
});
