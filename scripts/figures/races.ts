/**
 * A login or a refresh racing a password change, `DELETE /sessions` and `POST /revoke`: what lives afterwards that shouldn't.
 * `node scripts/figures/races.ts [--rounds 1000] [--race all] [--store embedded|redis] [--processes 1|2] [--workers 1] [--lanes 4]`
 *
 * A round counts as `alive` where, after the ending call was acknowledged, a refresh token is still good although its session
 * existed before that call was sent, or was begun with the old password. What a login or a refresh may answer in
 * between is free. A login that began after the acknowledgement must stand: `lost` counts those that don't.
 */

import type { Operator } from "../../src/issuer/types.ts";
import { mustBeDone, STORES, withDeployment } from "./support/deployment.ts";
import type { IssuerProcess, StoreKind } from "./support/deployment.ts";
import type { HttpClient } from "./support/http.ts";
import { at, inLanes } from "./support/lanes.ts";
import { oneOf, readOptions, report } from "./support/options.ts";
import { raceLogin, raceRefresh } from "./support/race.ts";
import type { Round } from "./support/race.ts";
import { endAll, mustLogIn, mustRefresh, revoke } from "./support/tokens.ts";

export const RACES = ["refresh-passwd", "login-passwd", "refresh-delete", "login-delete", "refresh-revoke"] as const;
export type Race = (typeof RACES)[number];

export interface RaceOptions {
  readonly race: Race;
  readonly rounds: number;
  readonly store: StoreKind;
  readonly processes: number;
  /** Of each process; 1 if absent. */
  readonly workers?: number;
  /** Subjects at work at the same time. */
  readonly lanes: number;
}

export interface RaceCounts {
  readonly rounds: number;
  /** Rounds after which something lived that shouldn't. */
  readonly alive: number;
  /** Rounds after which something was gone that should live. */
  readonly lost: number;
  /** Rounds in which a racing request was granted after the ending call was sent, or refused before it was acknowledged. */
  readonly close: number;
  /** Answers that neither grant nor refuse. */
  readonly errors: number;
}

interface Lane {
  readonly user: string;
  readonly clients: readonly HttpClient[];
  readonly issuer: string;
  readonly operator: Operator;
  password: string;
}

export function races(options: RaceOptions): Promise<RaceCounts> {
  return withDeployment({ store: options.store, workers: options.workers ?? 1 }, async (deployment) => {
    const password = "the password of round 0";
    const users = await deployment.addUsers("racer", options.lanes, password);
    const issuers: IssuerProcess[] = [];
    for (let index = 0; index < options.processes; index += 1) issuers.push(await deployment.startIssuer());
    const clients = issuers.map(({ client }) => client);
    const operator = await deployment.operator();
    const lanes = users.map((user): Lane => ({ user, clients, issuer: deployment.issuer, operator, password }));

    const counts = { rounds: options.rounds, alive: 0, lost: 0, close: 0, errors: 0 };
    await inLanes(options.lanes, options.rounds, async (index, piece) => {
      const round = await ROUNDS[options.race](at(lanes, index), piece);
      if (round.alive) counts.alive += 1;
      if (round.lost) counts.lost += 1;
      if (round.close) counts.close += 1;
      counts.errors += round.errors;
    });
    return counts;
  });
}

const ROUNDS: Readonly<Record<Race, (lane: Lane, piece: number) => Promise<Round>>> = {
  "refresh-passwd": async (lane, piece) => {
    const tokens = await mustLogIn(clientOf(lane, piece), lane.user, lane.password);
    return raceRefresh(lane.clients, tokens.refreshToken, () => changePassword(lane, piece));
  },
  "login-passwd": async (lane, piece) => {
    const old = lane.password;
    return raceLogin(lane, old, { end: () => changePassword(lane, piece), oldPasswordEnds: true, before: undefined });
  },
  "refresh-delete": async (lane, piece) => {
    const { refreshToken, accessToken } = await ownerTokens(lane, piece);
    return raceRefresh(lane.clients, refreshToken, () => mustAnswer(204, endAll(clientOf(lane, piece + 1), accessToken)));
  },
  "login-delete": async (lane, piece) => {
    const { refreshToken, accessToken } = await ownerTokens(lane, piece);
    const end = () => mustAnswer(204, endAll(clientOf(lane, piece + 1), accessToken));
    return raceLogin(lane, lane.password, { end, oldPasswordEnds: false, before: refreshToken });
  },
  "refresh-revoke": async (lane, piece) => {
    const { refreshToken } = await mustLogIn(clientOf(lane, piece), lane.user, lane.password);
    return raceRefresh(lane.clients, refreshToken, () => mustAnswer(200, revoke(clientOf(lane, piece + 1), refreshToken)));
  },
};

async function changePassword(lane: Lane, piece: number): Promise<void> {
  const password = `the password of round ${piece + 1}`;
  mustBeDone(await lane.operator.changePassword(lane.user, password));
  lane.password = password;
}

/** A session with an access token for the issuer itself. */
async function ownerTokens(lane: Lane, piece: number) {
  const { refreshToken } = await mustLogIn(clientOf(lane, piece), lane.user, lane.password);
  return mustRefresh(clientOf(lane, piece), refreshToken, { resource: lane.issuer });
}

function clientOf(lane: Lane, piece: number): HttpClient {
  return at(lane.clients, piece % lane.clients.length);
}

async function mustAnswer(status: number, answer: Promise<number>): Promise<void> {
  const got = await answer;
  if (got !== status) throw new Error(`a call that ends sessions was answered ${got}`);
}

if (import.meta.main) {
  await report(async () => {
    const {
      store: name,
      race,
      ...options
    } = readOptions({ rounds: 1_000, race: "all", store: "embedded", processes: 1, workers: 1, lanes: 4 });
    const store = oneOf("store", name, STORES);
    const chosen = race === "all" ? RACES : [oneOf("race", race, RACES)];
    const all: Record<string, RaceCounts> = {};
    for (const one of chosen) {
      all[one] = await races({ ...options, race: one, store });
      console.error(`${one}: ${JSON.stringify(all[one])}`);
    }
    const good = Object.values(all).every(({ alive, lost, errors }) => alive === 0 && lost === 0 && errors === 0);
    return { counts: { figure: "races", store, processes: options.processes, workers: options.workers, ...all }, good };
  });
}
