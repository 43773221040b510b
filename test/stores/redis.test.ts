/** The store contract on a real redis-server. What only Redis can do to us is tested in `redis/`. */

import { setTimeout as delay } from "node:timers/promises";
import t from "tap";
import { openRedisStore } from "../../src/stores/redis/index.ts";
import { storeContract } from "../contract/store.ts";
import { skipWithoutRedis, startRedis } from "../support/redis.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";

if (skipWithoutRedis !== false) {
  t.test("the store contract on Redis", { skip: skipWithoutRedis }, () => {});
} else {
  const server = await startRedis();
  t.teardown(() => server.remove());
  let harnesses = 0;

  storeContract("Redis", async () => {
    harnesses += 1;
    const proxy = await startTcpProxy(server.port);
    const keyPrefix = `contract:${harnesses}:`;
    let interruptions = 0;
    return {
      open: () =>
        openRedisStore({
          url: proxy.url,
          keyPrefix,
          commandTimeoutMillis: 5000,
          waitReplicas: 0,
          clock: Date.now,
          random: (count) => new Uint8Array(count),
          production: false,
        }),
      interrupt: async () => {
        interruptions += 1;
        // By turns: requests are lost on the way, and replies are lost after the server did what it was asked.
        if (interruptions % 4 < 2) return proxy.cut();
        proxy.rules.dropReplies = true;
        await delay(20);
        proxy.cut();
        proxy.rules.dropReplies = false;
      },
      remove: () => proxy.close(),
    };
  });
}
