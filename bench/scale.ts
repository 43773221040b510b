/**
 * Whether a refresh costs the same however many sessions the store holds: issuers and stores of different sizes, in turns
 * within one run, each compared with the first. That one is there twice, so that the second shows what is only noise.
 */

import { withDeployment } from "../scripts/figures/support/deployment.ts";
import type { Deployment, StoreKind } from "../scripts/figures/support/deployment.ts";
import type { Child } from "../scripts/figures/support/child.ts";
import type { HttpClient } from "../scripts/figures/support/http.ts";
import { inLanes } from "../scripts/figures/support/lanes.ts";
import { mustRefresh } from "../scripts/figures/support/tokens.ts";
import type { Store } from "../src/domain/ports.ts";
import { infoNumber } from "./redis-info.ts";
import { CONNECTIONS } from "./driver.ts";
import { cpuBetween, cpuTimeOf } from "./cpu.ts";
import { openStoreOf, seedSessions } from "./seed.ts";
import { shuffled, spreadOf, spreadText } from "./statistics.ts";
import type { Spread } from "./statistics.ts";
import { rewindSession } from "./subjects.ts";

/** Sessions refreshed between two rewinds; the smallest size. */
const LAP = 1_000;
const WARM_UP_LAPS = 20;
const REWINDERS = 64;

export interface ScaleOptions {
  readonly store: StoreKind;
  /** Ascending. */
  readonly sizes: readonly number[];
  readonly rounds: number;
  /** Of each turn. */
  readonly seconds: number;
}

interface Size {
  readonly sessions: number;
  readonly issuerMicros: Spread;
  /** Redis only, all its threads. */
  readonly redisMicros?: Spread;
  /** Cost over that of the first size in the same round. */
  readonly issuerRatio: Spread;
  readonly redisRatio?: Spread;
  readonly refreshes: number;
  /** Redis only: `used_memory` of the seeded sessions over their number. */
  readonly bytesPerSession?: number;
}

export interface ScaleBench {
  readonly store: StoreKind;
  readonly sizes: readonly Size[];
}

interface Case {
  readonly sessions: number;
  readonly client: HttpClient;
  readonly issuer: Child;
  readonly redisPid: number | undefined;
  readonly bytesPerSession: number | undefined;
  readonly store: Store;
  /** In an order of their own: stores hold what was written together near each other. */
  readonly tokens: readonly string[];
  /** Where the next lap begins. */
  at: number;
}

interface Turn {
  readonly refreshes: number;
  readonly issuerMicros: number;
  readonly redisMicros: number;
}

export async function benchScale({ store, sizes, rounds, seconds }: ScaleOptions): Promise<ScaleBench> {
  const [first = LAP] = sizes;
  return withCases(store, [first, first, ...sizes.slice(1)], async (cases) => {
    for (const one of cases) for (let lap = 0; lap < WARM_UP_LAPS; lap += 1) await runLap(one);
    const turns = new Map<Case, Turn[]>(cases.map((one) => [one, []]));
    for (let round = 0; round < rounds; round += 1) {
      // Forwards and backwards, so that none always follows the same one.
      for (const one of round % 2 === 0 ? cases : cases.toReversed()) turns.get(one)?.push(await turnOf(one, seconds));
    }
    const base = [...turns.values()][0] ?? [];
    return { store, sizes: cases.map((one) => sizeOf(one, turns.get(one) ?? [], base)) };
  });
}

async function withCases<T>(kind: StoreKind, sizes: readonly number[], use: (cases: readonly Case[]) => Promise<T>): Promise<T> {
  const cases: Case[] = [];
  const next = async (index: number): Promise<T> => {
    const sessions = sizes[index];
    if (sessions === undefined) return use(cases);
    return withDeployment({ store: kind, appendOnly: "everysec" }, async (deployment) => {
      const store = await openStoreOf(deployment);
      try {
        cases.push(await makeCase(deployment, store, sessions));
        return await next(index + 1);
      } finally {
        await store.close();
      }
    });
  };
  return next(0);
}

async function makeCase(deployment: Deployment, store: Store, sessions: number): Promise<Case> {
  if (sessions < LAP) throw new TypeError(`a size is ${LAP} sessions or more`);
  const { redis } = deployment;
  // A rewrite of the file is a cost of its own: see docs/capacity.md.
  await redis?.command("config", "set", "auto-aof-rewrite-percentage", "0");
  const { client, child } = await deployment.startIssuer();
  const before = redis === undefined ? 0 : await infoNumber(redis, "memory", "used_memory");
  const tokens = shuffled(await seedSessions(deployment, sessions));
  const bytesPerSession = redis === undefined ? undefined : ((await infoNumber(redis, "memory", "used_memory")) - before) / sessions;
  console.error(`seeded ${sessions} sessions`);
  return { sessions, client, issuer: child, redisPid: redis?.pid, bytesPerSession, store, tokens, at: 0 };
}

/** At least so many seconds of refreshes; the first lap does not count. */
async function turnOf(one: Case, seconds: number): Promise<Turn> {
  await runLap(one);
  const laps: Turn[] = [];
  for (const end = performance.now() + seconds * 1_000; performance.now() < end; ) laps.push(await runLap(one));
  const sum = (of: (lap: Turn) => number): number => laps.reduce((total, lap) => total + of(lap), 0);
  return {
    refreshes: sum((lap) => lap.refreshes),
    issuerMicros: sum((lap) => lap.issuerMicros),
    redisMicros: sum((lap) => lap.redisMicros),
  };
}

/**
 * Refreshes the next sessions once each and puts them back to where they were ten minutes after their login, uncounted: a
 * session that comes again at once has a fuller window, and the small sizes would have nothing else.
 */
async function runLap(one: Case): Promise<Turn> {
  const { client, issuer, redisPid, store, tokens } = one;
  if (issuer.hasEnded()) throw new Error(`the issuer ended:\n${issuer.tail()}`);
  const lap = Array.from({ length: LAP }, (_, index) => tokens[(one.at + index) % tokens.length] ?? "");
  one.at = (one.at + LAP) % tokens.length;
  const before = [cpuTimeOf(issuer.pid), redisPid === undefined ? undefined : cpuTimeOf(redisPid)] as const;
  await inLanes(CONNECTIONS, LAP, async (_, index) => void (await mustRefresh(client, lap[index] ?? "")));
  const issuerMicros = cpuBetween(before[0], cpuTimeOf(issuer.pid)).all;
  const redisMicros = before[1] === undefined || redisPid === undefined ? 0 : cpuBetween(before[1], cpuTimeOf(redisPid)).all;
  await inLanes(REWINDERS, LAP, (_, index) => rewindSession(store, lap[index] ?? ""));
  return { refreshes: LAP, issuerMicros, redisMicros };
}

function sizeOf({ sessions, redisPid, bytesPerSession }: Case, turns: readonly Turn[], base: readonly Turn[]): Size {
  const issuer = (turn: Turn): number => turn.issuerMicros / turn.refreshes;
  const redis = (turn: Turn): number => turn.redisMicros / turn.refreshes;
  const ratio = (of: (turn: Turn) => number): Spread =>
    spreadOf(turns.flatMap((turn, round) => (base[round] ? [of(turn) / of(base[round])] : [])));
  return {
    sessions,
    issuerMicros: spreadOf(turns.map(issuer)),
    issuerRatio: ratio(issuer),
    ...(redisPid === undefined ? {} : { redisMicros: spreadOf(turns.map(redis)), redisRatio: ratio(redis) }),
    refreshes: turns.reduce((sum, turn) => sum + turn.refreshes, 0),
    ...(bytesPerSession === undefined ? {} : { bytesPerSession: Math.round(bytesPerSession * 10) / 10 }),
  };
}

export function scaleText({ store, sizes }: ScaleBench): string {
  const row = (cells: readonly string[]): string =>
    cells
      .map((cell) => cell.padEnd(24))
      .join(" ")
      .trimEnd();
  return [
    `scale (${store}): CPU per refresh by sessions stored, median (least to most) of the turns; ratios to the first line, round by round`,
    row(["sessions", "issuer µs", "issuer ratio", ...(store === "redis" ? ["Redis µs", "Redis ratio", "bytes per session"] : [])]),
    ...sizes.map(({ sessions, issuerMicros, issuerRatio, redisMicros, redisRatio, bytesPerSession }) =>
      row([
        String(sessions),
        spreadText(issuerMicros, 0),
        spreadText(issuerRatio, 2),
        ...(redisMicros && redisRatio ? [spreadText(redisMicros, 1), spreadText(redisRatio, 2), String(bytesPerSession)] : []),
      ]),
    ),
  ].join("\n");
}
