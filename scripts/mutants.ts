/**
 * `npm run faults:mutants [-- NAME …]`: deliberate faults of the product, or some of them by name, each of which a named invariant must catch.
 * Before them each row that they use runs against a copy without a fault, and must find nothing.
 *
 *   --seed N      of all rows
 *   --json        the reports on stdout as JSON instead of a table
 *   --out FOLDER  for histories and logs; a new folder in the temporary one if absent
 *
 * The table on stdout, progress on stderr. Exit 1: a fault was not caught, or a row found something where none was; 2: wrong use.
 */

import { misfits } from "../test/faults/mutants/copy.ts";
import { MUTANTS } from "../test/faults/mutants/list.ts";
import type { Mutant } from "../test/faults/mutants/mutant.ts";
import { isClean, runControl, runMutant } from "../test/faults/mutants/run.ts";
import type { MutantReport, MutantRunOptions } from "../test/faults/mutants/run.ts";
import { mutantTable } from "../test/faults/mutants/table.ts";
import type { RowReport } from "../test/faults/runner.ts";
import { prepare, readArguments, remarksOf, runCommand, say, UsageError, wholeNumber } from "./faults-command.ts";

const SEED = "1";

const OPTIONS = { seed: { type: "string" }, json: { type: "boolean", default: false }, out: { type: "string" } } as const;

function chosen(names: readonly string[]): readonly Mutant[] {
  for (const name of names) if (!MUTANTS.some((mutant) => mutant.name === name)) throw new UsageError(`there is no fault ${name}`);
  const mutants = names.length === 0 ? MUTANTS : MUTANTS.filter(({ name }) => names.includes(name));
  const faults = mutants.flatMap(misfits);
  if (faults.length > 0) throw new UsageError(faults.join("\n"));
  return mutants;
}

/** Each row with the most rounds that one of them asks for. */
async function runControls(mutants: readonly Mutant[], options: MutantRunOptions): Promise<readonly RowReport[]> {
  const rounds = new Map<Mutant["row"], number>();
  for (const mutant of mutants) rounds.set(mutant.row, Math.max(rounds.get(mutant.row) ?? 1, mutant.rounds ?? 1));
  const reports: RowReport[] = [];
  for (const [row, count] of rounds) {
    say(`${row.id}, with no fault`);
    const report = await runControl(row, count, options);
    if (!isClean(report)) for (const text of remarksOf(report)) say(text);
    reports.push(report);
  }
  return reports;
}

async function runMutants(mutants: readonly Mutant[], options: MutantRunOptions): Promise<readonly MutantReport[]> {
  const reports: MutantReport[] = [];
  for (const mutant of mutants) {
    say(`${mutant.name}: ${mutant.what} (${mutant.row.id})`);
    const report = await runMutant(mutant, options);
    say(`${mutant.name}: ${report.verdict} (${report.caughtBy.join(", ")}, ${report.row.seconds} s)`);
    if (report.verdict !== "caught") for (const text of remarksOf(report.row)) say(text);
    reports.push(report);
  }
  return reports;
}

async function run(): Promise<boolean> {
  const { values, positionals } = readArguments(OPTIONS);
  const seed = wholeNumber("seed", values.seed ?? SEED);
  const mutants = chosen(positionals);
  const folder = prepare("mutants", values.out, seed);
  const options = { seed, folder, say: () => undefined };
  const controls = await runControls(mutants, options);
  const reports = await runMutants(mutants, options);
  console.log(values.json ? JSON.stringify({ controls, reports }) : mutantTable(reports, controls, seed));
  return controls.every(isClean) && reports.every(({ verdict }) => verdict !== "not caught" && verdict !== "by another");
}

await runCommand(run);
