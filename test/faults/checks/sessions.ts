/** What a history says of each session: its login, its ends, and when each of its generations was superseded. */

import type { History, Operation } from "../history/read.ts";

const ENDS = new Set(["revoke", "logout", "end_session", "end_sessions"]);

export interface SessionHistory {
  readonly sid: string;
  readonly login: Operation | undefined;
  /** With one of its refresh tokens, in the order in which they were invoked. */
  readonly refreshes: readonly Operation[];
  /** Calls that end it, acknowledged or not. One that ends all of the subject's is here only where the session was there before. */
  readonly ends: readonly Operation[];
  /** The same, where the session may have been there before. */
  readonly possibleEnds: readonly Operation[];
}

export function isLogin({ op }: Operation): boolean {
  return op === "login" || op === "login_password";
}

export function sessionsOf({ operations }: History): ReadonlyMap<string, SessionHistory> {
  const endsOfSub = grouped(
    operations.filter(({ op }) => op === "end_sessions"),
    ({ sub }) => sub,
  );
  const all = grouped(operations, ({ sid }) => sid);
  return new Map([...all].map(([sid, own]) => [sid, sessionOf(sid, own, endsOfSub)]));
}

function sessionOf(sid: string, own: readonly Operation[], endsOfSub: ReadonlyMap<string, readonly Operation[]>): SessionHistory {
  const login = own.find((operation) => isLogin(operation) && operation.outcome === "ok");
  const sub = own.find((operation) => operation.sub !== undefined)?.sub;
  const ofAll = sub === undefined ? [] : (endsOfSub.get(sub) ?? []);
  const single = own.filter(({ op }) => ENDS.has(op) && op !== "end_sessions");
  // Without its login in the history nobody knows whether it was there.
  const isBefore = (end: Operation): boolean => login !== undefined && login.doneAt < end.invokedAt;
  const isAfter = (end: Operation): boolean => login !== undefined && login.invokedAt > end.doneAt;
  return {
    sid,
    login,
    refreshes: own.filter(({ op }) => op === "refresh"),
    ends: [...single, ...ofAll.filter(isBefore)].sort((a, b) => a.doneAt - b.doneAt),
    possibleEnds: [...single, ...ofAll.filter((end) => !isAfter(end))].sort((a, b) => a.invokedAt - b.invokedAt),
  };
}

export function grouped<T>(list: readonly T[], keyOf: (item: T) => string | undefined): ReadonlyMap<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of list) {
    const key = keyOf(item);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

/** The first acknowledged end that the store can not have lost by the time given, and the first of all. */
export function acknowledgedEnds(
  { ends }: SessionHistory,
  isLost: (acknowledgedAt: number, by: number) => boolean,
): { readonly first: Operation | undefined; isFirmBefore(time: number): Operation | undefined } {
  const acknowledged = ends.filter(({ outcome }) => outcome === "ok");
  return {
    first: acknowledged[0],
    isFirmBefore: (time) => acknowledged.find(({ doneAt }) => doneAt < time && !isLost(doneAt, time)),
  };
}

/**
 * By when a generation was superseded at the latest: when somebody first had a token that is newer. Undefined where nobody
 * ever had.
 */
export function supersessions({ refreshes }: SessionHistory): (generation: number) => Operation | undefined {
  const granted = refreshes.filter(({ outcome, generationOut }) => outcome === "ok" && generationOut !== undefined);
  const byGeneration = granted.toSorted((a, b) => (a.generationOut ?? 0) - (b.generationOut ?? 0));
  // From the newest generation down, the earliest answer so far.
  const earliest: Operation[] = [];
  for (const operation of byGeneration.toReversed()) {
    const before = earliest.at(-1);
    earliest.push(before === undefined || operation.doneAt < before.doneAt ? operation : before);
  }
  earliest.reverse();
  const generations = byGeneration.map(({ generationOut = 0 }) => generationOut);
  return (generation) => earliest[firstAbove(generations, generation)];
}

/** The first position of a sorted list with a number above the one given. */
function firstAbove(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? Infinity) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
