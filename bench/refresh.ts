/** CPU per refresh and store commands per refresh: the issuer beside the floor, in turns, in one run. */

import { join } from "node:path";
import { startChild } from "../scripts/figures/support/child.ts";
import { countCommands } from "../scripts/figures/support/commands.ts";
import type { CommandCount } from "../scripts/figures/support/commands.ts";
import { withDeployment } from "../scripts/figures/support/deployment.ts";
import { HttpClient } from "../scripts/figures/support/http.ts";
import { mustRefresh } from "../scripts/figures/support/tokens.ts";
import type { RedisServer } from "../test/support/redis.ts";
import { CONNECTIONS, drive, targetOf } from "./driver.ts";
import type { Load, Target } from "./driver.ts";
import { seedSessions } from "./seed.ts";
import { spreadOf, spreadText } from "./statistics.ts";
import type { Spread } from "./statistics.ts";

const WARM_UP_SECONDS = 6;
/** Uncounted, at the beginning of each turn: after its idle time a process has pages and caches to get back. */
const LEAD_IN_SECONDS = 1;
const COUNTED = 500;
/** The default, with the clock skew. */
const RETRY_WINDOW_SECONDS = 40;

export interface RefreshBenchOptions {
  readonly rounds: number;
  /** Of each turn. */
  readonly seconds: number;
  /** Of the load in which each session refreshes once. */
  readonly sessions: number;
}

interface Side {
  readonly cpuMicrosPerRefresh: Spread;
  readonly refreshesPerSecond: Spread;
  readonly refreshes: number;
}

interface LoadBench {
  readonly sessions: number;
  readonly issuer: Side;
  readonly floor: Side;
  /** CPU of the issuer over that of the floor, of each pair of turns. */
  readonly ratio: Spread;
}

export interface RefreshBench {
  /** So many sessions that none refreshes twice within its retry window, as it is in the field. */
  readonly apart: LoadBench;
  /** One session per connection, which refreshes without a pause: every window full. */
  readonly withoutPause: LoadBench;
  readonly commands: { readonly issuer: CommandCount; readonly floor: CommandCount };
}

export function benchRefresh({ rounds, seconds, sessions }: RefreshBenchOptions): Promise<RefreshBench> {
  return withDeployment({ store: "redis", appendOnly: "no" }, async (deployment) => {
    const { redis } = deployment;
    if (redis === undefined) throw new TypeError("this benchmark needs Redis");
    const { client, child } = await deployment.startIssuer();
    const floor = await startFloor(redis, sessions + CONNECTIONS);
    try {
      const seeded = await seedSessions(deployment, sessions + CONNECTIONS);
      const pairOf = (from: number, to?: number): Pair => ({
        issuer: targetOf(client, child.pid, seeded.slice(from, to)),
        floor: targetOf(floor.client, floor.pid, floor.tokens.slice(from, to)),
      });
      const few = pairOf(0, CONNECTIONS);
      await drive(few.floor, WARM_UP_SECONDS);
      await drive(few.issuer, WARM_UP_SECONDS);
      const many = pairOf(CONNECTIONS);
      const turns: { readonly apart: Turn; readonly withoutPause: Turn }[] = [];
      for (let round = 0; round < rounds; round += 1) {
        turns.push({ apart: await turnOf(many, seconds), withoutPause: await turnOf(few, seconds) });
      }
      const [ofMany, ofFew] = [turns.map(({ apart }) => apart), turns.map(({ withoutPause }) => withoutPause)];
      mustBeApart(ofMany);
      const commands = { issuer: await commandsOf(redis, few.issuer), floor: await commandsOf(redis, few.floor) };
      return { apart: loadBench(sessions, ofMany), withoutPause: loadBench(CONNECTIONS, ofFew), commands };
    } finally {
      floor.client.close();
      await floor.stop();
    }
  });
}

interface Pair {
  readonly issuer: Target;
  readonly floor: Target;
}

interface Turn {
  readonly issuer: Load;
  readonly floor: Load;
}

async function turnOf({ issuer, floor }: Pair, seconds: number): Promise<Turn> {
  return { floor: await steady(floor, seconds), issuer: await steady(issuer, seconds) };
}

async function steady(target: Target, seconds: number): Promise<Load> {
  const leadIn = await drive(target, LEAD_IN_SECONDS);
  const load = await drive(target, seconds);
  if (leadIn.errors + load.errors > 0)
    throw new Error(`${leadIn.errors + load.errors} refreshes were not granted: this measures something else`);
  return { ...load, shortestLapSeconds: Math.min(leadIn.shortestLapSeconds, load.shortestLapSeconds) };
}

function mustBeApart(turns: readonly Turn[]): void {
  const shortest = Math.min(...turns.flatMap(({ issuer, floor }) => [issuer.shortestLapSeconds, floor.shortestLapSeconds]));
  if (shortest <= RETRY_WINDOW_SECONDS) throw new Error(`a session came again after ${shortest.toFixed(0)} s: give more --sessions`);
}

function loadBench(sessions: number, turns: readonly Turn[]): LoadBench {
  return {
    sessions,
    issuer: sideOf(turns.map((turn) => turn.issuer)),
    floor: sideOf(turns.map((turn) => turn.floor)),
    ratio: spreadOf(turns.map((turn) => cpuMicrosPerRefresh(turn.issuer) / cpuMicrosPerRefresh(turn.floor))),
  };
}

interface Floor {
  readonly client: HttpClient;
  readonly pid: number;
  readonly tokens: readonly string[];
  stop(): Promise<void>;
}

async function startFloor(redis: RedisServer, sessions: number): Promise<Floor> {
  const env = { ...process.env, FLOOR_REDIS: redis.url, FLOOR_SESSIONS: String(sessions) };
  const child = startChild(process.execPath, [join(import.meta.dirname, "floor.ts")], { env });
  const output: string[] = [];
  const isListening = Promise.withResolvers<void>();
  child.onOutput((text) => {
    output.push(text);
    if (text.includes("}")) isListening.resolve();
  });
  void child.ended.then(() => isListening.reject(new Error(`the floor ended:\n${child.tail()}`)));
  await isListening.promise;
  const lines = output.join("").trim().split("\n");
  const { port } = JSON.parse(lines.pop() ?? "") as { port: number };
  const client = new HttpClient(`http://127.0.0.1:${port}`, CONNECTIONS);
  return { client, pid: child.pid, tokens: lines, stop: () => child.stop() };
}

async function commandsOf(redis: RedisServer, { client, tokens }: Target): Promise<CommandCount> {
  return countCommands(redis, COUNTED, async () => {
    tokens[0] = (await mustRefresh(client, tokens[0] ?? "")).refreshToken;
  });
}

function sideOf(loads: readonly Load[]): Side {
  const sum = (of: (load: Load) => number): number => loads.reduce((total, load) => total + of(load), 0);
  return {
    cpuMicrosPerRefresh: spreadOf(loads.map(cpuMicrosPerRefresh)),
    refreshesPerSecond: spreadOf(loads.map(({ refreshes, seconds }) => refreshes / seconds)),
    refreshes: sum(({ refreshes }) => refreshes),
  };
}

function cpuMicrosPerRefresh({ cpuMicros, refreshes }: Load): number {
  return cpuMicros / refreshes;
}

export function refreshText({ apart, withoutPause, commands }: RefreshBench): string {
  return [
    "refresh: CPU of the server process per refresh, median (least to most) of the turns",
    `${"".padEnd(8)} ${"µs of CPU".padEnd(20)} ${"refreshes per second".padEnd(24)} refreshes`,
    ...loadLines(`${apart.sessions} sessions, minutes apart`, apart),
    ...loadLines(`${withoutPause.sessions} sessions, without a pause`, withoutPause),
    `store commands per refresh: issuer ${commandsText(commands.issuer)}, floor ${commandsText(commands.floor)}`,
  ].join("\n");
}

function loadLines(title: string, { issuer, floor, ratio }: LoadBench): string[] {
  const row = (name: string, side: Side): string =>
    [
      name.padEnd(8),
      spreadText(side.cpuMicrosPerRefresh, 0).padEnd(20),
      spreadText(side.refreshesPerSecond, 0).padEnd(24),
      String(side.refreshes),
    ].join(" ");
  return [title, row("floor", floor), row("issuer", issuer), `issuer over floor: ${spreadText(ratio, 2)}`];
}

function commandsText({ perStep, byName }: CommandCount): string {
  return `${perStep} ${JSON.stringify(byName)}`;
}
