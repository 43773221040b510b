/**
 * Many refreshes of one token at once, again and again: each round has one successor, whoever asks and wherever.
 * `node scripts/figures/parallel.ts [--rounds 1000] [--width 64] [--store embedded|redis] [--processes 1|2] [--workers 1]`
 */

import { countCommands } from "./support/commands.ts";
import { STORES, withDeployment } from "./support/deployment.ts";
import type { Deployment, IssuerProcess, StoreKind } from "./support/deployment.ts";
import { oneOf, readOptions, report } from "./support/options.ts";
import { mustLogIn, mustRefresh, refresh } from "./support/tokens.ts";

const PASSWORD = "sixty-four at one time";

export interface ParallelOptions {
  readonly rounds: number;
  /** Requests at once. */
  readonly width: number;
  readonly store: StoreKind;
  readonly processes: number;
  /** Of each process; 1 if absent. */
  readonly workers?: number;
  /** Refreshes over which store commands are counted, without contention; Redis only, 0: none. */
  readonly counted?: number;
}

export interface ParallelCounts {
  readonly rounds: number;
  readonly requests: number;
  /** Answers other than 200. */
  readonly errors: number;
  /** Rounds that gave another number of distinct successors than one. */
  readonly forkedRounds: number;
  readonly mostSuccessors: number;
  readonly storeCommandsPerRefresh?: number;
  readonly storeCommands?: Readonly<Record<string, number>>;
}

export function parallel(options: ParallelOptions): Promise<ParallelCounts> {
  return withDeployment({ store: options.store, workers: options.workers ?? 1 }, async (deployment) => {
    const [user = ""] = await deployment.addUsers("parallel", 1, PASSWORD);
    const issuers: IssuerProcess[] = [];
    for (let index = 0; index < options.processes; index += 1) issuers.push(await deployment.startIssuer());
    const counts = await rounds(issuers, user, options);
    return { ...counts, ...(await storeCommands(deployment, issuers, user, options.counted ?? 0)) };
  });
}

async function rounds(issuers: readonly IssuerProcess[], user: string, { rounds, width }: ParallelOptions): Promise<ParallelCounts> {
  const [first] = issuers;
  if (first === undefined) throw new TypeError("there is at least one issuer");
  let { refreshToken } = await mustLogIn(first.client, user, PASSWORD);
  let errors = 0;
  let forkedRounds = 0;
  let mostSuccessors = 0;
  for (let round = 0; round < rounds; round += 1) {
    const asked = Array.from({ length: width }, (_, index) => (issuers[index % issuers.length] ?? first).client);
    const answers = await Promise.all(asked.map((client) => refresh(client, refreshToken)));
    const successors = new Set(answers.flatMap(({ tokens }) => (tokens === undefined ? [] : [tokens.refreshToken])));
    errors += answers.filter(({ tokens }) => tokens === undefined).length;
    mostSuccessors = Math.max(mostSuccessors, successors.size);
    // The same token again would be no successor.
    if (successors.size !== 1 || successors.has(refreshToken)) forkedRounds += 1;
    refreshToken = [...successors].at(0) ?? (await mustLogIn(first.client, user, PASSWORD)).refreshToken;
  }
  return { rounds, requests: rounds * width, errors, forkedRounds, mostSuccessors };
}

async function storeCommands(deployment: Deployment, issuers: readonly IssuerProcess[], user: string, counted: number) {
  const client = issuers[0]?.client;
  if (deployment.redis === undefined || client === undefined || counted === 0) return {};
  let { refreshToken } = await mustLogIn(client, user, PASSWORD);
  const { perStep, byName } = await countCommands(deployment.redis, counted, async () => {
    ({ refreshToken } = await mustRefresh(client, refreshToken));
  });
  return { storeCommandsPerRefresh: perStep, storeCommands: byName };
}

if (import.meta.main) {
  await report(async () => {
    const { store: name, ...options } = readOptions({
      rounds: 1_000,
      width: 64,
      store: "embedded",
      processes: 1,
      workers: 1,
      counted: 500,
    });
    const store = oneOf("store", name, STORES);
    const counts = await parallel({ ...options, store });
    return {
      counts: { figure: "parallel", store, processes: options.processes, workers: options.workers, ...counts },
      good: counts.errors === 0 && counts.forkedRounds === 0,
    };
  });
}
