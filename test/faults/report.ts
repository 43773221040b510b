/** What a row's histories come to: counts of violations, and what users saw meanwhile. */

import { findingsOf } from "./checks/index.ts";
import type { Named } from "./checks/index.ts";
import { duringFaults } from "./checks/i12-bounded-answers.ts";
import { isFailed } from "./checks/i13-recovery.ts";
import type { History } from "./history/read.ts";

export interface HistoryReport {
  readonly row: string;
  readonly part: string;
  readonly seed: number;
  readonly rounds: number;
  readonly operations: number;
  /** Of each invariant that was checked. */
  readonly violations: Readonly<Record<string, number>>;
  /** The same, where the store's settings gave it away. */
  readonly excused: Readonly<Record<string, number>>;
  /** From the first failed operation to the next that did not fail, over all clients: the longest. */
  readonly unavailableMillis: number;
  /** Undefined: no fault. */
  readonly p99Millis: number | undefined;
  /** Good clients logged out: without any reason, and because the store lost their login. */
  readonly loggedOut: number;
  /** By the log of the issuers, and by the row. */
  readonly counted: Readonly<Record<string, number>>;
  /** One text each, with the lines it is about. */
  readonly told: readonly string[];
}

const TOLD_MAX = 5;

export function reportOf(history: History): HistoryReport {
  const { run, operations, facts } = history;
  const findings = findingsOf(history);
  const count = (isExcused: boolean): Readonly<Record<string, number>> =>
    Object.fromEntries(
      [...findings].map(([name, list]) => [name, list.filter(({ excuse }) => (excuse !== undefined) === isExcused).length] as const),
    );
  const counted: Record<string, number> = {};
  for (const fact of facts) if (fact.fact === "counted") counted[fact.name] = (counted[fact.name] ?? 0) + fact.count;
  return {
    row: run.row,
    part: run.part,
    seed: run.seed,
    rounds: run.rounds,
    operations: operations.length + (counted["operations"] ?? 0),
    violations: count(false),
    excused: count(true),
    unavailableMillis: longestUnavailability(history),
    p99Millis: percentile(
      duringFaults(history).map(({ invokedAt, doneAt }) => doneAt - invokedAt),
      0.99,
    ),
    loggedOut: findings.get("I4")?.length ?? 0,
    counted,
    told: [...findings].flatMap(([name, list]) => texts(name, list)),
  };
}

function texts(name: Named, list: readonly { what: string; lines: readonly number[]; excuse?: string | undefined }[]): readonly string[] {
  const violations = list.filter(({ excuse }) => excuse === undefined);
  const shown = violations.slice(0, TOLD_MAX).map(({ what, lines }) => `${name}: ${what} (lines ${lines.join(", ")})`);
  return violations.length > TOLD_MAX ? [...shown, `${name}: and ${violations.length - TOLD_MAX} more`] : shown;
}

function longestUnavailability({ operations }: History): number {
  let [longest, since] = [0, Infinity];
  for (const operation of operations.toSorted((a, b) => a.doneAt - b.doneAt)) {
    if (isFailed(operation)) since = Math.min(since, operation.doneAt);
    if (operation.outcome === "unknown" || since === Infinity) continue;
    longest = Math.max(longest, operation.doneAt - since);
    since = Infinity;
  }
  return Math.round(longest);
}

export function percentile(values: readonly number[], share: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
  return value === undefined ? undefined : Math.round(value);
}

/** All violations of a report. */
export function violationsIn({ violations }: HistoryReport): number {
  return Object.values(violations).reduce((sum, one) => sum + one, 0);
}
