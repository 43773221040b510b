/** One process of redis-server, as a server or as a Sentinel: started, killed, paused, started again. */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { findProgram } from "../../scripts/system-program.ts";
import { REDIS_SERVER } from "../../scripts/test-programs.ts";
import { atExit } from "./at-exit.ts";
import { freePort } from "./free-port.ts";
import { LOOPBACK } from "./host.ts";
import type { Host } from "./host.ts";
import { redisCommand } from "./redis-command.ts";
import type { RedisArgument, RedisAuth } from "./redis-command.ts";

/** What redis.conf would hold, e.g. `{ appendonly: "yes" }`. */
export type RedisConfig = Readonly<Record<string, string>>;

export interface RedisServer {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** Its data, and what it logged, in `log`. */
  readonly folder: string;
  readonly pid: number;
  /** Sends one command on a connection of its own; resolves with the reply in text. */
  command(name: string, ...args: RedisArgument[]): Promise<unknown>;
  /** The same, which rejects where no answer comes soon: for a server that may be down, paused or cut off. */
  ask(name: string, ...args: RedisArgument[]): Promise<unknown>;
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

/** Where a process is to listen and to keep its files. */
export interface RedisPlace {
  readonly host: string;
  readonly port: number;
  readonly folder: string;
}

export interface RedisProcessOptions {
  /** What redis-server is called with; asked at every start. `changed` is what `start` was given. */
  readonly args: (place: RedisPlace, changed: RedisConfig) => string[];
  /** The words of the log that say that it serves. */
  readonly readyText?: string;
  readonly on?: Host;
  readonly findPort?: () => Promise<number>;
  readonly auth?: RedisAuth;
}

const ASK_MILLIS = 500;

/** As arguments of redis-server: they go before what a file says. */
export function configArgs(config: RedisConfig): string[] {
  return Object.entries(config).flatMap(([name, value]) => [`--${name}`, value]);
}

async function launch(host: Host, folder: string, args: string[], readyText: string): Promise<ChildProcess> {
  const binary = findProgram(REDIS_SERVER);
  if (binary === undefined) throw new Error("no redis-server: the test should have been skipped");
  const [command, ...rest] = [...host.prefix, binary, ...args] as [string, ...string[]];
  const child = spawn(command, rest, { stdio: ["ignore", "pipe", "pipe"] });
  const forget = atExit(() => child.kill("SIGKILL"));
  child.once("exit", forget);
  child.stdout.pipe(createWriteStream(join(folder, "log"), { flags: "a" }).on("error", () => undefined));
  child.stderr.resume();
  let log = "";
  const isReady = await new Promise<boolean>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", () => resolve(false));
    child.stdout.on("data", function read(text: Buffer) {
      log += text.toString();
      if (!log.includes(readyText)) return;
      child.stdout.off("data", read);
      resolve(true);
    });
  });
  if (!isReady) throw new Error(`redis-server did not start: ${log.slice(-500)}`);
  return child;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once("exit", resolve));
}

async function launchOnFreePort(options: Required<RedisProcessOptions>): Promise<{ place: RedisPlace; child: ChildProcess }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await options.findPort();
    const place = { host: options.on.address, port, folder: mkdtempSync(join(tmpdir(), "mintmark-redis-")) };
    try {
      return { place, child: await launch(options.on, place.folder, options.args(place, {}), options.readyText) };
    } catch (error) {
      rmSync(place.folder, { recursive: true, force: true });
      // Another test may have taken the port meanwhile.
      if (attempt === 5) throw error;
      await delay(20);
    }
  }
}

export async function startRedisProcess(given: RedisProcessOptions): Promise<RedisServer> {
  const options = { readyText: "Ready to accept connections", on: LOOPBACK, findPort: freePort, auth: {}, ...given };
  const launched = await launchOnFreePort(options);
  const { place } = launched;
  let { child } = launched;
  const kill = async () => {
    child.kill("SIGKILL");
    await ended(child);
  };
  const command = (name: string, ...args: RedisArgument[]) => redisCommand(place, options.auth, [name, ...args]);
  return {
    ...place,
    url: `redis://${place.host}:${place.port}`,
    get pid() {
      return child.pid ?? 0;
    },
    command,
    ask: (name, ...args) => redisCommand(place, options.auth, [name, ...args], ASK_MILLIS),
    async calls(name) {
      const stats = String(await command("info", "commandstats"));
      return Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? "0");
    },
    kill,
    async start(changed = {}) {
      child = await launch(options.on, place.folder, options.args(place, changed), options.readyText);
    },
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    async remove() {
      await kill();
      rmSync(place.folder, { recursive: true, force: true });
    },
  };
}
