/** One round of a race against a call that ends sessions. */

import type { HttpClient } from "./http.ts";
import { at } from "./lanes.ts";
import { pause } from "./wait.ts";
import { logIn, refresh } from "./tokens.ts";
import type { TokenAnswer } from "./tokens.ts";

/** What a round showed; `RaceCounts` says what the words mean. */
export interface Round {
  readonly alive: boolean;
  readonly lost: boolean;
  readonly close: boolean;
  readonly errors: number;
}

interface Timed extends TokenAnswer {
  readonly sentAt: number;
  readonly doneAt: number;
}

/** When the ending call was sent, and when it was acknowledged. */
interface Ended {
  readonly sentAt: number;
  readonly doneAt: number;
}

const HAMMERS = 2;
const ATTEMPTS_AFTER = 3;
const REFRESH_HEAD_START_MILLIS = 8;
/** A password hash takes about 60 ms: offsets of that size put the end before, into and after the hashing. */
const LOGIN_SPREAD_MILLIS = 150;
const LOGINS = 3;

/** Refreshes without a pause, while `end` ends the session at a moment of its own. */
export async function raceRefresh(clients: readonly HttpClient[], refreshToken: string, end: () => Promise<void>): Promise<Round> {
  const tokens = [refreshToken];
  const answers: Timed[] = [];
  let ended: Ended | undefined;
  let isOver = false;

  const hammer = async (index: number): Promise<void> => {
    for (let after = 0; after < ATTEMPTS_AFTER; after += isOver ? 1 : 0) {
      const answer = await timed(() => refresh(at(clients, index % clients.length), at(tokens, tokens.length - 1)));
      answers.push(answer);
      if (answer.tokens !== undefined && !tokens.includes(answer.tokens.refreshToken)) tokens.push(answer.tokens.refreshToken);
    }
  };
  const ending = async (): Promise<void> => {
    await pause(Math.random() * REFRESH_HEAD_START_MILLIS);
    // Where it fails the hammers must end as well.
    ended = await timedEnd(end).finally(() => (isOver = true));
  };
  await Promise.all([ending(), ...Array.from({ length: HAMMERS }, (_, index) => hammer(index))]);

  // The newest first: an old one may itself end what it belongs to.
  for (const token of tokens.toReversed()) answers.push(await timed(() => refresh(at(clients, 0), token)));
  const { sentAt, doneAt } = ended ?? { sentAt: 0, doneAt: 0 };
  return {
    alive: answers.some((answer) => answer.tokens !== undefined && answer.sentAt >= doneAt),
    lost: answers.some((answer) => answer.error === "invalid_grant" && answer.doneAt < sentAt),
    close: answers.some((answer) => answer.sentAt < doneAt && answer.doneAt > sentAt),
    errors: answers.filter((answer) => answer.tokens === undefined && answer.error !== "invalid_grant").length,
  };
}

export interface LoginRace {
  readonly end: () => Promise<void>;
  /** True: no session of the password in use before may live, whenever its login was. */
  readonly oldPasswordEnds: boolean;
  /** A refresh token of a session that was there before. */
  readonly before: string | undefined;
}

/** Logins at moments of their own around `end`. */
export async function raceLogin(
  who: { readonly user: string; readonly clients: readonly HttpClient[]; readonly password: string },
  oldPassword: string,
  { end, oldPasswordEnds, before }: LoginRace,
): Promise<Round> {
  const { user, clients } = who;
  const soon = (): Promise<void> => pause(Math.random() * LOGIN_SPREAD_MILLIS);
  const login = async (index: number): Promise<Timed> => {
    await soon();
    return timed(() => logIn(at(clients, index % clients.length), user, oldPassword));
  };
  const ending = soon().then(() => timedEnd(end));
  const logins = await Promise.all(Array.from({ length: LOGINS }, (_, index) => login(index)));
  const { sentAt, doneAt } = await ending;
  const late = await timed(() => logIn(at(clients, 0), user, who.password));

  const granted = [...logins, late].flatMap(({ tokens, ...times }) =>
    tokens === undefined ? [] : [{ ...times, token: tokens.refreshToken }],
  );
  const checked = await Promise.all(granted.map(async (login) => ({ login, lives: await lives(at(clients, 0), login.token) })));
  const isAliveBefore = before !== undefined && (await lives(at(clients, 0), before));
  const mustBeOver = (login: Ended): boolean => (oldPasswordEnds ? login.sentAt !== late.sentAt : login.doneAt < sentAt);
  return {
    alive: isAliveBefore || checked.some(({ login, lives }) => lives && mustBeOver(login)),
    lost:
      late.tokens === undefined ||
      logins.some((login) => login.status === 401 && (!oldPasswordEnds || login.doneAt < sentAt)) ||
      checked.some(({ login, lives }) => !lives && login.sentAt > doneAt && !mustBeOver(login)),
    close: logins.some((login) => login.sentAt < doneAt && login.doneAt > sentAt),
    errors: [...logins, late].filter(({ status }) => status !== 200 && status !== 401).length,
  };
}

async function lives(client: HttpClient, refreshToken: string): Promise<boolean> {
  const { tokens, status } = await refresh(client, refreshToken);
  if (tokens === undefined && status !== 400) throw new Error(`whether a session lives was answered ${status}`);
  return tokens !== undefined;
}

async function timed(call: () => Promise<TokenAnswer>): Promise<Timed> {
  const sentAt = performance.now();
  const answer = await call();
  return { ...answer, sentAt, doneAt: performance.now() };
}

async function timedEnd(end: () => Promise<void>): Promise<Ended> {
  const sentAt = performance.now();
  await end();
  return { sentAt, doneAt: performance.now() };
}
