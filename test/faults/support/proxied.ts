/** Issuers that reach their Redis through a proxy each. */

import type { DrillOptions } from "../drill/options.ts";
import { startRedisProxy } from "./redis-proxy.ts";
import type { RedisProxy } from "./redis-proxy.ts";
import type { RedisSetup } from "./redis-setup.ts";

export interface Proxied {
  readonly proxies: readonly RedisProxy[];
  /** Of the drill. */
  readonly options: Pick<DrillOptions, "store" | "envOf" | "written">;
}

export async function proxied({ redis, ...store }: RedisSetup, issuers = 2): Promise<Proxied> {
  const proxies = await Promise.all(Array.from({ length: issuers }, () => startRedisProxy(redis.port)));
  const remove = async (): Promise<void> => {
    await Promise.all(proxies.map((proxy) => proxy.close()));
    await store.remove();
  };
  const envOf = (node: number) => ({ MINTMARK_STORE: proxies[node]?.url ?? redis.url });
  return { proxies, options: { store: { ...store, remove }, envOf, written: store.written } };
}
