/** The deliberate faults fit the source of today, the page names them all, and one of them is caught. */

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { skipWithoutRedis } from "../support/redis.ts";
import { makeCopy, misfits } from "./mutants/copy.ts";
import { MUTANTS } from "./mutants/list.ts";
import type { Mutant } from "./mutants/mutant.ts";
import { runMutant } from "./mutants/run.ts";

// On a machine that is slow and busy.
t.setTimeout(300_000);

const ROOT = join(import.meta.dirname, "../..");
const SEED = 20_261_128;

function named(name: string): Mutant {
  const mutant = MUTANTS.find((one) => one.name === name);
  if (mutant === undefined) throw new TypeError(`there is no fault ${name}`);
  return mutant;
}

t.test("what each fault replaces occurs once in the source", async (t) => {
  t.same(MUTANTS.flatMap(misfits), []);
  t.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length, "each has a name of its own");
});

t.test("a fault that does not fit is told, and no copy is made of it", async (t) => {
  const change = { file: "src/main.ts", find: "import", replace: "" };
  const [some = "", ...more] = misfits({ ...named("retry-rotates"), name: "many", changes: [change, { ...change, find: "not there" }] });
  t.match(some, /^many: its text occurs [0-9]+ times in src\/main.ts/);
  t.match(more, [/occurs 0 times/]);
  t.throws(() => makeCopy("many", [change]), /occurs [0-9]+ times in src\/main.ts, not once/);
});

t.test("a copy has the change, is whole otherwise, and goes", async (t) => {
  const [change] = named("no-reconnect").changes;
  if (change === undefined) throw new TypeError("it changes something");
  const copy = makeCopy("a-test", [change]);
  const folder = join(copy.main, "../..");
  const [original, changed] = [ROOT, folder].map((root) => readFileSync(join(root, change.file), "utf8"));
  t.equal(
    changed,
    original?.replace(change.find, () => change.replace),
  );
  t.equal(readFileSync(copy.main, "utf8"), readFileSync(join(ROOT, "src/main.ts"), "utf8"));
  copy.remove();
  t.notOk(existsSync(folder));
});

t.test("the page has the list", async (t) => {
  const section = readFileSync(join(ROOT, "docs/faults.md"), "utf8").split("\n## Mutants\n")[1]?.split("\n## ")[0] ?? "";
  const documented = section.split("\n").filter((line) => line.startsWith("| `"));
  const known = MUTANTS.map(({ name, what, row, invariant }) => `| \`${name}\` | ${what} | ${row.id} | ${invariant} |`);
  t.same(documented, known);
});

t.test("a fault is caught by the invariant that it names", { skip: skipWithoutRedis }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "mintmark-mutants-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const mutant = named("compares-nothing");
  const { verdict, caughtBy, row } = await runMutant(mutant, { seed: SEED, folder, say: (text) => t.comment(text) });
  t.equal(verdict, "caught", row.failed ?? row.parts.flatMap(({ told }) => told).join("\n"));
  t.ok(caughtBy.includes(mutant.invariant));
  t.equal(row.failed, undefined, "the drill came to its end");
});
