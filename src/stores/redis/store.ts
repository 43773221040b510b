/** `Store` on Redis: one server, one behind Sentinel, or a cluster. */

import type { Bytes, Clock, Random, LogEntry, SetOptions, Store, StoreFinding } from "../../domain/ports.ts";
import { openClusterRoutes } from "./cluster.ts";
import type { SentinelAccess } from "./connection.ts";
import { inspect } from "./inspect.ts";
import { read } from "./log.ts";
import { openSingleRoute, type Routes } from "./routes.ts";
import { scan } from "./scan.ts";
import type { Page } from "./scan.ts";
import { expiryArgument } from "./swap.ts";
import { askTime } from "./time.ts";
import { parseRedisUrl, type RedisTarget } from "./url.ts";

export interface RedisStoreOptions {
  /** See `parseRedisUrl`. */
  readonly url: string;
  /** How the sentinels let a client in, where that takes something. */
  readonly sentinelAccess?: SentinelAccess | undefined;
  /** In front of every key. */
  readonly keyPrefix: string;
  /** Every call settles within this. */
  readonly commandTimeoutMillis: number;
  /** Replicas that must have a confirmed write before it is acknowledged. */
  readonly waitReplicas: number;
  readonly clock: Clock;
  /** For the jitter between attempts to connect. */
  readonly random: Random;
  /** Without persistence, production is a fault, elsewhere a hint. */
  readonly production: boolean;
  /** Told once for each new reason why the server can't be used: one line without key, value or credential. */
  readonly onError?: (message: string) => void;
}

/**
 * Connects; resolves when the first attempt has ended. A server that can't be reached is no error here: the store's calls
 * throw `StoreError` until it is back, and `ping` tells. Throws `TypeError` for a malformed URL.
 */
export async function openRedisStore(options: RedisStoreOptions): Promise<Store> {
  const target = parseRedisUrl(options.url);
  return new RedisStore(await openRoutes(target, options), target, options);
}

function openRoutes(
  target: RedisTarget,
  { sentinelAccess = {}, onError = () => undefined, ...options }: RedisStoreOptions,
): Promise<Routes> {
  const common = { ...options, access: target, onError };
  switch (target.kind) {
    case "single":
      return openSingleRoute({ ...common, whereabouts: { node: target.node }, database: target.database });
    case "sentinel": {
      const { sentinels, name, database } = target;
      return openSingleRoute({ ...common, whereabouts: { sentinels, name, access: sentinelAccess }, database });
    }
    case "cluster":
      return openClusterRoutes(common, target.seeds);
  }
}

const LOGS = "log:";
/** What is asked of one server of a cluster is asked of the one that has this key. */
const ANY = "marker";

class RedisStore implements Store {
  readonly #routes: Routes;
  readonly #target: RedisTarget;
  readonly #options: RedisStoreOptions;

  constructor(routes: Routes, target: RedisTarget, options: RedisStoreOptions) {
    this.#routes = routes;
    this.#target = target;
    this.#options = options;
  }

  async get(key: string): Promise<Bytes | undefined> {
    const documentKey = this.#documentKey(key);
    const value = await this.#routes.on(documentKey, (primary, isAsk) => primary.commands(isAsk).read("get", [documentKey]));
    return Buffer.isBuffer(value) ? value : undefined;
  }

  /** One command; where it is to be confirmed and replicas are waited for, over the connection for that. */
  async compareAndSet(key: string, expected: Bytes | undefined, next: Bytes | undefined, options: SetOptions): Promise<boolean> {
    const expiry = expiryArgument(options.expiresAt);
    const swap = { key: this.#documentKey(key), expected: optional(expected), next: optional(next), expiry };
    return this.#routes.on(swap.key, (primary, isAsk) => primary.swap(swap, options.confirmed, isAsk));
  }

  scan(prefix: string): AsyncIterable<Page> {
    return scan(this.#routes, this.#options.keyPrefix, prefix);
  }

  async append(log: string, entry: Bytes, expiresAt: number): Promise<string> {
    const key = this.#logKey(log);
    const bytes = buffer(entry);
    const expiry = expiryArgument(expiresAt);
    return this.#routes.on(key, (primary, isAsk) => primary.append(key, bytes, expiry, isAsk));
  }

  async read(log: string, after: string | undefined, limit: number): Promise<readonly LogEntry[]> {
    const key = this.#logKey(log);
    return this.#routes.on(key, (primary, isAsk) => read(primary.commands(isAsk), key, after, limit));
  }

  async now(): Promise<number> {
    return this.#routes.on(this.#documentKey(ANY), (primary) => askTime(primary.commands()));
  }

  /** By a write that finds nothing to do. */
  async takesWrites(): Promise<boolean> {
    return this.#routes.on(this.#documentKey(ANY), (primary) => primary.commands().isTaken("del", [this.#documentKey("fence")]));
  }

  async ping(): Promise<void> {
    await this.#routes.on(this.#documentKey(ANY), (primary) => primary.commands().read("ping", []));
  }

  inspect(): Promise<readonly StoreFinding[]> {
    return inspect(this.#routes, this.#target, this.#options);
  }

  onPrimaryChange(listener: () => void): () => void {
    return this.#routes.onChange(listener);
  }

  async close(): Promise<void> {
    await this.#routes.close();
  }

  #documentKey(key: string): string {
    if (key.startsWith(LOGS)) throw new TypeError(`keys that begin with ${LOGS} are the logs'`);
    return this.#options.keyPrefix + key;
  }

  #logKey(log: string): string {
    return this.#options.keyPrefix + LOGS + log;
  }
}

/** A view of the same bytes: ioredis knows only Buffers. */
function buffer(value: Bytes): Buffer {
  if (value.length === 0) throw new TypeError("a stored value is not empty");
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

function optional(value: Bytes | undefined): Buffer | undefined {
  return value === undefined ? undefined : buffer(value);
}
