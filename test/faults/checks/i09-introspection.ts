/** I9: introspection calls nothing of a session active after its end was acknowledged. */

import type { Check } from "./finding.ts";
import { acknowledgedEnds, grouped, sessionsOf } from "./sessions.ts";
import { lostWrites } from "./time.ts";

export const introspection: Check = (history) => {
  const isLost = lostWrites(history, "end");
  const sessions = sessionsOf(history);
  const active = grouped(
    history.operations.filter((operation) => operation.op === "introspect" && operation.active === true),
    ({ sid }) => sid,
  );
  return [...active].flatMap(([sid, answers]) => {
    const session = sessions.get(sid);
    if (session === undefined) return [];
    const { first, isFirmBefore } = acknowledgedEnds(session, isLost);
    const late = first === undefined ? [] : answers.filter(({ invokedAt }) => invokedAt > first.doneAt);
    return late.map((answer) => {
      const firm = isFirmBefore(answer.invokedAt);
      return {
        what: `a token of session ${sid} was active after its end was acknowledged`,
        lines: [(firm ?? first ?? answer).number, answer.number],
        excuse: firm === undefined ? ("writes lost" as const) : undefined,
      };
    });
  });
};
