/** What the other documents take in Redis: more sessions of a subject, claims, accounts, used assertion ids; and a Cluster's keys. */

import { base64url, concatBytes } from "../src/domain/bytes.ts";
import { accountDocument, KEYS, NEVER } from "../src/domain/documents.ts";
import type { Bytes, Store } from "../src/domain/ports.ts";
import type { Session } from "../src/domain/session.ts";
import { subjectKeyOf } from "../src/domain/refresh-token.ts";
import { encodeSubject } from "../src/domain/subject-codec.ts";
import { addSession, emptySubject, subjectExpiresAt } from "../src/domain/subject.ts";
import { systemClock } from "../src/platform/clock.ts";
import { systemDigests } from "../src/platform/digests.ts";
import { createPasswordHasher } from "../src/platform/password.ts";
import { systemRandom } from "../src/platform/random.ts";
import { inLanes } from "../scripts/figures/support/lanes.ts";
import { pause, until } from "../scripts/figures/support/wait.ts";
import { startRedis } from "../test/support/redis.ts";
import type { RedisConfig } from "../test/support/redis.ts";
import { infoNumber } from "./redis-info.ts";
import { newSubject, openStore, refreshedTimes } from "./subjects.ts";

const ISSUER = "https://issuer.example.com";
const WRITERS = 64;
const HOUR_MILLIS = 3_600_000;
const IDLE_MILLIS = 30 * 24 * HOUR_MILLIS;
/** 100 bytes as a JSON text. */
const CLAIMS = JSON.stringify({ roles: ["reader", "editor"], tenant: "example-of-a-tenant", note: "x".repeat(35) });
const CLUSTER: RedisConfig = { "cluster-enabled": "yes" };

interface Kind {
  readonly config?: RedisConfig;
  /** Writes one. */
  write(store: Store, shared: Shared): Promise<void>;
}

interface Shared {
  readonly passwordHash: string;
}

const KINDS = {
  oneSession: { write: (store) => writeSessions(store, 1) },
  twoSessions: { write: (store) => writeSessions(store, 2) },
  fiveSessions: { write: (store) => writeSessions(store, 5) },
  claims: { write: (store) => writeSessions(store, 1, CLAIMS) },
  inCluster: { config: CLUSTER, write: (store) => writeSessions(store, 1) },
  account: { write: writeAccount },
  assertionId: { write: writeAssertionId },
} satisfies Record<string, Kind>;

/** `used_memory` per document. */
export type DocumentsBench = Readonly<Record<keyof typeof KINDS, number>> & { readonly subjects: number };

export async function benchDocuments({ subjects }: { readonly subjects: number }): Promise<DocumentsBench> {
  const shared = { passwordHash: await createPasswordHasher().hash("any password has as long a hash") };
  const bytes: [string, number][] = [];
  for (const [name, kind] of Object.entries(KINDS)) bytes.push([name, await bytesOf(kind, shared, subjects)]);
  return { subjects, ...(Object.fromEntries(bytes) as Record<keyof typeof KINDS, number>) };
}

async function bytesOf(kind: Kind, shared: Shared, count: number): Promise<number> {
  const server = await startRedis({ config: { "maxmemory-policy": "noeviction", ...kind.config } });
  if (kind.config === CLUSTER) {
    await server.command("cluster", "addslotsrange", 0, 16_383);
    await until("the cluster", async () => String(await server.command("cluster", "info")).includes("cluster_state:ok"), 20_000);
  }
  const store = await openStore(server.url, systemClock);
  try {
    const before = await infoNumber(server, "memory", "used_memory");
    await inLanes(WRITERS, count, () => kind.write(store, shared));
    // Tables that are growing hold their memory twice.
    await pause(2_000);
    return Math.round((((await infoNumber(server, "memory", "used_memory")) - before) / count) * 10) / 10;
  } finally {
    await store.close();
    await server.remove();
  }
}

async function writeSessions(store: Store, count: number, claims?: string): Promise<void> {
  const { sub } = newSubject(systemClock(), 1);
  const withClaims = (session: Session): Session => (claims === undefined ? session : { ...session, claims });
  const sessions = Array.from({ length: count }, () => withClaims(refreshedTimes(newSubject(systemClock(), 1).session, 144)));
  const document = sessions.reduce(addSession, emptySubject(sub));
  const key = KEYS.subjectPrefix + base64url(subjectKeyOf(ISSUER, sub, systemDigests));
  await write(store, key, encodeSubject(document), subjectExpiresAt(document, () => IDLE_MILLIS) ?? 0);
}

async function writeAccount(store: Store, { passwordHash }: Shared): Promise<void> {
  const sub = base64url(systemRandom(16));
  const name = `${sub.slice(0, 8)}@example.com`;
  const key = KEYS.accountPrefix + base64url(systemDigests.sha256(Buffer.from(name)).subarray(0, 16));
  const account = { name, sub, passwordHash, disabled: false, createdAt: systemClock() };
  await write(store, key, accountDocument.encode(account), NEVER);
}

async function writeAssertionId(store: Store): Promise<void> {
  const key = KEYS.assertionPrefix + base64url(systemRandom(16));
  await write(store, key, concatBytes(Uint8Array.of(1), systemRandom(16)), systemClock() + HOUR_MILLIS);
}

async function write(store: Store, key: string, value: Bytes, expiresAt: number): Promise<void> {
  if (!(await store.compareAndSet(key, undefined, value, { expiresAt, confirmed: false }))) throw new Error("nobody else writes here");
}

export function documentsText({ subjects, ...bytes }: DocumentsBench): string {
  return [
    `documents: bytes of Redis memory per document, at ${subjects} of them`,
    ...Object.entries(bytes).map(([name, value]) => `${name.padEnd(14)} ${value}`),
  ].join("\n");
}
