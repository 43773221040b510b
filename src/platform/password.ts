/** Password hashes: argon2id at OWASP's parameters, bounded, because each takes 19 MiB and a thread of the pool. */

import { hash, verify } from "@node-rs/argon2";
import type { PasswordHasher, Random } from "../domain/ports.ts";
import { createBoundedQueue } from "./bounded-queue.ts";
import { systemRandom } from "./random.ts";

/** The library's `Algorithm.Argon2id` and `Version.V0x13`: const enums, which type stripping can't read. */
const ARGON2ID = 2;
const VERSION_19 = 1;

const PARAMETERS = {
  algorithm: ARGON2ID,
  version: VERSION_19,
  memoryCost: 19_456,
  timeCost: 2,
  parallelism: 1,
  outputLen: 32,
} as const;

const SALT_BYTES = 16;

export interface PasswordHasherOptions {
  /** How many hashes at once; each is a thread of libuv's pool (4) for about 60 ms. */
  readonly concurrency?: number;
  /** How many may wait; at least 64, which INTERFACE promises. */
  readonly queueLength?: number;
  readonly maxWaitMillis?: number;
  readonly random?: Random;
}

/**
 * Hashes and verifies passwords as PHC strings (RFC 9106 argon2id, m=19456 KiB, t=2, p=1). `verify` takes whatever
 * parameters the stored string names. A stored string that is no argon2 PHC string is a broken account, not a wrong
 * password: an `Error` that repeats nothing of it.
 */
export function createPasswordHasher(options: PasswordHasherOptions = {}): PasswordHasher {
  const { concurrency = 2, queueLength = 64, maxWaitMillis = 5_000, random = systemRandom } = options;
  const queue = createBoundedQueue({ concurrency, queueLength, maxWaitMillis });
  const nobodysHash = unmatchableHash(random);

  return {
    hash: (password) => queue(() => hash(password, { ...PARAMETERS, salt: random(SALT_BYTES) })),
    verify: (stored, password) =>
      queue(async () => {
        const matches = await verifyStored(stored ?? nobodysHash, password);
        return stored !== undefined && matches;
      }),
  };
}

async function verifyStored(stored: string, password: string): Promise<boolean> {
  try {
    return await verify(stored, password);
  } catch {
    throw new Error("The stored password hash of an account can't be read; set a new password with `mintmark users passwd`.");
  }
}

/** A PHC string with random bytes where the hash would be: costs what a real one costs, and matches no password. */
function unmatchableHash(random: Random): string {
  const base64 = (count: number) => Buffer.from(random(count)).toString("base64").replace(/=+$/, "");
  const { memoryCost, timeCost, parallelism, outputLen } = PARAMETERS;
  return `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$${base64(SALT_BYTES)}$${base64(outputLen)}`;
}
