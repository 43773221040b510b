/** Counts what a server is sent, by MONITOR: the only count that leaves out what scripts call inside the server. */

import { Redis } from "ioredis";
import type { RedisServer } from "../../../test/support/redis.ts";
import { pause } from "./wait.ts";

const IDLE_MILLIS = 5_000;

export interface CommandCount {
  /** Commands sent per step; what runs in the background without any step is subtracted. */
  readonly perStep: number;
  readonly byName: Readonly<Record<string, number>>;
  readonly backgroundPerSecond: number;
}

/** Runs `step` `steps` times, one after the other. */
export async function countCommands(server: RedisServer, steps: number, step: () => Promise<void>): Promise<CommandCount> {
  const redis = new Redis(server.port, "127.0.0.1");
  const monitor = await redis.monitor();
  let tally = new Map<string, number>();
  monitor.on("monitor", (_time: string, args: readonly string[], source: string) => {
    if (source === "lua") return;
    const name = (args[0] ?? "").toLowerCase();
    tally.set(name, (tally.get(name) ?? 0) + 1);
  });
  try {
    await pause(IDLE_MILLIS);
    const idle = tally;
    tally = new Map();
    const start = performance.now();
    for (let index = 0; index < steps; index += 1) await step();
    // What was sent is told a moment later.
    await pause(50);
    const spent = performance.now() - start;
    return perStep(idle, tally, spent / IDLE_MILLIS, steps);
  } finally {
    monitor.disconnect();
    redis.disconnect();
  }
}

function perStep(idle: ReadonlyMap<string, number>, busy: ReadonlyMap<string, number>, share: number, steps: number): CommandCount {
  const counts = [...busy].map(([name, count]) => [name, Math.max(0, count - (idle.get(name) ?? 0) * share) / steps] as const);
  const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);
  return {
    perStep: rounded(sum(counts.map(([, count]) => count))),
    byName: Object.fromEntries(counts.map(([name, count]) => [name, rounded(count)] as const).filter(([, count]) => count >= 0.01)),
    backgroundPerSecond: rounded(sum(idle.values()) / (IDLE_MILLIS / 1000)),
  };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
