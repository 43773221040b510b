import t from "tap";
import type { Test } from "tap";
import { CLUSTER_FAILOVER_KINDS, runClusterFailover, runSentinelFailover } from "./failovers.ts";
import type { Failover } from "./failovers.ts";
import { createNetwork, skipWithoutNamespaces } from "./network.ts";
import { startCluster } from "./redis-cluster.ts";
import { startSentinelSetup } from "./redis-sentinel.ts";
import { skipWithoutRedis } from "./redis.ts";

const skip = skipWithoutRedis;

async function check(t: Test, { from, to, beganAt, servedAt, healthyAt }: Failover): Promise<void> {
  t.not(to, from);
  t.ok(beganAt <= servedAt && servedAt <= healthyAt);
  t.match(await to.command("role"), ["master"]);
  t.match(await from.command("role"), ["slave", to.host, to.port, "connected"], "the former primary follows the new one");
}

t.test("Sentinels fail over as planned, and when a primary stands still", { skip }, async (t) => {
  const setup = await startSentinelSetup({ failoverTimeoutMillis: 2000 });
  t.teardown(() => setup.remove());
  // The other ways take a minute, or are tested with the Sentinels.
  for (const kind of ["planned", "pause"] as const) await t.test(kind, async (t) => check(t, await runSentinelFailover(setup, kind)));
});

t.test("Sentinels fail over by a partition", { skip: skip || skipWithoutNamespaces }, async (t) => {
  const network = await createNetwork(["a", "b", "c"]);
  t.teardown(() => network.remove());
  const setup = await startSentinelSetup({ hosts: { servers: network.hosts, sentinels: network.hosts } });
  t.teardown(() => setup.remove());
  await check(t, await runSentinelFailover(setup, "partition", network));
});

t.test("a cluster fails over in every way, one after the other", { skip }, async (t) => {
  const cluster = await startCluster();
  t.teardown(() => cluster.remove());
  for (const kind of CLUSTER_FAILOVER_KINDS) await t.test(kind, async (t) => check(t, await runClusterFailover(cluster, kind, 12_345)));
});
