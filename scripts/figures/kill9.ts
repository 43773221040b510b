/**
 * The server is killed in the middle of its commits, again and again: every acknowledged rotation and every acknowledged end must be there.
 * `node scripts/figures/kill9.ts [--rounds 50] [--sessions 16] [--store embedded|redis] [--workers 1]`
 *
 * Healing is off: a store that lost an acknowledged rotation refuses the token it led to.
 */

import { STORES, withDeployment } from "./support/deployment.ts";
import type { IssuerProcess, StoreKind } from "./support/deployment.ts";
import { at, inLanes } from "./support/lanes.ts";
import { oneOf, readOptions, report } from "./support/options.ts";
import { pause } from "./support/wait.ts";
import { mustLogIn, refresh, revoke } from "./support/tokens.ts";

const PASSWORD = "killed in the middle of it";
const ENDS_PER_ROUND = 4;
const LOAD_MILLIS_MIN = 50;
const LOAD_MILLIS_SPREAD = 300;

export interface Kill9Options {
  readonly store: StoreKind;
  /** All of them are killed; 1 if absent. */
  readonly workers?: number;
  readonly rounds: number;
  /** Sessions that rotate without a pause while the server is killed. */
  readonly sessions: number;
}

export interface Kill9Counts {
  readonly rounds: number;
  readonly rotationsAcknowledged: number;
  readonly rotationsLost: number;
  readonly endsAcknowledged: number;
  readonly endsLost: number;
  /** Requests that were under way when the server died. */
  readonly inFlight: number;
  readonly errors: number;
}

interface Holder {
  readonly user: string;
  /** The newest token that was acknowledged. */
  token: string;
}

type Counting = { -readonly [Name in keyof Kill9Counts]: Kill9Counts[Name] };

export function kill9(options: Kill9Options): Promise<Kill9Counts> {
  return withDeployment(
    { store: options.store, workers: options.workers ?? 1, settings: { refreshToken: { heal: false } } },
    async (deployment) => {
      const users = await deployment.addUsers("killed", options.sessions, PASSWORD);
      const counts: Counting = {
        rounds: options.rounds,
        rotationsAcknowledged: 0,
        rotationsLost: 0,
        endsAcknowledged: 0,
        endsLost: 0,
        inFlight: 0,
        errors: 0,
      };
      let issuer = await deployment.startIssuer();
      const holders: Holder[] = [];
      await inLanes(2, users.length, async (_, index) => {
        const user = at(users, index);
        holders.push({ user, token: (await mustLogIn(issuer.client, user, PASSWORD)).refreshToken });
      });

      for (let round = 0; round < options.rounds; round += 1) {
        const doomed = await Promise.all(
          Array.from({ length: ENDS_PER_ROUND }, (_, index) =>
            mustLogIn(issuer.client, at(users, (round + index) % users.length), PASSWORD),
          ),
        );
        const ended = await load(
          issuer,
          holders,
          doomed.map(({ refreshToken }) => refreshToken),
          counts,
        );
        issuer = await deployment.startIssuer();
        await check(issuer, holders, ended, counts);
      }
      return counts;
    },
  );
}

/** Rotates and revokes until the server is dead; the tokens whose revocation was acknowledged. */
async function load(
  issuer: IssuerProcess,
  holders: readonly Holder[],
  doomed: readonly string[],
  counts: Counting,
): Promise<readonly string[]> {
  const loadMillis = LOAD_MILLIS_MIN + Math.random() * LOAD_MILLIS_SPREAD;
  const ended: string[] = [];
  const rotate = async (holder: Holder): Promise<void> => {
    for (;;) {
      const { status, tokens } = await refresh(issuer.client, holder.token);
      if (status === 0) return void (counts.inFlight += 1);
      if (tokens === undefined) return void (counts.errors += 1);
      holder.token = tokens.refreshToken;
      counts.rotationsAcknowledged += 1;
    }
  };
  const end = async (token: string): Promise<void> => {
    await pause(Math.random() * loadMillis);
    const status = await revoke(issuer.client, token);
    if (status === 200) ended.push(token);
    else if (status !== 0) counts.errors += 1;
  };
  const kill = pause(loadMillis).then(() => issuer.kill());
  await Promise.all([kill, ...holders.map(rotate), ...doomed.map(end)]);
  counts.endsAcknowledged += ended.length;
  return ended;
}

async function check(issuer: IssuerProcess, holders: readonly Holder[], ended: readonly string[], counts: Counting): Promise<void> {
  for (const holder of holders) {
    const { tokens, error } = await refresh(issuer.client, holder.token);
    if (tokens !== undefined) {
      holder.token = tokens.refreshToken;
      continue;
    }
    counts[error === "invalid_grant" ? "rotationsLost" : "errors"] += 1;
    holder.token = (await mustLogIn(issuer.client, holder.user, PASSWORD)).refreshToken;
  }
  for (const token of ended) {
    const { tokens, error } = await refresh(issuer.client, token);
    if (tokens !== undefined) counts.endsLost += 1;
    else if (error !== "invalid_grant") counts.errors += 1;
  }
}

if (import.meta.main) {
  await report(async () => {
    const { store: name, ...options } = readOptions({ rounds: 50, sessions: 16, workers: 1, store: "embedded" });
    const store = oneOf("store", name, STORES);
    const counts = await kill9({ ...options, store });
    const isGood = counts.rotationsLost + counts.endsLost + counts.errors === 0 && counts.rotationsAcknowledged > 0;
    return { counts: { figure: "kill9", store, workers: options.workers, ...counts }, good: isGood };
  });
}
