/** Real redis-server processes on free loopback ports, each in a folder of its own. */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import { findProgram, skipWithout } from "../../scripts/system-program.ts";
import { REDIS_SERVER } from "../../scripts/test-programs.ts";

/** What redis.conf would hold, e.g. `{ appendonly: "yes" }`; `save` and `appendonly` are off where nothing is said. */
export type RedisConfig = Readonly<Record<string, string>>;

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  readonly folder: string;
  readonly pid: number;
  /** Sends one command on a connection of its own; resolves with the reply in text. */
  command(name: string, ...args: (string | number | Buffer)[]): Promise<unknown>;
  /** How often the server ran a command since it started, e.g. `evalsha`. */
  calls(name: string): Promise<number>;
  /** SIGKILL, as in a crash; the folder stays. */
  kill(): Promise<void>;
  /** Starts again on the same port and folder, with other settings where given. */
  start(config?: RedisConfig): Promise<void>;
  /** SIGSTOP: connections stay open, nothing is answered. */
  pause(): void;
  resume(): void;
  /** Ends the process and removes the folder. */
  remove(): Promise<void>;
}

export interface RedisServerOptions {
  readonly config?: RedisConfig;
  /** For `command` where the server wants one. */
  readonly password?: string;
}

/** For tap's `skip`: the reason where no redis-server is there, else false. */
export const skipWithoutRedis: string | false = skipWithout(REDIS_SERVER);

const running = new Set<ChildProcess>();

function killAll(): void {
  for (const child of running) child.kill("SIGKILL");
}

process.once("exit", killAll);
// SIGALRM is tap's, for a file that takes too long.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGALRM"] as const) {
  process.once(signal, () => {
    killAll();
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  });
}

/** A port that nobody listens on: below those that the system gives out itself, so that it is not given away meanwhile. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

async function launch(port: number, folder: string, config: RedisConfig): Promise<ChildProcess> {
  const binary = findProgram(REDIS_SERVER);
  if (binary === undefined) throw new Error("no redis-server: the test should have been skipped");
  const settings = { bind: "127.0.0.1", port: String(port), dir: folder, save: "", appendonly: "no", ...config };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  child.once("exit", () => running.delete(child));
  let log = "";
  const isReady = await new Promise<boolean>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", () => resolve(false));
    child.stdout.on("data", (text: Buffer) => {
      log += text.toString();
      if (log.includes("Ready to accept connections")) resolve(true);
    });
  });
  child.stdout.removeAllListeners("data").resume();
  child.stderr.resume();
  if (!isReady) throw new Error(`redis-server did not start: ${log.slice(-500)}`);
  return child;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once("exit", resolve));
}

async function launchOnFreePort(folder: string, config: RedisConfig): Promise<{ port: number; child: ChildProcess }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    try {
      return { port, child: await launch(port, folder, config) };
    } catch (error) {
      // Another test may have taken the port meanwhile.
      if (attempt === 5) throw error;
      await delay(20);
    }
  }
}

export async function startRedis({ config = {}, password }: RedisServerOptions = {}): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), "mintmark-redis-"));
  const launched = await launchOnFreePort(folder, config);
  const { port } = launched;
  let { child } = launched;
  const kill = async () => {
    child.kill("SIGKILL");
    await ended(child);
  };
  const command = async (name: string, ...args: (string | number | Buffer)[]) => {
    const client = new Redis({ host: "127.0.0.1", port, enableReadyCheck: false, ...(password === undefined ? {} : { password }) });
    try {
      return await client.call(name, ...args);
    } finally {
      client.disconnect();
    }
  };
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    folder,
    get pid() {
      return child.pid ?? 0;
    },
    command,
    async calls(name) {
      const stats = String(await command("info", "commandstats"));
      return Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? "0");
    },
    kill,
    async start(changed = {}) {
      child = await launch(port, folder, { ...config, ...changed });
    },
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    async remove() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
