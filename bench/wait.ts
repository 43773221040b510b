/** What WAIT costs: a write alone, a write and a WAIT for one replica, and sixteen writes with one WAIT. */

import { Redis } from "ioredis";
import { startRedis } from "../test/support/redis.ts";
import { cpuTimeOf } from "./cpu.ts";
import { infoNumber } from "./redis-info.ts";
import { spreadOf, spreadText } from "./statistics.ts";
import type { Spread } from "./statistics.ts";
import { until } from "../scripts/figures/support/wait.ts";

const VALUE = "v".repeat(200);
const KEYS = 10_000;
const STEPS = 2_000;
const WAIT_MILLIS = 1_000;
/** Writes of a step and whether a WAIT follows. */
const KINDS = { alone: [1, false], confirmed: [1, true], sixteen: [16, false], sixteenConfirmed: [16, true] } as const;
type Kind = keyof typeof KINDS;

interface StepCost {
  /** CPU per step, microseconds. */
  readonly primary: Spread;
  readonly replica: Spread;
  /** From request to answer on loopback, microseconds; the median of each turn. */
  readonly latency: Spread;
}

export type WaitBench = Readonly<Record<Kind, StepCost>>;

/** One connection, one step after the other. */
export async function benchWait({ rounds }: { readonly rounds: number }): Promise<WaitBench> {
  const primary = await startRedis({ config: { "maxmemory-policy": "noeviction", appendonly: "yes", appendfsync: "everysec" } });
  const replica = await startRedis({ config: { replicaof: `127.0.0.1 ${primary.port}` } });
  const redis = new Redis(primary.port, "127.0.0.1");
  try {
    await until("the replica", async () => (await infoNumber(primary, "replication", "connected_slaves")) === 1, 20_000);
    await until("the replica", async () => (await redis.wait(1, WAIT_MILLIS)) === 1, 20_000);
    const turns: Record<Kind, Turn[]> = { alone: [], confirmed: [], sixteen: [], sixteenConfirmed: [] };
    const kinds = Object.keys(KINDS) as Kind[];
    for (const kind of kinds) await turnOf(redis, kind, [primary.pid, replica.pid]);
    for (let round = 0; round < rounds; round += 1)
      for (const kind of kinds) turns[kind].push(await turnOf(redis, kind, [primary.pid, replica.pid]));
    return Object.fromEntries(kinds.map((kind) => [kind, costOf(turns[kind])])) as WaitBench;
  } finally {
    redis.disconnect();
    await primary.remove();
    await replica.remove();
  }
}

interface Turn {
  readonly cpuMicros: readonly number[];
  readonly latencyMicros: number;
}

async function turnOf(redis: Redis, kind: Kind, pids: readonly number[]): Promise<Turn> {
  const latencies: number[] = [];
  const before = pids.map((pid) => cpuTimeOf(pid).all);
  for (let step = 0; step < STEPS; step += 1) {
    const start = performance.now();
    await take(redis, kind, step);
    latencies.push((performance.now() - start) * 1_000);
  }
  return {
    cpuMicros: pids.map((pid, index) => (cpuTimeOf(pid).all - (before[index] ?? 0)) / STEPS),
    latencyMicros: spreadOf(latencies).median,
  };
}

async function take(redis: Redis, kind: Kind, step: number): Promise<void> {
  const [writes, isConfirmed] = KINDS[kind];
  const pipeline = redis.pipeline();
  for (let write = 0; write < writes; write += 1) pipeline.set(`k${(step * writes + write) % KEYS}`, VALUE);
  if (isConfirmed) pipeline.wait(1, WAIT_MILLIS);
  const replies = (await pipeline.exec()) ?? [];
  if (isConfirmed && replies.at(-1)?.[1] !== 1) throw new Error("the replica did not confirm");
}

function costOf(turns: readonly Turn[]): StepCost {
  const cpu = (index: number): Spread => spreadOf(turns.map(({ cpuMicros }) => cpuMicros[index] ?? Number.NaN));
  return { primary: cpu(0), replica: cpu(1), latency: spreadOf(turns.map(({ latencyMicros }) => latencyMicros)) };
}

export function waitText(bench: WaitBench): string {
  return [
    "wait: µs of CPU and µs until the answer, per step, median (least to most) of the turns; one connection on loopback",
    ...Object.entries(bench).map(
      ([kind, { primary, replica, latency }]) =>
        `${kind.padEnd(16)} primary ${spreadText(primary, 0).padEnd(16)} replica ${spreadText(replica, 0).padEnd(16)} answer ${spreadText(latency, 0)}`,
    ),
  ].join("\n");
}
