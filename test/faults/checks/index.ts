/** All checks: from a history to what is wrong with it. */

import type { InvariantId } from "../history/lines.ts";
import type { History } from "../history/read.ts";
import type { Check, Finding } from "./finding.ts";
import { endedSessions } from "./i01-ended-sessions.ts";
import { oneHead } from "./i02-one-head.ts";
import { usedSuccessors } from "./i03-used-successors.ts";
import { honestClients } from "./i04-honest-clients.ts";
import { reuse } from "./i05-reuse.ts";
import { publishedBeforeSigning } from "./i06-published-before-signing.ts";
import { verifiable } from "./i07-verifiable.ts";
import { expiredTokens } from "./i08-expired-tokens.ts";
import { introspection } from "./i09-introspection.ts";
import { once } from "./i10-once.ts";
import { boundedAnswers } from "./i12-bounded-answers.ts";
import { recovery } from "./i13-recovery.ts";

/** I11 (canaries) and I14 (leaks) look at more than answers: their rows look, and the history has the verdict. */
const none: Check = () => [];

export const CHECKS: Readonly<Record<InvariantId, Check>> = {
  I1: endedSessions,
  I2: oneHead,
  I3: usedSuccessors,
  I4: honestClients,
  I5: reuse,
  I6: publishedBeforeSigning,
  I7: verifiable,
  I8: expiredTokens,
  I9: introspection,
  I10: once,
  I11: none,
  I12: boundedAnswers,
  I13: recovery,
  I14: none,
};

/** What a row itself expected and did not find, beside the invariants. */
export type Named = InvariantId | "row";

export function findingsOf(history: History): ReadonlyMap<Named, readonly Finding[]> {
  const failed = history.facts.filter((fact) => fact.fact === "expected").filter(({ holds }) => !holds);
  const names = new Set<Named>([...history.run.invariants, "row", ...failed.map(({ invariant }) => invariant)]);
  return new Map([...names].map((name) => [name, [...checked(name, history), ...told(failed, name)]]));
}

function checked(name: Named, history: History): readonly Finding[] {
  return name === "row" || !history.run.invariants.includes(name) ? [] : CHECKS[name](history);
}

function told(failed: readonly { invariant: Named; what: string; number: number }[], name: Named): readonly Finding[] {
  return failed.filter(({ invariant }) => invariant === name).map(({ what, number }) => ({ what, lines: [number] }));
}
