/** A Redis whose clock can be set. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startChild } from "../../../scripts/figures/support/child.ts";
import type { StoreSetup } from "../../../scripts/figures/support/deployment.ts";
import { until } from "../../../scripts/figures/support/wait.ts";
import { findProgram } from "../../../scripts/system-program.ts";
import { REDIS_SERVER } from "../../../scripts/test-programs.ts";
import { freePort, skipWithoutRedis } from "../../support/redis.ts";
import { Skip } from "../rows/row.ts";
import type { FakedClock } from "./faked-clock.ts";

const START_MILLIS_MAX = 30_000;

export async function fakedRedis(clock: FakedClock): Promise<StoreSetup> {
  const binary = findProgram(REDIS_SERVER);
  if (binary === undefined) throw new Skip(String(skipWithoutRedis));
  const folder = mkdtempSync(join(tmpdir(), "mintmark-redis-"));
  const port = await freePort();
  const settings = ["--bind", "127.0.0.1", "--port", String(port), "--dir", folder, "--save", "", "--appendonly", "yes"];
  // Redis' own allocator asks for the time before libfaketime can tell it; that of the C library does not.
  const preloaded = `${clock.env["LD_PRELOAD"] ?? ""} libc.so.6`;
  const child = startChild(binary, settings, { env: { ...process.env, ...clock.env, LD_PRELOAD: preloaded } });
  await until("the Redis with another clock", async () => child.tail().includes("Ready to accept connections"), START_MILLIS_MAX);
  return {
    url: `redis://127.0.0.1:${port}`,
    async remove() {
      await child.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
