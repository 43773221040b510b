/** I12: whatever fails, every request is answered, and within the time that the store's calls may take. */

import type { OperationName } from "../history/lines.ts";
import type { History, Operation } from "../history/read.ts";
import type { Check, Finding } from "./finding.ts";

/** Store calls that a request may have to make one after the other, each up to the command timeout. */
export const STORE_CALLS: Readonly<Record<OperationName, number>> = {
  // read the subject, swap it; where there is none, read the marker
  refresh: 3,
  // take the assertion, read and take it again where the first end is unknown, marker, read the subject, swap it
  login: 6,
  // account, subject, account again, swap, throttle
  login_password: 6,
  // read the subject twice, append, swap, marker
  revoke: 5,
  logout: 5,
  end_session: 5,
  end_sessions: 5,
  introspect: 2,
  verify: 0,
};

const SPARE_MILLIS = 100;
/** A password hash, with others before it in the queue. */
const HASH_MILLIS = 5_000;

export function budgetMillis({ op }: Operation, commandTimeoutMillis: number): number {
  return STORE_CALLS[op] * commandTimeoutMillis + (op === "login_password" ? HASH_MILLIS : 0);
}

export const boundedAnswers: Check = (history) => [...broken(history), ...unanswered(history), ...slow(history)];

/** 503 is an answer to whatever fails outside; any other 5xx is a fault of ours. */
function broken({ operations }: History): readonly Finding[] {
  return operations
    .filter(({ status }) => status >= 500 && status !== 503)
    .map(({ number, op, status }) => ({ what: `${op} was answered ${status}`, lines: [number] }));
}

/** Only a process that is killed takes a request with it. */
function unanswered({ operations, faults }: History): readonly Finding[] {
  const cutting = faults.filter(({ isCutting }) => isCutting);
  const isKilled = ({ invokedAt, doneAt }: Operation): boolean => cutting.some(({ from, to }) => invokedAt <= to && doneAt >= from);
  return operations
    .filter(({ status, error }) => status === 0 && (error === "late" || error === "cut"))
    .filter((operation) => operation.error === "late" || !isKilled(operation))
    .map(({ number, op, error }) => ({ what: `${op} had no answer (${error})`, lines: [number] }));
}

function slow(history: History): readonly Finding[] {
  const { isTimed, commandTimeoutMillis } = history.run.rules;
  if (!isTimed) return [];
  const over = duringFaults(history)
    .map((operation) => ({ operation, over: operation.doneAt - operation.invokedAt - budgetMillis(operation, commandTimeoutMillis) }))
    .toSorted((a, b) => a.over - b.over);
  const worst = over[Math.max(0, Math.ceil(over.length * 0.99) - 1)];
  if (worst === undefined || worst.over <= SPARE_MILLIS) return [];
  const late = over.filter((one) => one.over > SPARE_MILLIS);
  const what = `${late.length} of ${over.length} answers during faults were later than ${SPARE_MILLIS} ms after the store's time was over`;
  return [{ what, lines: late.slice(-3).map(({ operation }) => operation.number) }];
}

/** Answered requests that were under way during a fault. */
export function duringFaults({ operations, faults }: History): readonly Operation[] {
  return operations.filter(
    ({ invokedAt, doneAt, status }) => status !== 0 && faults.some(({ from, to }) => invokedAt <= to && doneAt >= from),
  );
}
