/** Redis as the store of a drill: one server, several with Sentinels, a Cluster. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { StoreSetup } from "../../../scripts/figures/support/deployment.ts";
import { startCluster } from "../../support/redis-cluster.ts";
import type { ClusterOptions, RedisCluster } from "../../support/redis-cluster.ts";
import { startSentinelSetup } from "../../support/redis-sentinel.ts";
import type { SentinelSetup, SentinelSetupOptions } from "../../support/redis-sentinel.ts";
import { skipWithoutRedis, startRedis } from "../../support/redis.ts";
import type { RedisConfig, RedisServer } from "../../support/redis.ts";
import type { DrillOptions } from "../drill/options.ts";
import { Skip } from "../rows/row.ts";

export interface RedisSetup extends StoreSetup {
  readonly redis: RedisServer;
  /** The names of its keys, and everything that was ever written where it keeps an append-only file. */
  written(): Promise<readonly (readonly [name: string, found: Buffer])[]>;
}

const FAILOVER_TIMEOUT_MILLIS = 2_000;
const DURABLE = { "maxmemory-policy": "noeviction", appendonly: "yes" };

/** Throws `Skip` where there is no redis-server. */
export async function redisSetup(config: RedisConfig = {}): Promise<RedisSetup> {
  mustHaveRedis();
  const redis = await startRedis({ config: { ...DURABLE, ...config } });
  return { redis, url: redis.url, remove: () => redis.remove(), written: () => writtenBy([redis]) };
}

/** Of a drill: its store, and where that writes. */
export type StoreOptions = Pick<DrillOptions, "store" | "written">;

/** Throws `Skip` where there is no redis-server. */
export async function sentinelSetup(options: SentinelSetupOptions = {}): Promise<{ sentinel: SentinelSetup; options: StoreOptions }> {
  mustHaveRedis();
  // Sentinels begin no failover within twice this time of the one before.
  const sentinel = await startSentinelSetup({ failoverTimeoutMillis: FAILOVER_TIMEOUT_MILLIS, ...options });
  return { sentinel, options: { store: sentinel, written: () => writtenBy(sentinel.servers) } };
}

/** Throws `Skip` where there is no redis-server. */
export async function clusterSetup(options: ClusterOptions = {}): Promise<{ cluster: RedisCluster; options: StoreOptions }> {
  mustHaveRedis();
  const cluster = await startCluster(options);
  return { cluster, options: { store: cluster, written: () => writtenBy(cluster.nodes) } };
}

function mustHaveRedis(): void {
  if (skipWithoutRedis !== false) throw new Skip(skipWithoutRedis);
}

async function writtenBy(servers: readonly RedisServer[]): Promise<readonly (readonly [name: string, found: Buffer])[]> {
  const names = await Promise.all(servers.map(async (server) => (await server.command("keys", "*")) as string[]));
  return [["names of Redis keys", Buffer.from(names.flat().join("\n"))], ...servers.flatMap(({ folder }) => appendOnlyFiles(folder))];
}

function appendOnlyFiles(folder: string): readonly (readonly [string, Buffer])[] {
  const path = join(folder, "appendonlydir");
  return readdirSync(path).map((name) => [`Redis' ${name}`, readFileSync(join(path, name))]);
}
