/** Compare-and-set as one atomic command on one key. */

import { StoreError } from "../../domain/ports.ts";
import type { Argument, Commands } from "./commands.ts";
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

export interface Swap {
  readonly key: string;
  readonly expected: Buffer | undefined;
  readonly next: Buffer | undefined;
  readonly expiry: string;
}

/**
 * Undefined, and nothing was done, where the server turned out not to know its own form of it: another call uses the script.
 * Not `async`, which would cost two turns more.
 */
export function swap(commands: Commands, server: Server, { key, expected, next, expiry }: Swap): Promise<boolean | undefined> {
  if (expected === undefined) {
    if (next === undefined) return commands.read("exists", [key]).then(isZero);
    return commands.write("set", [key, next, "NX", "PXAT", expiry]).then(wasSet);
  }
  if (next === undefined) return commands.run(compareAndRemoveScript, key, [expected]).then(isOne);
  if (!server.canSetIfEqual) return commands.run(compareAndSetScript, key, [expected, next, expiry]).then(isOne);
  return commands.tryWrite("set", setIfEqualArguments(key, expected, next, expiry)).then((reply) => {
    if (reply !== undefined) return wasSet(reply);
    server.forgetSetIfEqual();
    return undefined;
  });
}

function isZero(reply: unknown): boolean {
  return reply === 0;
}

function isOne(reply: unknown): boolean {
  return reply === 1;
}
