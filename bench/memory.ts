/** What a subject with one session takes in Redis, everything included. */

import type { Store } from "../src/domain/ports.ts";
import { systemClock } from "../src/platform/clock.ts";
import { inLanes } from "../scripts/figures/support/lanes.ts";
import { pause } from "../scripts/figures/support/wait.ts";
import { startRedis } from "../test/support/redis.ts";
import { infoNumber } from "./redis-info.ts";
import { newSubject, openStore, refreshedTimes, writeSubject } from "./subjects.ts";

const ISSUER = "https://issuer.example.com";
const WRITERS = 64;
/** Of ten minutes each. */
const REFRESHES_OF_A_DAY = 144;

export interface MemoryBench {
  readonly subjects: number;
  readonly keyBytes: number;
  readonly valueBytes: number;
  /** `used_memory` after, less before, per subject: just logged in, and refreshed every ten minutes for a day. */
  readonly bytesAfterLogin: number;
  readonly bytesAfterRefreshes: number;
}

export async function benchMemory({ subjects }: { readonly subjects: number }): Promise<MemoryBench> {
  const fresh = await fill(subjects, 0);
  const refreshed = await fill(subjects, REFRESHES_OF_A_DAY);
  return {
    subjects,
    keyBytes: refreshed.keyBytes,
    valueBytes: refreshed.valueBytes,
    bytesAfterLogin: fresh.bytes,
    bytesAfterRefreshes: refreshed.bytes,
  };
}

async function fill(subjects: number, refreshes: number) {
  const server = await startRedis({ config: { "maxmemory-policy": "noeviction" } });
  const store = await openStore(server.url, systemClock);
  try {
    const before = await infoNumber(server, "memory", "used_memory");
    let valueBytes = 0;
    await inLanes(WRITERS, subjects, async () => {
      const length = await addSubject(store, refreshes);
      valueBytes += length;
    });
    // Tables that are growing hold their memory twice.
    await pause(2_000);
    const bytes = ((await infoNumber(server, "memory", "used_memory")) - before) / subjects;
    const keyBytes = String(await server.command("randomkey")).length;
    return { bytes: Math.round(bytes * 10) / 10, keyBytes, valueBytes: Math.round(valueBytes / subjects) };
  } finally {
    await store.close();
    await server.remove();
  }
}

/** Writes as the issuer does: a login is a new value, a refresh swaps it. The length of what is there in the end. */
async function addSubject(store: Store, refreshes: number): Promise<number> {
  const { sub, session } = newSubject(systemClock(), 1);
  const login = await writeSubject(store, ISSUER, sub, session, undefined);
  if (refreshes === 0) return login.value.length;
  return (await writeSubject(store, ISSUER, sub, refreshedTimes(session, refreshes), login.value)).value.length;
}

export function memoryText(bench: MemoryBench): string {
  return [
    `memory: bytes of Redis memory per single-session subject, at ${bench.subjects} subjects`,
    `just logged in ${bench.bytesAfterLogin}, refreshed for a day ${bench.bytesAfterRefreshes} (key ${bench.keyBytes}, value ${bench.valueBytes})`,
  ].join("\n");
}
