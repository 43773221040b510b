/**
 * `npm run faults [-- F1 F3 …]`: the matrix of faults, or some rows of it, against issuers and Redis processes of its own.
 *
 *   --seed N      the same clients and faults again, as far as machines repeat themselves
 *   --rounds N    of each row; --minutes N is the same, for the soak (F26), of which a round is a minute
 *   --quick       a few rounds of each
 *   --json        the reports on stdout as JSON instead of a table
 *   --out FOLDER  for histories and logs; a new folder in the temporary one if absent
 *   --main FILE   the issuer's program, e.g. a changed copy of src/main.ts
 *   --untimed     how long answers take is not judged
 *   --check FILE  checks a history again, and runs nothing
 *
 * The table on stdout, progress on stderr. Exit 1: an invariant was violated, or a row broke off; 2: wrong use.
 */

import { resolve } from "node:path";
import { readHistory } from "../test/faults/history/read.ts";
import { reportOf } from "../test/faults/report.ts";
import { NOT_YET, ROWS, SOAK } from "../test/faults/rows/index.ts";
import { runRow } from "../test/faults/runner.ts";
import type { RowReport } from "../test/faults/runner.ts";
import { tableOf } from "../test/faults/table.ts";
import { isBad, prepare, readArguments, remarksOf, runCommand, say, seedOf, UsageError, wholeNumber } from "./faults-command.ts";

const OPTIONS = {
  seed: { type: "string" },
  rounds: { type: "string" },
  minutes: { type: "string" },
  quick: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  out: { type: "string" },
  main: { type: "string" },
  untimed: { type: "boolean", default: false },
  check: { type: "string" },
} as const;

async function run(): Promise<boolean> {
  const { values, positionals } = readArguments(OPTIONS);
  const reports = values.check === undefined ? await runRows(values, positionals) : [checked(values.check)];
  console.log(values.json ? JSON.stringify(reports) : tableOf(reports));
  return !reports.some(isBad);
}

type Values = ReturnType<typeof readArguments<typeof OPTIONS>>["values"];

async function runRows(values: Values, positionals: readonly string[]): Promise<readonly RowReport[]> {
  const ids = positionals.map((id) => id.toUpperCase());
  const known = new Set([...[...ROWS, SOAK].map(({ id }) => id), ...Object.keys(NOT_YET)]);
  for (const id of ids) if (!known.has(id)) throw new UsageError(`there is no row ${id}`);
  const seed = seedOf(values.seed);
  const asked = values.rounds ?? values.minutes;
  const rounds = asked === undefined ? undefined : wholeNumber(values.rounds === undefined ? "minutes" : "rounds", asked);
  const folder = prepare("faults", values.out, seed);

  const reports: RowReport[] = [];
  for (const row of ids.length === 0 ? ROWS : [...ROWS, SOAK].filter(({ id }) => ids.includes(id))) {
    say(`${row.id}: ${row.title} (about ${row.minutes} min)`);
    const main = values.main === undefined ? undefined : resolve(values.main);
    const report = await runRow(row, { seed, rounds, isQuick: values.quick, folder, main, isTimed: !values.untimed, say });
    for (const text of remarksOf(report)) say(text);
    reports.push(report);
  }
  const missing = Object.entries(NOT_YET).filter(([id]) => ids.length === 0 || ids.includes(id));
  return [...reports, ...missing.map(([id, skipped]) => ({ id, title: "", seconds: 0, skipped, parts: [], histories: [] }))];
}

function checked(path: string): RowReport {
  const report = reportOf(readHistory(path));
  for (const text of report.told) say(text);
  return { id: report.row, title: "", seconds: 0, parts: [report], histories: [path] };
}

await runCommand(run);
