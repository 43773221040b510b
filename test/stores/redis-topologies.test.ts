/** The store contract behind Sentinel and on a Cluster, with every confirmed write on a replica before it is acknowledged. */

import t from "tap";
import { openRedisStore } from "../../src/stores/redis/index.ts";
import { storeContract } from "../contract/store.ts";
import { skipWithoutRedis } from "../support/redis.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { startSentinelSetup } from "../support/redis-sentinel.ts";

function contractOn(name: string, url: string): void {
  let harnesses = 0;
  storeContract(name, async () => {
    harnesses += 1;
    const options = {
      url,
      keyPrefix: `contract:${harnesses}:`,
      commandTimeoutMillis: 5000,
      waitReplicas: 1,
      clock: Date.now,
      random: (count: number) => new Uint8Array(count),
      production: false,
    };
    return { open: () => openRedisStore(options), remove: () => Promise.resolve() };
  });
}

if (skipWithoutRedis !== false) {
  t.test("the store contract behind Sentinel and on a Cluster", { skip: skipWithoutRedis }, () => {});
} else {
  const [sentinel, cluster] = await Promise.all([startSentinelSetup({ replicas: 1 }), startCluster()]);
  t.teardown(() => Promise.all([sentinel.remove(), cluster.remove()]));
  contractOn("Redis behind Sentinel", sentinel.url);
  contractOn("Redis Cluster", cluster.url);
}
