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

import { randomInt } from "node:crypto";
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { readHistory } from "../test/faults/history/read.ts";
import { reportOf, violationsIn } from "../test/faults/report.ts";
import { NOT_YET, ROWS, SOAK } from "../test/faults/rows/index.ts";
import { runRow } from "../test/faults/runner.ts";
import type { RowReport } from "../test/faults/runner.ts";
import { tableOf } from "../test/faults/table.ts";
import { findProgram, installProgram } from "./system-program.ts";
import { REDIS_SERVER } from "./test-programs.ts";

const say = (text: string): void => console.error(text);
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;
// What runs is ended by the exit handlers.
for (const [signal, code] of Object.entries(SIGNALS)) process.on(signal, () => process.exit(code));

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

class UsageError extends Error {}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) throw new UsageError(`--${name} is a number of 1 or more`);
  return number;
}

function readArguments() {
  try {
    return parseArgs({ options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

async function run(): Promise<readonly RowReport[]> {
  const { values, positionals } = readArguments();
  if (values.check !== undefined) return [checked(values.check)];
  const ids = positionals.map((id) => id.toUpperCase());
  const known = new Set([...[...ROWS, SOAK].map(({ id }) => id), ...Object.keys(NOT_YET)]);
  for (const id of ids) if (!known.has(id)) throw new UsageError(`there is no row ${id}`);
  const seed = wholeNumber("seed", values.seed) ?? randomInt(1, 2 ** 31);
  const rounds = wholeNumber("rounds", values.rounds ?? values.minutes);
  const folder = values.out === undefined ? mkdtempSync(join(tmpdir(), "mintmark-faults-")) : resolve(values.out);
  mkdirSync(folder, { recursive: true });
  if (findProgram(REDIS_SERVER) === undefined) installProgram(REDIS_SERVER, say);
  say(`seed ${seed}, histories in ${folder}`);

  const reports: RowReport[] = [];
  for (const row of ids.length === 0 ? ROWS : [...ROWS, SOAK].filter(({ id }) => ids.includes(id))) {
    say(`${row.id}: ${row.title} (about ${row.minutes} min)`);
    const main = values.main === undefined ? undefined : resolve(values.main);
    const report = await runRow(row, { seed, rounds, isQuick: values.quick, folder, main, isTimed: !values.untimed, say });
    for (const text of [...report.parts.flatMap(({ told }) => told), ...(report.failed === undefined ? [] : [report.failed])])
      say(`${row.id}: ${text}`);
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

try {
  const reports = await run();
  console.log(process.argv.includes("--json") ? JSON.stringify(reports) : tableOf(reports));
  const isBad = reports.some(({ failed, parts }) => failed !== undefined || parts.some((part) => violationsIn(part) > 0));
  process.exitCode = isBad ? 1 : 0;
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  say(error.message);
  process.exitCode = 2;
}
