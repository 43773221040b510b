/** The log of ends is one key: what an append costs, what an entry takes, and how long a starting issuer asserts them again. */

import { base64url } from "../src/domain/bytes.ts";
import { ENDS_LOG, endEntryDocument, KEYS } from "../src/domain/documents.ts";
import type { Store } from "../src/domain/ports.ts";
import { HANDLE_BYTES, sidOf, subjectKeyOf } from "../src/domain/refresh-token.ts";
import { encodeSubject } from "../src/domain/subject-codec.ts";
import { emptySubject, endSessions, subjectExpiresAt } from "../src/domain/subject.ts";
import { systemClock } from "../src/platform/clock.ts";
import { systemDigests } from "../src/platform/digests.ts";
import { systemRandom } from "../src/platform/random.ts";
import { withDeployment } from "../scripts/figures/support/deployment.ts";
import { inLanes } from "../scripts/figures/support/lanes.ts";
import { pause } from "../scripts/figures/support/wait.ts";
import type { RedisServer } from "../test/support/redis.ts";
import { cpuTimeOf } from "./cpu.ts";
import { infoNumber } from "./redis-info.ts";
import { openStoreOf } from "./seed.ts";

const WRITERS = 64;
const DAY_MILLIS = 86_400_000;
const UNTIL_MILLIS = 610_000;
/** Commands per second under which nobody is asserting any more. */
const CALM = 100;
const WATCH_MILLIS = 1_000;
const CALM_SECONDS_MAX = 300;

export interface EndsBench {
  readonly ends: number;
  /** CPU of Redis per append, and appends per second of these writers. */
  readonly appendMicros: number;
  readonly appendsPerSecond: number;
  /** `used_memory` per entry of the log. */
  readonly bytesPerEntry: number;
  /** `used_memory` per subject whose only session has ended; it is kept for a day. */
  readonly bytesPerEndedSubject: number;
  /** How long an issuer takes from its start until it has asked Redis for all of them, and the CPU of that, per entry. */
  readonly assertMicros: number;
  readonly assertIssuerCpuMicros: number;
  readonly assertRedisCpuMicros: number;
}

export function benchEnds({ ends }: { readonly ends: number }): Promise<EndsBench> {
  return withDeployment({ store: "redis", appendOnly: "everysec" }, async (deployment) => {
    const { redis } = deployment;
    if (redis === undefined) throw new TypeError("this benchmark needs Redis");
    const store = await openStoreOf(deployment);
    try {
      // The first start makes the ring.
      await (await deployment.startIssuer()).stop();
      const sids = Array.from({ length: ends }, () => sidOf(systemRandom(HANDLE_BYTES), systemDigests));
      const subs = Array.from({ length: ends }, () => base64url(systemRandom(16)));
      const subjects = await filled(redis, ends, (at) => writeEnded(store, deployment.issuer, subs[at] ?? "", sids[at] ?? ""));
      const log = await filled(redis, ends, (at) => appendEnd(store, deployment.issuer, subs[at] ?? "", sids[at] ?? ""));
      const asserted = await assertedBy(redis, async () => (await deployment.startIssuer()).child.pid);
      return {
        ends,
        appendMicros: log.cpuMicros,
        appendsPerSecond: log.perSecond,
        bytesPerEntry: log.bytes,
        bytesPerEndedSubject: subjects.bytes,
        assertMicros: rounded((asserted.seconds * 1e6) / ends),
        assertIssuerCpuMicros: rounded(asserted.issuerMicros / ends),
        assertRedisCpuMicros: rounded(asserted.redisMicros / ends),
      };
    } finally {
      await store.close();
    }
  });
}

async function writeEnded(store: Store, issuer: string, sub: string, sid: string): Promise<void> {
  const now = systemClock();
  const document = endSessions(emptySubject(sub), [sid], { at: now, until: now + UNTIL_MILLIS, reason: "logout" });
  const key = KEYS.subjectPrefix + base64url(subjectKeyOf(issuer, sub, systemDigests));
  const expiresAt = subjectExpiresAt(document, () => undefined) ?? 0;
  await store.compareAndSet(key, undefined, encodeSubject(document), { expiresAt, confirmed: true });
}

async function appendEnd(store: Store, issuer: string, sub: string, sid: string): Promise<void> {
  const now = systemClock();
  const subjectKey = base64url(subjectKeyOf(issuer, sub, systemDigests));
  const entry = endEntryDocument.encode({ at: now, until: now + UNTIL_MILLIS, reason: "logout", subjectKey, sids: [sid] });
  await store.append(ENDS_LOG, entry, now + UNTIL_MILLIS + DAY_MILLIS);
}

async function filled(redis: RedisServer, count: number, write: (at: number) => Promise<void>) {
  const [memory, cpu, start] = [await infoNumber(redis, "memory", "used_memory"), cpuTimeOf(redis.pid).all, performance.now()];
  await inLanes(WRITERS, count, (_, at) => write(at));
  const [cpuMicros, seconds] = [cpuTimeOf(redis.pid).all - cpu, (performance.now() - start) / 1_000];
  await pause(2_000);
  const bytes = (await infoNumber(redis, "memory", "used_memory")) - memory;
  return { bytes: rounded(bytes / count), cpuMicros: rounded(cpuMicros / count), perSecond: Math.round(count / seconds) };
}

/** From the start of an issuer, its own included, until it asks no more than one at rest. */
async function assertedBy(redis: RedisServer, start: () => Promise<number>) {
  const [redisBefore, begun] = [cpuTimeOf(redis.pid).all, performance.now()];
  const pid = await start();
  let commands = await infoNumber(redis, "stats", "total_commands_processed");
  for (let second = 0; second < CALM_SECONDS_MAX; second += 1) {
    const cpu = [cpuTimeOf(pid).all, cpuTimeOf(redis.pid).all] as const;
    const seconds = (performance.now() - begun) / 1_000;
    await pause(WATCH_MILLIS);
    const now = await infoNumber(redis, "stats", "total_commands_processed");
    if (now - commands < CALM) return { seconds, issuerMicros: cpu[0], redisMicros: cpu[1] - redisBefore };
    commands = now;
  }
  throw new Error(`the ends are still being asserted after ${CALM_SECONDS_MAX} s`);
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

export function endsText(bench: EndsBench): string {
  return [
    `ends: a log of ${bench.ends} entries in one key`,
    `an append costs Redis ${bench.appendMicros} µs (${bench.appendsPerSecond} per second here); an entry takes ${bench.bytesPerEntry} bytes, an ended subject ${bench.bytesPerEndedSubject}`,
    `a starting issuer asserts an entry in ${bench.assertMicros} µs, with ${bench.assertIssuerCpuMicros} µs of its CPU and ${bench.assertRedisCpuMicros} µs of Redis`,
  ].join("\n");
}
