/** The machine's random bytes; the only file that asks for them. */

import { randomBytes, randomFillSync } from "node:crypto";
import type { Bytes, Random } from "../domain/ports.ts";

const POOL_BYTES = 4096;
/** Larger wishes are rare and go straight to the source. */
const POOLED_BYTES = 64;

/** Small wishes are served from a pool: eight times cheaper than a call each, and several are made per token. */
export function createRandom(fill: (pool: Bytes) => void): Random {
  const pool = new Uint8Array(POOL_BYTES);
  let used = POOL_BYTES;

  return (count) => {
    if (!Number.isSafeInteger(count) || count < 1) throw new TypeError("A count of random bytes is an integer of 1 or more.");
    if (count > POOLED_BYTES) return randomBytes(count);
    if (used + count > POOL_BYTES) {
      fill(pool);
      used = 0;
    }
    const bytes = pool.slice(used, used + count);
    // What was handed out is known to its owner only.
    pool.fill(0, used, used + count);
    used += count;
    return bytes;
  };
}

/** Bytes from the operating system's generator by way of OpenSSL. A count of 1 or more, else a `TypeError`. */
export const systemRandom: Random = createRandom((pool) => {
  randomFillSync(pool);
});
