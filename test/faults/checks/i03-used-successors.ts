/** I3: a token whose successor was used is not accepted again, but within the retry window. */

import { windowMillisOf } from "../history/lines.ts";
import type { History, Operation } from "../history/read.ts";
import type { Check } from "./finding.ts";
import { type SessionHistory, sessionsOf, supersessions } from "./sessions.ts";
import { awayTime, lostWrites } from "./time.ts";

/** Between an issuer's reading of its clock and its answer at our end. */
const SPARE_MILLIS = 500;

export interface Late {
  /** What was presented outside of every window. */
  readonly operation: Operation;
  /** How its presenter or another could have known that it was superseded. */
  readonly superseded: Operation;
}

/** Presentations of superseded tokens so late that the retry window is over by any clock. */
export function latePresentations(history: History, session: SessionHistory): readonly Late[] {
  const windowMillis = windowMillisOf(history.run.rules) + SPARE_MILLIS;
  const away = awayTime(history);
  const supersededBy = supersessions(session);
  return session.refreshes.flatMap((operation) => {
    const superseded = operation.generationIn === undefined ? undefined : supersededBy(operation.generationIn);
    if (superseded === undefined) return [];
    const age = operation.invokedAt - superseded.doneAt;
    return age - away(superseded.doneAt, operation.invokedAt) > windowMillis ? [{ operation, superseded }] : [];
  });
}

/** Where a generation after the one presented was itself presented with success before. */
export function usedSuccessor(session: SessionHistory): (operation: Operation) => boolean {
  // In the order of their answers, the newest generation that was used so far.
  const used = session.refreshes.filter(({ outcome }) => outcome === "ok").toSorted((a, b) => a.doneAt - b.doneAt);
  let newest = 0;
  const newestBy = used.map(({ generationIn = 0 }) => (newest = Math.max(newest, generationIn)));
  return ({ generationIn = Infinity, invokedAt }) => {
    const before = lastBefore(used, invokedAt);
    return before >= 0 && (newestBy[before] ?? 0) > generationIn;
  };
}

function lastBefore(sorted: readonly Operation[], time: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle]?.doneAt ?? Infinity) < time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

export const usedSuccessors: Check = (history) => {
  const isLost = lostWrites(history, "rotation");
  return [...sessionsOf(history).values()].flatMap((session) => {
    const isSuccessorUsed = usedSuccessor(session);
    return latePresentations(history, session)
      .filter(({ operation }) => operation.outcome === "ok" && isSuccessorUsed(operation))
      .map(({ operation, superseded }) => ({
        what: `a token of session ${session.sid} whose successor was used was accepted outside the retry window`,
        lines: [superseded.number, operation.number],
        excuse: isLost(superseded.doneAt, operation.invokedAt) ? "writes lost" : undefined,
      }));
  });
};
