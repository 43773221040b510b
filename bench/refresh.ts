/** CPU per refresh and store commands per refresh: the issuer beside the floor, in turns, in one run. */

import { join } from "node:path";
import { startChild } from "../scripts/figures/support/child.ts";
import { countCommands } from "../scripts/figures/support/commands.ts";
import type { CommandCount } from "../scripts/figures/support/commands.ts";
import { withDeployment } from "../scripts/figures/support/deployment.ts";
import type { Deployment } from "../scripts/figures/support/deployment.ts";
import { HttpClient } from "../scripts/figures/support/http.ts";
import { inLanes } from "../scripts/figures/support/lanes.ts";
import { mustLogIn, mustRefresh } from "../scripts/figures/support/tokens.ts";
import type { RedisServer } from "../test/support/redis.ts";
import { drive } from "./driver.ts";
import type { Load, Target } from "./driver.ts";
import { spreadOf, spreadText } from "./statistics.ts";
import type { Spread } from "./statistics.ts";

const PASSWORD = "driven in a closed loop";
const CONNECTIONS = 16;
const WARM_UP_SECONDS = 4;
const COUNTED = 500;

export interface RefreshBenchOptions {
  readonly rounds: number;
  /** Of each turn. */
  readonly seconds: number;
}

interface Side {
  readonly cpuMicrosPerRefresh: Spread;
  readonly refreshesPerSecond: Spread;
  readonly refreshes: number;
  readonly errors: number;
  readonly commands: CommandCount;
}

export interface RefreshBench {
  readonly issuer: Side;
  readonly floor: Side;
  /** CPU of the issuer over that of the floor, of each pair of turns. */
  readonly ratio: Spread;
}

export function benchRefresh({ rounds, seconds }: RefreshBenchOptions): Promise<RefreshBench> {
  return withDeployment({ store: "redis", appendOnly: "no" }, async (deployment) => {
    const { redis } = deployment;
    if (redis === undefined) throw new TypeError("this benchmark needs Redis");
    const floor = await startFloor(redis);
    try {
      const issuer = await startIssuer(deployment);
      const turns: { floor: Load; issuer: Load }[] = [];
      await drive(floor, WARM_UP_SECONDS);
      await drive(issuer, WARM_UP_SECONDS);
      for (let round = 0; round < rounds; round += 1) {
        turns.push({ floor: await drive(floor, seconds), issuer: await drive(issuer, seconds) });
      }
      return {
        floor: sideOf(
          turns.map((turn) => turn.floor),
          await commandsOf(redis, floor),
        ),
        issuer: sideOf(
          turns.map((turn) => turn.issuer),
          await commandsOf(redis, issuer),
        ),
        ratio: spreadOf(turns.map((turn) => cpuMicros(turn.issuer) / cpuMicros(turn.floor))),
      };
    } finally {
      floor.client.close();
      await floor.stop();
    }
  });
}

async function startFloor(redis: RedisServer): Promise<Target & { stop(): Promise<void> }> {
  const env = { ...process.env, FLOOR_REDIS: redis.url, FLOOR_SESSIONS: String(CONNECTIONS) };
  const child = startChild(process.execPath, [join(import.meta.dirname, "floor.ts")], { env });
  const line = Promise.withResolvers<string>();
  let output = "";
  child.onOutput((text) => {
    output += text;
    if (output.includes("\n")) line.resolve(output);
  });
  void child.ended.then(() => line.reject(new Error(`the floor ended:\n${child.tail()}`)));
  const { port, tokens } = JSON.parse(await line.promise) as { port: number; tokens: string[] };
  return { client: new HttpClient(`http://127.0.0.1:${port}`, CONNECTIONS), pid: child.pid, tokens, stop: () => child.stop() };
}

/** One subject per connection: sessions of one subject would wait for each other. */
async function startIssuer(deployment: Deployment): Promise<Target> {
  const users = await deployment.addUsers("bench", CONNECTIONS, PASSWORD);
  const { client, child } = await deployment.startIssuer();
  const tokens: string[] = [];
  await inLanes(2, users.length, async (_, index) => {
    tokens.push((await mustLogIn(client, users[index] ?? "", PASSWORD)).refreshToken);
  });
  return { client, pid: child.pid, tokens };
}

async function commandsOf(redis: RedisServer, { client, tokens }: Target): Promise<CommandCount> {
  return countCommands(redis, COUNTED, async () => {
    tokens[0] = (await mustRefresh(client, tokens[0] ?? "")).refreshToken;
  });
}

function sideOf(loads: readonly Load[], commands: CommandCount): Side {
  const sum = (of: (load: Load) => number): number => loads.reduce((total, load) => total + of(load), 0);
  return {
    cpuMicrosPerRefresh: spreadOf(loads.map(cpuMicros)),
    refreshesPerSecond: spreadOf(loads.map(({ refreshes, seconds }) => refreshes / seconds)),
    refreshes: sum(({ refreshes }) => refreshes),
    errors: sum(({ errors }) => errors),
    commands,
  };
}

function cpuMicros({ cpuMillis, refreshes }: Load): number {
  return (cpuMillis * 1000) / refreshes;
}

export function refreshText({ issuer, floor, ratio }: RefreshBench): string {
  const row = (name: string, side: Side): string =>
    [
      name.padEnd(8),
      spreadText(side.cpuMicrosPerRefresh, 0).padEnd(20),
      spreadText(side.refreshesPerSecond, 0).padEnd(24),
      String(side.refreshes).padEnd(10),
      String(side.errors).padEnd(7),
      `${side.commands.perStep} ${JSON.stringify(side.commands.byName)}`,
    ].join(" ");
  return [
    "refresh: CPU of the server process per refresh, median (least to most) of the turns",
    `${"".padEnd(8)} ${"µs of CPU".padEnd(20)} ${"refreshes per second".padEnd(24)} ${"refreshes".padEnd(10)} ${"errors".padEnd(7)} store commands per refresh`,
    row("floor", floor),
    row("issuer", issuer),
    `issuer over floor: ${spreadText(ratio, 2)}`,
  ].join("\n");
}
