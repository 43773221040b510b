/** Runs a row against a changed copy of the product, and says who noticed. */

import { violationsIn } from "../report.ts";
import type { Row } from "../rows/row.ts";
import { runRow } from "../runner.ts";
import type { RowReport } from "../runner.ts";
import { makeCopy } from "./copy.ts";
import type { Change, Mutant } from "./mutant.ts";

/** `by another`: it was caught, but not by what was promised. */
export type Verdict = "caught" | "by another" | "not caught" | "skipped";

export interface MutantReport {
  readonly mutant: Mutant;
  readonly verdict: Verdict;
  /** The invariants that it violated. */
  readonly caughtBy: readonly string[];
  readonly row: RowReport;
}

export interface MutantRunOptions {
  readonly seed: number;
  /** For histories and logs. */
  readonly folder: string;
  readonly say: (text: string) => void;
}

export async function runMutant(mutant: Mutant, options: MutantRunOptions): Promise<MutantReport> {
  const { name, changes, row, rounds = 1, invariant } = mutant;
  const report = await runCopy(name, changes, row, rounds, options);
  const caughtBy = violated(report);
  return { mutant, verdict: verdictOf(report, caughtBy, invariant), caughtBy, row: report };
}

/** The row against a copy without a fault: it finds nothing. */
export function runControl(row: Row, rounds: number, options: MutantRunOptions): Promise<RowReport> {
  return runCopy("control", [], row, rounds, options);
}

/** How long answers take is judged by those drills alone that are about it. */
async function runCopy(
  name: string,
  changes: readonly Change[],
  row: Row,
  rounds: number,
  { seed, folder, say }: MutantRunOptions,
): Promise<RowReport> {
  const copy = makeCopy(name, changes);
  try {
    return await runRow(row, { seed, rounds, folder: `${folder}/${name}`, main: copy.main, isTimed: false, say });
  } finally {
    copy.remove();
  }
}

export function violated({ parts }: RowReport): readonly string[] {
  const names = parts.flatMap(({ violations }) => Object.entries(violations).flatMap(([name, count]) => (count > 0 ? [name] : [])));
  return [...new Set(names)];
}

/** Whether nothing was found, and the row came to its end. */
export function isClean({ failed, parts }: RowReport): boolean {
  return failed === undefined && parts.every((part) => violationsIn(part) === 0);
}

function verdictOf({ skipped }: RowReport, caughtBy: readonly string[], promised: string): Verdict {
  if (skipped !== undefined) return "skipped";
  if (caughtBy.includes(promised)) return "caught";
  return caughtBy.length > 0 ? "by another" : "not caught";
}
