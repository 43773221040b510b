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

import { KINDS } from "../test/faults/failovers/kinds.ts";
import type { FailoverKind } from "../test/faults/failovers/kinds.ts";
import { COUNTED, seriesOf } from "../test/faults/failovers/series.ts";
import { runRow } from "../test/faults/runner.ts";
import type { RowReport } from "../test/faults/runner.ts";
import { aligned, countsText } from "../test/faults/table.ts";
import { isBad, prepare, readArguments, remarksOf, runCommand, say, seedOf, UsageError, wholeNumber } from "./faults-command.ts";

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

function kindsNamed(names: readonly string[]): readonly FailoverKind[] {
  const isNamed = ({ id }: FailoverKind, name: string): boolean => id === name || id.split(":").includes(name);
  for (const name of names) if (!KINDS.some((kind) => isNamed(kind, name))) throw new UsageError(`there is no kind ${name}`);
  return names.length === 0 ? KINDS : KINDS.filter((kind) => names.some((name) => isNamed(kind, name)));
}

async function run(): Promise<boolean> {
  const { values, positionals } = readArguments(OPTIONS);
  const kinds = kindsNamed(positionals);
  const count = wholeNumber("count", values.count);
  const seed = seedOf(values.seed);
  const folder = prepare("failovers", values.out, seed);
  const reports: RowReport[] = [];
  for (const kind of kinds) {
    const rounds = values.quick ? undefined : kind.isForgotten ? Math.ceil(count / FORGOTTEN_SHARE) : count;
    const report = await runRow(seriesOf(kind), { seed, rounds, isQuick: values.quick, folder, say });
    for (const text of remarksOf(report)) say(text);
    reports.push(report);
  }
  console.log(values.json ? JSON.stringify(reports) : aligned([HEAD, ...reports.flatMap(linesOf)]));
  return !reports.some(isBad);
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

await runCommand(run);
