/** `Store` on a Redis server. */

import type { Bytes, Clock, Random, LogEntry, SetOptions, Store, StoreFinding } from "../../domain/ports.ts";
import { StoreError } from "../../domain/ports.ts";
import { RedisConnection } from "./connection.ts";
import { findingsOf } from "./inspect.ts";
import { append, read } from "./log.ts";
import { scan } from "./scan.ts";
import type { Page } from "./scan.ts";
import { askInfo, Server } from "./server.ts";
import { expiryArgument, swap } from "./swap.ts";
import { parseRedisUrl } from "./url.ts";

export interface RedisStoreOptions {
  /** `redis://` or `rediss://` with user, password, port and database number as needed. */
  readonly url: string;
  /** In front of every key. */
  readonly keyPrefix: string;
  /** Every call settles within this. */
  readonly commandTimeoutMillis: number;
  /** Replicas that must have a confirmed write before it is acknowledged. Only 0 is built. */
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
  if (options.waitReplicas !== 0) throw new TypeError("waitReplicas other than 0 is not built");
  const server = new Server();
  const seen = Promise.withResolvers<void>();
  const connection: RedisConnection = new RedisConnection({
    target,
    commandTimeoutMillis: options.commandTimeoutMillis,
    random: options.random,
    onError: options.onError ?? (() => undefined),
    onReady: () => void server.look(connection).then(seen.resolve),
  });
  const isConnected = await connection.connect();
  if (isConnected) await seen.promise;
  return new RedisStore(connection, server, options);
}

const LOGS = "log:";

class RedisStore implements Store {
  readonly #connection: RedisConnection;
  readonly #server: Server;
  readonly #options: RedisStoreOptions;

  constructor(connection: RedisConnection, server: Server, options: RedisStoreOptions) {
    this.#connection = connection;
    this.#server = server;
    this.#options = options;
  }

  async get(key: string): Promise<Bytes | undefined> {
    const value = await this.#connection.read("get", [this.#documentKey(key)]);
    return Buffer.isBuffer(value) ? value : undefined;
  }

  /** One command. `confirmed` asks for nothing more while no replica is waited for: the server's answer is the confirmation. */
  async compareAndSet(key: string, expected: Bytes | undefined, next: Bytes | undefined, options: SetOptions): Promise<boolean> {
    const expiry = expiryArgument(options.expiresAt);
    return swap(this.#connection, this.#server, this.#documentKey(key), optional(expected), optional(next), expiry);
  }

  scan(prefix: string): AsyncIterable<Page> {
    return scan(this.#connection, this.#options.keyPrefix, prefix);
  }

  async append(log: string, entry: Bytes, expiresAt: number): Promise<string> {
    return append(this.#connection, this.#logKey(log), buffer(entry), expiryArgument(expiresAt));
  }

  async read(log: string, after: string | undefined, limit: number): Promise<readonly LogEntry[]> {
    return read(this.#connection, this.#logKey(log), after, limit);
  }

  async now(): Promise<number> {
    const time = await this.#connection.read("time", [], "utf8");
    const [seconds, microseconds] = Array.isArray(time) ? time.map(Number) : [];
    const millis = (seconds ?? Number.NaN) * 1000 + Math.floor((microseconds ?? Number.NaN) / 1000);
    if (!Number.isSafeInteger(millis)) throw new StoreError("unavailable", "the Redis server gave an answer that TIME does not have");
    return millis;
  }

  async ping(): Promise<void> {
    await this.#connection.read("ping", []);
  }

  async inspect(): Promise<readonly StoreFinding[]> {
    const { clock, production, commandTimeoutMillis } = this.#options;
    const begun = clock();
    // Not PING: a server that can't write to its disk refuses that, and then most is to be said.
    await this.now();
    const roundTripMillis = Math.max(0, clock() - begun);
    const info = await askInfo(this.#connection);
    const appendfsync = await this.#setting("appendfsync");
    const save = await this.#setting("save");
    return findingsOf({ info, appendfsync, save, roundTripMillis }, production, commandTimeoutMillis);
  }

  onPrimaryChange(listener: () => void): () => void {
    return this.#server.onChange(listener);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  /** Undefined where CONFIG GET is not permitted (many managed services). */
  async #setting(name: string): Promise<string | undefined> {
    const reply = await this.#connection.ask("config", ["get", name]);
    const value: unknown = Array.isArray(reply) ? reply[1] : undefined;
    return typeof value === "string" ? value : undefined;
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
