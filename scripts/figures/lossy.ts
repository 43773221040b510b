/**
 * A client that loses every fifth response and retries: within the window, later with its Idempotency-Key, and across an
 * outage of Redis (killed, away for 40 s, back with its append-only file). And a thief outside the window.
 * `node scripts/figures/lossy.ts [--refreshes 10000] [--sessions 100] [--outage 40] [--thefts 100] [--store redis|embedded] [--workers 1]`
 */

import type { RedisServer } from "../../test/support/redis.ts";
import { STORES, withDeployment } from "./support/deployment.ts";
import type { Deployment, StoreKind } from "./support/deployment.ts";
import { at, inLanes } from "./support/lanes.ts";
import { LossyClient, noCounts } from "./support/lossyClient.ts";
import type { LossyCounts, LossyOptions } from "./support/lossyClient.ts";
import { oneOf, readOptions, report } from "./support/options.ts";
import { pause } from "./support/wait.ts";
import { rob } from "./support/theft.ts";
import type { TheftCounts } from "./support/theft.ts";
import { mustLogIn } from "./support/tokens.ts";

const PASSWORD = "every fifth one is lost";
const SESSIONS_PER_USER = 10;
/** Short windows, so that being late takes little time; long enough that nobody is late on a machine that is busy. */
const SHORT = {
  refreshToken: { retryWindow: "4s", keyedRetryWindow: "1h", maxSessionsPerSubjectAndClient: 1_000 },
  clockSkew: "0s",
} as const;
const LATE_MILLIS = 5_300;
/** Between two exchanges of a session around the outage, so that it meets all of them. */
const THINK_MILLIS = 50;

export interface LossyFigureOptions {
  readonly store: StoreKind;
  /** Of the issuer; 1 if absent. */
  readonly workers?: number;
  readonly refreshes: number;
  readonly sessions: number;
  /** Redis only; 0: no outage. */
  readonly outageSeconds: number;
}

export interface LossyFigureCounts {
  readonly withinWindow: LossyCounts;
  readonly keyedAndLate: LossyCounts;
  readonly acrossOutage?: LossyCounts;
}

/** Half of the refreshes within the window, a quarter late with a key, a quarter (Redis) around the outage. */
export function lossy(options: LossyFigureOptions): Promise<LossyFigureCounts> {
  return withDeployment({ store: options.store, workers: options.workers ?? 1 }, async (deployment) => {
    const users = await deployment.addUsers("lossy", Math.ceil(options.sessions / SESSIONS_PER_USER), PASSWORD);
    const issuer = await deployment.startIssuer();
    const clients: LossyClient[] = [];
    await inLanes(2, options.sessions, async (_, index) => {
      const { refreshToken } = await mustLogIn(issuer.client, at(users, index % users.length), PASSWORD);
      clients.push(new LossyClient(refreshToken));
    });
    const half = Math.ceil(options.refreshes / 2);
    const quarter = Math.ceil(options.refreshes / 4);

    const withinWindow = noCounts();
    await exchanges(clients, half, withinWindow, issuer.client, () => ({ retryAfterMillis: Math.random() * 100, keyed: false }));
    await issuer.stop();

    deployment.configure(SHORT);
    const strict = await deployment.startIssuer();
    const keyedAndLate = noCounts();
    await exchanges(clients, quarter, keyedAndLate, strict.client, () => ({ retryAfterMillis: LATE_MILLIS, keyed: true }));
    if (deployment.redis === undefined || options.outageSeconds === 0) return { withinWindow, keyedAndLate };

    const acrossOutage = noCounts();
    const [pauseMillis, redis] = [options.outageSeconds * 1000, deployment.redis];
    const work = exchanges(clients, quarter, acrossOutage, strict.client, async () => {
      await pause(Math.random() * 2 * THINK_MILLIS);
      return { retryAfterMillis: Math.random() * 100, keyed: Math.random() < 0.5 };
    });
    await Promise.all([work, outage(redis, acrossOutage, quarter, pauseMillis)]);
    return { withinWindow, keyedAndLate, acrossOutage };
  });
}

async function exchanges(
  clients: readonly LossyClient[],
  total: number,
  counts: LossyCounts,
  http: Parameters<LossyClient["exchange"]>[0],
  options: () => LossyOptions | Promise<LossyOptions>,
): Promise<void> {
  await inLanes(clients.length, total, async (lane) => at(clients, lane).exchange(http, await options(), counts));
}

/** When a third of the exchanges is done, Redis is killed; it comes back after the time given. */
async function outage(redis: RedisServer, counts: LossyCounts, total: number, millis: number): Promise<void> {
  while (counts.refreshes < total / 3 && counts.logouts + counts.errors === 0) await pause(5);
  await redis.kill();
  await pause(millis);
  await redis.start();
}

/** Thefts outside the window; each user has one more session that must not notice. */
export function thefts(options: { readonly store: StoreKind; readonly workers?: number; readonly thefts: number }): Promise<TheftCounts> {
  return withDeployment({ store: options.store, workers: options.workers ?? 1, settings: SHORT }, async (deployment: Deployment) => {
    const users = await deployment.addUsers("robbed", Math.ceil(options.thefts / SESSIONS_PER_USER), PASSWORD);
    const { client } = await deployment.startIssuer();
    return rob(client, users, PASSWORD, { thefts: options.thefts, windowMillis: LATE_MILLIS });
  });
}

function isGood({ logouts, errors }: LossyCounts): boolean {
  return logouts === 0 && errors === 0;
}

if (import.meta.main) {
  await report(async () => {
    const { store: name, ...options } = readOptions({
      refreshes: 10_000,
      sessions: 100,
      outage: 40,
      thefts: 100,
      workers: 1,
      store: "redis",
    });
    const store = oneOf("store", name, STORES);
    const { refreshes, sessions, outage: outageSeconds, workers } = options;
    const counts = await lossy({ store, workers, refreshes, sessions, outageSeconds });
    console.error(JSON.stringify(counts));
    const stolen = await thefts({ store, workers, thefts: options.thefts });
    const honest = [counts.withinWindow, counts.keyedAndLate, ...(counts.acrossOutage === undefined ? [] : [counts.acrossOutage])];
    const isFound = stolen.found === stolen.thefts && stolen.othersTouched === 0;
    return { counts: { figure: "lossy", store, workers, ...counts, theft: stolen }, good: honest.every(isGood) && isFound };
  });
}
