/** I5: a second use of a refresh token outside the windows ends its session at once. */

import type { Operation } from "../history/read.ts";
import type { Check } from "./finding.ts";
import { latePresentations, usedSuccessor } from "./i03-used-successors.ts";
import { sessionsOf } from "./sessions.ts";
import { lostWrites } from "./time.ts";

export const reuse: Check = (history) => {
  const isLost = lostWrites(history, "rotation");
  const isEndLost = lostWrites(history, "end");
  return [...sessionsOf(history).values()].flatMap((session) => {
    const isSuccessorUsed = usedSuccessor(session);
    // With its Idempotency-Key a client may repeat its exchange for an hour, as long as the successor was not used.
    const isReuse = (operation: Operation): boolean => operation.exchange === undefined || isSuccessorUsed(operation);
    const second = latePresentations(history, session).find(
      ({ operation, superseded }) =>
        operation.outcome !== "unknown" && isReuse(operation) && !isLost(superseded.doneAt, operation.invokedAt),
    );
    if (second === undefined) return [];
    const seen = second.operation;
    // That it was accepted after its successor was used is I3's finding.
    const isAccepted = seen.outcome === "ok" && !isSuccessorUsed(seen);
    const alive = isAccepted ? seen : session.refreshes.find(({ outcome, invokedAt }) => outcome === "ok" && invokedAt > seen.doneAt);
    if (alive === undefined) return [];
    return [
      {
        what: `session ${session.sid} lives on after a second use of one of its tokens`,
        lines: [seen.number, alive.number],
        excuse: isEndLost(seen.doneAt, alive.invokedAt) ? "writes lost" : undefined,
      },
    ];
  });
};
