/** What a rewrite of the append-only file costs under load: how long it takes and the memory that is copied for it. */

import { withDeployment } from "../scripts/figures/support/deployment.ts";
import { drive, targetOf } from "./driver.ts";
import { infoNumber } from "./redis-info.ts";
import { seedSessions } from "./seed.ts";
import { shuffled } from "./statistics.ts";

const TURN_SECONDS = 0.1;

export interface RewriteBench {
  readonly sessions: number;
  readonly usedBytes: number;
  /** Resident memory before the rewrite over `used_memory`. */
  readonly residentRatio: number;
  readonly seconds: number;
  readonly refreshes: number;
  /** What the parent and the child no longer shared at the end. */
  readonly copiedBytes: number;
  readonly fileBytesBefore: number;
  readonly fileBytesAfter: number;
}

export function benchRewrite({ sessions }: { readonly sessions: number }): Promise<RewriteBench> {
  return withDeployment({ store: "redis", appendOnly: "everysec" }, async (deployment) => {
    const { redis } = deployment;
    if (redis === undefined) throw new TypeError("this benchmark needs Redis");
    await redis.command("config", "set", "auto-aof-rewrite-percentage", "0");
    const { client, child } = await deployment.startIssuer();
    const target = targetOf(client, child.pid, shuffled(await seedSessions(deployment, sessions)));
    await drive(target, 5);
    const usedBytes = await infoNumber(redis, "memory", "used_memory");
    const residentRatio = Math.round(((await infoNumber(redis, "memory", "used_memory_rss")) / usedBytes) * 100) / 100;
    const fileBytesBefore = await infoNumber(redis, "persistence", "aof_current_size");
    const start = performance.now();
    await redis.command("bgrewriteaof");
    let refreshes = 0;
    do refreshes += (await drive(target, TURN_SECONDS)).refreshes;
    while ((await infoNumber(redis, "persistence", "aof_rewrite_in_progress")) !== 0);
    const seconds = (performance.now() - start) / 1_000;
    return {
      sessions,
      usedBytes,
      residentRatio,
      seconds: Math.round(seconds * 10) / 10,
      refreshes,
      copiedBytes: await infoNumber(redis, "persistence", "aof_last_cow_size"),
      fileBytesBefore,
      fileBytesAfter: await infoNumber(redis, "persistence", "aof_current_size"),
    };
  });
}

export function rewriteText(bench: RewriteBench): string {
  const mib = (bytes: number): string => `${Math.round(bytes / 1_048_576)} MiB`;
  return [
    `rewrite: ${bench.sessions} sessions, ${mib(bench.usedBytes)} used, resident ${bench.residentRatio} of it`,
    `${bench.seconds} s and ${bench.refreshes} refreshes: ${mib(bench.copiedBytes)} copied; the file from ${mib(bench.fileBytesBefore)} to ${mib(bench.fileBytesAfter)}`,
  ].join("\n");
}
