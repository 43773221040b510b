/** One Redis as the store of a drill. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { StoreSetup } from "../../../scripts/figures/support/deployment.ts";
import { skipWithoutRedis, startRedis } from "../../support/redis.ts";
import type { RedisConfig, RedisServer } from "../../support/redis.ts";
import { Skip } from "../rows/row.ts";

export interface RedisSetup extends StoreSetup {
  readonly redis: RedisServer;
  /** The names of its keys, and everything that was ever written where it keeps an append-only file. */
  written(): Promise<readonly (readonly [name: string, found: Buffer])[]>;
}

const DURABLE = { "maxmemory-policy": "noeviction", appendonly: "yes" };

/** Throws `Skip` where there is no redis-server. */
export async function redisSetup(config: RedisConfig = {}): Promise<RedisSetup> {
  if (skipWithoutRedis !== false) throw new Skip(skipWithoutRedis);
  const redis = await startRedis({ config: { ...DURABLE, ...config } });
  return {
    redis,
    url: redis.url,
    remove: () => redis.remove(),
    async written() {
      const names = (await redis.command("keys", "*")) as string[];
      return [["names of Redis keys", Buffer.from(names.join("\n"))], ...appendOnlyFiles(redis.folder)];
    },
  };
}

function appendOnlyFiles(folder: string): readonly (readonly [string, Buffer])[] {
  const path = join(folder, "appendonlydir");
  return readdirSync(path).map((name) => [`Redis' ${name}`, readFileSync(join(path, name))]);
}
