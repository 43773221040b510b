/** I13: some time after a fault has ended, and before any, no request fails. */

import type { History, Operation } from "../history/read.ts";
import type { Check } from "./finding.ts";
import { joined } from "./time.ts";

export const recovery: Check = (history) => {
  const isExcused = insideOf(history);
  return history.operations
    .filter((operation) => isFailed(operation) && !isExcused(operation))
    .map(({ number, op, status, error }) => ({
      what: `${op} failed (${status} ${error ?? ""}) when all should have been well`,
      lines: [number],
    }));
};

/** Not what was lost on purpose. */
export function isFailed({ outcome, error }: Operation): boolean {
  return outcome === "unknown" && error !== "lost";
}

function insideOf({ faults }: History): (operation: Operation) => boolean {
  const spans = joined(faults.map(({ from, to, recoverMillis }) => ({ from, to: to + recoverMillis })));
  return ({ invokedAt, doneAt }) => spans.some(({ from, to }) => invokedAt <= to && doneAt >= from);
}
