/** The table of a run, for people. */

import { violationsIn } from "./report.ts";
import type { HistoryReport } from "./report.ts";
import type { RowReport } from "./runner.ts";

const HEAD = [
  "row",
  "rounds",
  "operations",
  "seed",
  "violations",
  "excused",
  "longest out (ms)",
  "p99 in fault (ms)",
  "healed",
  "logged out",
  "s",
];

export function tableOf(rows: readonly RowReport[]): string {
  return aligned([HEAD, ...rows.flatMap(linesOf)]);
}

/** Lines of cells under each other. The first line is the head; a line with fewer cells stands as it is. */
export function aligned(lines: readonly (readonly string[])[]): string {
  const [head = []] = lines;
  const isWhole = (cells: readonly string[]): boolean => cells.length === head.length;
  const widths = head.map((_, column) => Math.max(...lines.map((cells) => (isWhole(cells) ? (cells[column] ?? "").length : 0))));
  return lines
    .map((cells) =>
      cells
        .map((cell, column) => cell.padEnd(isWhole(cells) ? (widths[column] ?? 0) : 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function linesOf({ id, seconds, skipped, failed, parts }: RowReport): readonly (readonly string[])[] {
  if (skipped !== undefined) return [[id, `skipped: ${skipped}`]];
  const own = parts.map((part, index) => cellsOf(part, index === 0 ? String(seconds) : ""));
  return failed === undefined ? own : [...own, [id, `broke off: ${failed.split("\n")[0]}`]];
}

function cellsOf(report: HistoryReport, seconds: string): readonly string[] {
  const { row, part, rounds, operations, seed, violations, excused, unavailableMillis, p99Millis, loggedOut, counted } = report;
  return [
    part === "" ? row : `${row} ${part}`,
    String(rounds),
    String(operations),
    String(seed),
    violationsIn(report) === 0 ? `0 of ${Object.keys(violations).length}` : countsText(violations),
    countsText(excused),
    String(unavailableMillis),
    p99Millis === undefined ? "-" : String(p99Millis),
    String(counted["healed"] ?? 0),
    String(loggedOut),
    seconds,
  ];
}

export function countsText(counts: Readonly<Record<string, number>>): string {
  const some = Object.entries(counts).filter(([, count]) => count > 0);
  return some.length === 0 ? "0" : some.map(([name, count]) => `${name}: ${count}`).join(", ");
}
