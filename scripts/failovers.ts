/**
 * `npm run faults:failovers [-- kind …]`: how many acknowledged revocations are lost in a hundred failovers of each kind.
 *
 *   kind          e.g. `sentinel:kill9`, `sentinel`, `kill9`; all if absent
 *   --count N     failovers of each kind, 100 if absent; a fifth of them where issuers forget (`:forgotten`)
 *   --seed N      the same clients and moments again, as far as machines repeat themselves
 *   --quick       two of each
 *   --json        the reports on stdout as JSON instead of a table
 *   --out FOLDER  for histories and logs; a new folder in the temporary one if absent
 *
 * The table on stdout, progress on stderr. Exit 1: a revocation was lost, an invariant violated, or a series broke off; 2: wrong use.
 */

import { randomInt } from "node:crypto";
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { KINDS } from "../test/faults/failovers/kinds.ts";
import type { FailoverKind } from "../test/faults/failovers/kinds.ts";
import { COUNTED, seriesOf } from "../test/faults/failovers/series.ts";
import { violationsIn } from "../test/faults/report.ts";
import { runRow } from "../test/faults/runner.ts";
import type { RowReport } from "../test/faults/runner.ts";
import { aligned, countsText } from "../test/faults/table.ts";
import { findProgram, installProgram } from "./system-program.ts";
import { REDIS_SERVER } from "./test-programs.ts";

const say = (text: string): void => console.error(text);
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;
// What runs is ended by the exit handlers.
for (const [signal, code] of Object.entries(SIGNALS)) process.on(signal, () => process.exit(code));

const OPTIONS = {
  count: { type: "string", default: "100" },
  seed: { type: "string" },
  quick: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  out: { type: "string" },
} as const;

const FORGOTTEN_SHARE = 5;
const HEAD = [
  "kind",
  "failovers",
  "revocations",
  "lost",
  "ends restored",
  "healed",
  "logged out",
  "longest out (ms)",
  "violations",
  "seed",
  "s",
];

class UsageError extends Error {}

function wholeNumber(name: string, text: string): number {
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

function kindsNamed(names: readonly string[]): readonly FailoverKind[] {
  const isNamed = ({ id }: FailoverKind, name: string): boolean => id === name || id.split(":").includes(name);
  for (const name of names) if (!KINDS.some((kind) => isNamed(kind, name))) throw new UsageError(`there is no kind ${name}`);
  return names.length === 0 ? KINDS : KINDS.filter((kind) => names.some((name) => isNamed(kind, name)));
}

async function run(): Promise<readonly RowReport[]> {
  const { values, positionals } = readArguments();
  const kinds = kindsNamed(positionals);
  const count = wholeNumber("count", values.count);
  const seed = values.seed === undefined ? randomInt(1, 2 ** 31) : wholeNumber("seed", values.seed);
  const folder = values.out === undefined ? mkdtempSync(join(tmpdir(), "mintmark-failovers-")) : resolve(values.out);
  mkdirSync(folder, { recursive: true });
  if (findProgram(REDIS_SERVER) === undefined) installProgram(REDIS_SERVER, say);
  say(`seed ${seed}, histories in ${folder}`);
  const reports: RowReport[] = [];
  for (const kind of kinds) {
    const rounds = values.quick ? undefined : kind.isForgotten ? Math.ceil(count / FORGOTTEN_SHARE) : count;
    const report = await runRow(seriesOf(kind), { seed, rounds, isQuick: values.quick, folder, say });
    for (const text of [...report.parts.flatMap(({ told }) => told), ...(report.failed === undefined ? [] : [report.failed])])
      say(`${kind.id}: ${text}`);
    reports.push(report);
  }
  return reports;
}

function linesOf({ id, seconds, skipped, failed, parts }: RowReport): readonly (readonly string[])[] {
  if (skipped !== undefined) return [[id, `skipped: ${skipped}`]];
  const own = parts.map((part) => {
    const of = (name: string): string => String(part.counted[name] ?? 0);
    const counts = [of(COUNTED.revocations), of(COUNTED.lost), of("ends restored"), of("healed"), String(part.loggedOut)];
    return [
      id,
      String(part.rounds),
      ...counts,
      String(part.unavailableMillis),
      countsText(part.violations),
      String(part.seed),
      String(seconds),
    ];
  });
  return failed === undefined ? own : [...own, [id, `broke off: ${failed.split("\n")[0]}`]];
}

try {
  const reports = await run();
  console.log(process.argv.includes("--json") ? JSON.stringify(reports) : aligned([HEAD, ...reports.flatMap(linesOf)]));
  const isBad = reports.some(({ failed, parts }) => failed !== undefined || parts.some((part) => violationsIn(part) > 0));
  process.exitCode = isBad ? 1 : 0;
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  say(error.message);
  process.exitCode = 2;
}
