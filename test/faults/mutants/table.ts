/** The table of a run of mutants, for people. */

import type { RowReport } from "../runner.ts";
import { aligned } from "../table.ts";
import { violated } from "./run.ts";
import type { MutantReport } from "./run.ts";

const HEAD = ["fault", "file", "row", "seed", "expected", "caught by", "verdict", "s"];

export function mutantTable(reports: readonly MutantReport[], controls: readonly RowReport[], seed: number): string {
  return aligned([HEAD, ...reports.map((report) => cellsOf(report, seed)), ...controls.map((control) => controlCells(control, seed))]);
}

function cellsOf({ mutant, verdict, caughtBy, row }: MutantReport, seed: number): readonly string[] {
  const files = [...new Set(mutant.changes.map(({ file }) => file.replace(/^src\//, "")))];
  const reason = row.skipped ?? (verdict === "caught" ? undefined : row.failed?.split("\n")[0]);
  const said = reason === undefined ? verdict : `${verdict}: ${reason}`;
  return [mutant.name, files.join(", "), row.id, String(seed), mutant.invariant, caughtBy.join(", ") || "-", said, String(row.seconds)];
}

function controlCells(row: RowReport, seed: number): readonly string[] {
  const names = violated(row);
  const said = row.skipped ?? row.failed?.split("\n")[0] ?? (names.length === 0 ? "clean" : "violated");
  return ["(none)", "-", row.id, String(seed), "none", names.join(", ") || "-", said, String(row.seconds)];
}
