/** I4: a client that obeys the protocol is not logged out without a reason. */

import type { History, Operation } from "../history/read.ts";
import type { Check } from "./finding.ts";
import { type SessionHistory, sessionsOf } from "./sessions.ts";
import { lostWrites } from "./time.ts";

/** Lifetimes are counted from the issuer's clock, in whole seconds at places. */
const SPARE_MILLIS = 2_000;

export const honestClients: Check = (history) => {
  const isLost = lostWrites(history, "login");
  const stolenAt = new Map(history.facts.flatMap((fact) => (fact.fact === "stolen" ? [[fact.sid, fact.at] as const] : [])));
  return [...sessionsOf(history).values()].flatMap((session) => {
    const refused = session.refreshes.find(
      ({ role, outcome, error }) => role === "owner" && outcome === "refused" && error === "invalid_grant",
    );
    if (refused === undefined || hasReason(history, session, refused, stolenAt.get(session.sid))) return [];
    const { login } = session;
    const isForgotten = login !== undefined && isLost(login.doneAt, refused.doneAt);
    return [
      {
        what: `the owner of session ${session.sid} was logged out without a reason`,
        lines: [...(login === undefined ? [] : [login.number]), refused.number],
        excuse: isForgotten ? "writes lost" : undefined,
      },
    ];
  });
};

function hasReason({ run }: History, session: SessionHistory, refused: Operation, stolenAt = Infinity): boolean {
  if (stolenAt <= refused.doneAt) return true;
  const [end] = session.possibleEnds;
  if (end !== undefined && end.invokedAt <= refused.doneAt) return true;
  return isExpired(session, refused, run.rules);
}

function isExpired({ login, refreshes }: SessionHistory, refused: Operation, rules: History["run"]["rules"]): boolean {
  const began = login?.invokedAt ?? -Infinity;
  if (login !== undefined && refused.doneAt - began >= rules.absoluteLifetimeMillis - SPARE_MILLIS) return true;
  const used = refreshes.findLast(({ outcome, doneAt }) => outcome === "ok" && doneAt <= refused.invokedAt)?.invokedAt ?? began;
  return Number.isFinite(used) && refused.doneAt - used >= rules.idleLifetimeMillis - SPARE_MILLIS;
}
