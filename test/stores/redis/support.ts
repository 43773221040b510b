/** What the tests of the Redis store share. */

import { setTimeout as delay } from "node:timers/promises";
import type { Test } from "tap";
import { StoreError } from "../../../src/domain/ports.ts";
import type { Store } from "../../../src/domain/ports.ts";
import { openRedisStore } from "../../../src/stores/redis/index.ts";
import type { RedisStoreOptions } from "../../../src/stores/redis/index.ts";
import { startRedis } from "../../support/redis.ts";
import type { RedisServer, RedisServerOptions } from "../../support/redis.ts";
import { startTcpProxy } from "../../support/tcp-proxy.ts";
import type { TcpProxy } from "../../support/tcp-proxy.ts";

export const bytes = (text: string): Buffer => Buffer.from(text);
export const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : Buffer.from(value).toString();

/** Held until an hour from now. */
export const held = () => ({ expiresAt: Date.now() + 3_600_000, confirmed: false });

export async function server(t: Test, options?: RedisServerOptions): Promise<RedisServer> {
  const started = await startRedis(options);
  t.teardown(() => started.remove());
  return started;
}

export async function proxy(t: Test, target: RedisServer): Promise<TcpProxy> {
  const started = await startTcpProxy(target.port);
  t.teardown(() => started.close());
  return started;
}

export async function store(t: Test, url: string, options: Partial<RedisStoreOptions> = {}): Promise<Store> {
  const opened = await openRedisStore({
    url,
    keyPrefix: "test:",
    commandTimeoutMillis: 600,
    waitReplicas: 0,
    clock: Date.now,
    random: (count) => new Uint8Array(count),
    production: false,
    ...options,
  });
  t.teardown(() => opened.close());
  return opened;
}

/** The `StoreError` that a call ends with, or undefined where it succeeds; any other error is thrown. */
export async function failure(call: Promise<unknown>): Promise<StoreError | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    if (error instanceof StoreError) return error;
    throw error;
  }
}

/** Waits until the store answers. The bound only ends a test that hangs: nothing is said about how long it may take. */
export async function answers(of: Store): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const failed = await failure(of.ping());
    if (failed === undefined) return;
    if (attempt === 3_000) throw failed;
    await delay(20);
  }
}

export async function until(condition: () => boolean): Promise<void> {
  for (let attempt = 1; !condition(); attempt += 1) {
    if (attempt === 500) throw new Error("what was waited for did not happen");
    await delay(20);
  }
}
