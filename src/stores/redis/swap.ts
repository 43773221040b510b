/** Compare-and-set as one atomic command on one key. */

import { StoreError } from "../../domain/ports.ts";
import type { Argument, RedisConnection } from "./connection.ts";
import { compareAndRemoveScript, compareAndSetScript } from "./scripts.ts";
import type { Server } from "./server.ts";

/** PXAT takes whole milliseconds above 0. A time in the past is fine: the value is over, and the server drops it at once. */
export function expiryArgument(expiresAt: number): string {
  if (!Number.isFinite(expiresAt)) throw new TypeError("expiresAt is a finite number of milliseconds");
  return String(Math.min(Math.max(1, Math.ceil(expiresAt)), Number.MAX_SAFE_INTEGER));
}

/** The arguments of the server's own compare-and-set, in Redis 8.4 and Valkey 8.1 alike. */
export function setIfEqualArguments(key: string, expected: Buffer, next: Buffer, expiry: string): Argument[] {
  return [key, next, "IFEQ", expected, "PXAT", expiry];
}

/** SET answers OK, or null where its condition does not hold. */
function wasSet(reply: unknown): boolean {
  if (reply === null) return false;
  if (Buffer.isBuffer(reply) && reply.toString("latin1") === "OK") return true;
  throw new StoreError("unknown", "the Redis server gave an answer that SET does not have");
}

/** Not `async`, which would cost two turns more. */
export function swap(
  connection: RedisConnection,
  server: Server,
  key: string,
  expected: Buffer | undefined,
  next: Buffer | undefined,
  expiry: string,
): Promise<boolean> {
  if (expected === undefined) {
    if (next === undefined) return connection.read("exists", [key]).then(isZero);
    return connection.write("set", [key, next, "NX", "PXAT", expiry]).then(wasSet);
  }
  if (next === undefined) return connection.run(compareAndRemoveScript, key, [expected]).then(isOne);
  if (server.canSetIfEqual) return setIfEqual(connection, server, key, expected, next, expiry);
  return connection.run(compareAndSetScript, key, [expected, next, expiry]).then(isOne);
}

async function setIfEqual(
  connection: RedisConnection,
  server: Server,
  key: string,
  expected: Buffer,
  next: Buffer,
  expiry: string,
): Promise<boolean> {
  const reply = await connection.tryWrite("set", setIfEqualArguments(key, expected, next, expiry));
  if (reply !== undefined) return wasSet(reply);
  server.forgetSetIfEqual();
  return swap(connection, server, key, expected, next, expiry);
}

function isZero(reply: unknown): boolean {
  return reply === 0;
}

function isOne(reply: unknown): boolean {
  return reply === 1;
}
