/** I10: no two access tokens have one jti, and an assertion is taken once. */

import type { Check, Finding } from "./finding.ts";
import { grouped } from "./sessions.ts";
import { lostWrites } from "./time.ts";

export const once: Check = (history) => {
  const isLost = lostWrites(history, "login");
  const granted = history.operations.filter(({ outcome, op }) => outcome === "ok" && op !== "introspect" && op !== "verify");
  const twice: readonly Finding[] = [...grouped(granted, ({ jti }) => jti).values()]
    .filter((answers) => answers.length > 1)
    .map((answers) => ({ what: "two access tokens have one jti", lines: answers.map(({ number }) => number) }));
  const assertions = [...grouped(granted, ({ assertion }) => assertion).values()].flatMap((answers): readonly Finding[] => {
    const [first, second] = answers.toSorted((a, b) => a.doneAt - b.doneAt);
    if (first === undefined || second === undefined) return [];
    const excuse = isLost(first.doneAt, second.doneAt) ? ("writes lost" as const) : undefined;
    return [{ what: "an assertion was taken twice", lines: [first.number, second.number], excuse }];
  });
  return [...twice, ...assertions];
};
