/** Both stores for the same flow: each test of whole lives runs on the embedded one and on a real Redis. */

import type { Test } from "tap";
import t from "tap";
import { Home } from "../support/issuer-process.ts";
import type { HomeOptions } from "../support/issuer-process.ts";
import { skipWithoutRedis, startRedis } from "../support/redis.ts";

/** What a production Redis is asked to have: appends of every second, and no eviction. */
export const DURABLE = { appendonly: "yes", appendfsync: "everysec", "maxmemory-policy": "noeviction" } as const;

/** Runs `flow` once per store, with a home on it. */
export function onBothStores(name: string, options: HomeOptions, flow: (t: Test, home: Home) => Promise<void>): void {
  t.test(`${name} (embedded)`, async (t) => flow(t, await Home.make(t, options)));
  t.test(`${name} (Redis)`, { skip: skipWithoutRedis }, async (t) => {
    const redis = await startRedis({ config: DURABLE });
    const home = await Home.make(t, { ...options, store: redis.url });
    t.teardown(() => redis.remove());
    await flow(t, home);
  });
}
