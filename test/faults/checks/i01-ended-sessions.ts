/** I1: nothing is granted to a session after its end was acknowledged. */

import type { Check } from "./finding.ts";
import { acknowledgedEnds, sessionsOf } from "./sessions.ts";
import { lostWrites } from "./time.ts";

export const endedSessions: Check = (history) => {
  const isLost = lostWrites(history, "end");
  return [...sessionsOf(history).values()].flatMap((session) => {
    const { first, isFirmBefore } = acknowledgedEnds(session, isLost);
    if (first === undefined) return [];
    const revived = session.refreshes.filter(({ outcome, invokedAt }) => outcome === "ok" && invokedAt > first.doneAt);
    return revived.map((operation) => {
      const firm = isFirmBefore(operation.invokedAt);
      return {
        what: `session ${session.sid} was refreshed after its end was acknowledged`,
        lines: [(firm ?? first).number, operation.number],
        excuse: firm === undefined ? "writes lost" : undefined,
      };
    });
  });
};
