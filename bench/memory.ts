/** What a subject with one session takes in Redis, everything included. */

import { systemClock } from "../src/platform/clock.ts";
import { systemDigests } from "../src/platform/digests.ts";
import { systemRandom } from "../src/platform/random.ts";
import { base64url } from "../src/domain/bytes.ts";
import { KEYS } from "../src/domain/documents.ts";
import type { Bytes, Store } from "../src/domain/ports.ts";
import { HANDLE_BYTES, sidOf, subjectKeyOf } from "../src/domain/refresh-token.ts";
import { present } from "../src/domain/session.ts";
import type { Session } from "../src/domain/session.ts";
import { encodeSubject } from "../src/domain/subject-codec.ts";
import { addSession, emptySubject, subjectExpiresAt } from "../src/domain/subject.ts";
import type { SubjectDocument } from "../src/domain/subject.ts";
import { openRedisStore } from "../src/stores/redis/index.ts";
import { inLanes } from "../scripts/figures/support/lanes.ts";
import { pause } from "../scripts/figures/support/wait.ts";
import { startRedis } from "../test/support/redis.ts";
import type { RedisServer } from "../test/support/redis.ts";

const ISSUER = "https://issuer.example.com";
const USER_AGENT = "Firefox on Linux, laptop";
const DAY_MILLIS = 86_400_000;
const MINUTE_MILLIS = 60_000;
const IDLE_MILLIS = 30 * DAY_MILLIS;
const WRITERS = 64;
/** As in the configuration's defaults. */
const POLICY = {
  retryWindowMillis: 30_000,
  keyedRetryWindowMillis: 3_600_000,
  idleLifetimeMillis: IDLE_MILLIS,
  clockSkewMillis: 10_000,
  heal: true,
};

export interface MemoryBench {
  readonly subjects: number;
  readonly keyBytes: number;
  readonly valueBytes: number;
  /** `used_memory` after, less before, per subject: just logged in, and refreshed every ten minutes for a day. */
  readonly bytesAfterLogin: number;
  readonly bytesAfterRefreshes: number;
}

export async function benchMemory({ subjects }: { readonly subjects: number }): Promise<MemoryBench> {
  const fresh = await fill(subjects, undefined);
  const refreshed = await fill(subjects, refreshedForADay);
  return {
    subjects,
    keyBytes: refreshed.keyBytes,
    valueBytes: refreshed.valueBytes,
    bytesAfterLogin: fresh.bytes,
    bytesAfterRefreshes: refreshed.bytes,
  };
}

async function fill(subjects: number, age: ((session: Session) => Session) | undefined) {
  const server = await startRedis({ config: { "maxmemory-policy": "noeviction" } });
  const options = {
    url: server.url,
    keyPrefix: "mintmark:",
    commandTimeoutMillis: 5_000,
    waitReplicas: 0,
    clock: systemClock,
    random: systemRandom,
    production: false,
  };
  const store = await openRedisStore(options);
  try {
    const before = await usedMemory(server);
    let valueBytes = 0;
    await inLanes(WRITERS, subjects, async () => {
      const length = await writeSubject(store, age);
      valueBytes += length;
    });
    // Tables that are growing hold their memory twice.
    await pause(2_000);
    const bytes = ((await usedMemory(server)) - before) / subjects;
    const keyBytes = String(await server.command("randomkey")).length;
    return { bytes: Math.round(bytes * 10) / 10, keyBytes, valueBytes: Math.round(valueBytes / subjects) };
  } finally {
    await store.close();
    await server.remove();
  }
}

/** A `sub` of 22 characters, one resource of 23, two scopes, no claims, a label of 24 bytes. */
function newSession(): Session {
  const createdAt = systemClock();
  return {
    sid: sidOf(systemRandom(HANDLE_BYTES), systemDigests),
    clientId: "app",
    createdAt,
    absoluteEndAt: createdAt + 180 * DAY_MILLIS,
    generation: 1,
    generationAt: createdAt,
    macVersion: 1,
    oldestInWindow: 1,
    checkpoints: [],
    userAgent: USER_AGENT,
    resources: [{ id: "https://api.example.com", scopes: ["read", "write"] }],
  };
}

function refreshedForADay(session: Session): Session {
  let current = session;
  for (let minutes = 10; minutes <= 24 * 60; minutes += 10) {
    const now = session.createdAt + minutes * MINUTE_MILLIS;
    const presentation = { clientId: current.clientId, generation: current.generation };
    const presented = present(current, presentation, POLICY, { now, macVersion: 1, downtime: [] });
    if (presented.outcome !== "rotated") throw new Error(`a current token was ${presented.outcome}`);
    current = presented.session;
  }
  return current;
}

/** Writes as the issuer does: a login is a new value, a refresh swaps it. The length of what is there in the end. */
async function writeSubject(store: Store, age: ((session: Session) => Session) | undefined): Promise<number> {
  const sub = base64url(systemRandom(16));
  const session = newSession();
  const login = await write(store, undefined, addSession(emptySubject(sub), session));
  if (age === undefined) return login.length;
  return (await write(store, login, addSession(emptySubject(sub), age(session)))).length;
}

async function write(store: Store, expected: Bytes | undefined, document: SubjectDocument): Promise<Bytes> {
  const key = KEYS.subjectPrefix + base64url(subjectKeyOf(ISSUER, document.sub, systemDigests));
  const value = encodeSubject(document);
  const expiresAt = subjectExpiresAt(document, () => IDLE_MILLIS);
  if (expiresAt === undefined) throw new Error("a living session has an end");
  if (!(await store.compareAndSet(key, expected, value, { expiresAt, confirmed: false }))) throw new Error("nobody else writes here");
  return value;
}

async function usedMemory(server: RedisServer): Promise<number> {
  const info = String(await server.command("info", "memory"));
  return Number(/^used_memory:(\d+)/m.exec(info)?.[1] ?? Number.NaN);
}

export function memoryText(bench: MemoryBench): string {
  return [
    `memory: bytes of Redis memory per single-session subject, at ${bench.subjects} subjects`,
    `just logged in ${bench.bytesAfterLogin}, refreshed for a day ${bench.bytesAfterRefreshes} (key ${bench.keyBytes}, value ${bench.valueBytes})`,
  ].join("\n");
}
