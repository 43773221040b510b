/**
 * `npm run interop`: verifiers nobody here wrote, on tokens of a running issuer; writes the matrix to docs/interop.md. `--only NAME`,
 * which may be repeated, asks some of them and writes nothing; `--stage-for SECONDS` rotates at another pace. Exit 0: each that could run behaved as expected.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { type } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { prepareApache } from "./interop/apache.ts";
import { runCourse } from "./interop/course.ts";
import { InteropIssuer } from "./interop/issuer.ts";
import { deviations } from "./interop/judge.ts";
import { prepareLanguage } from "./interop/languages.ts";
import { rewritten, tables } from "./interop/report.ts";
import type { Row, Run } from "./interop/report.ts";
import { say } from "./interop/system.ts";
import { Trial } from "./interop/trial.ts";
import type { Missing, Opened, PrepareSurrounding } from "./interop/types.ts";
import { VERIFIERS } from "./interop/verifiers.ts";
import type { SurroundingName, Verifier } from "./interop/verifiers.ts";

const ROOT = dirname(import.meta.dirname);
const DOCUMENT = join(ROOT, "docs/interop.md");
/** More than the longest pause that a verifier makes between two fetches by itself (keyfunc: 5 min, from the first rotation to the second). */
const STAGE_FOR_SECONDS = 150;
const COURSE_MILLIS_MAX = 380_000;

const { values } = parseArgs({
  options: { only: { type: "string", multiple: true }, "stage-for": { type: "string", default: String(STAGE_FOR_SECONDS) } },
});
const { only } = values;
const stageForSeconds = Number(values["stage-for"]);
const chosen = VERIFIERS.filter(({ name }) => only === undefined || only.includes(name));

// The exit handlers end what was started and remove its folders.
for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143 })) process.on(signal, () => process.exit(code));

const ends: (() => Promise<void>)[] = [];

const PREPARE: Readonly<Record<SurroundingName, PrepareSurrounding>> = {
  npm: prepareLanguage("npm"),
  python: prepareLanguage("python"),
  go: prepareLanguage("go"),
  java: prepareLanguage("java"),
  perl: prepareLanguage("perl"),
  ruby: prepareLanguage("ruby"),
  apache: prepareApache,
};

/** By surrounding: its verifiers by name, or why there are none. */
type Surroundings = ReadonlyMap<SurroundingName, ReadonlyMap<string, Opened> | Missing>;

async function openAll(): Promise<{ readonly issuer: InteropIssuer; readonly surroundings: Surroundings }> {
  const names = [...new Set(chosen.map(({ surrounding }) => surrounding))];
  say(`preparing ${names.join(", ")}`);
  const prepared = await Promise.all(names.map(async (name) => [name, await PREPARE[name]()] as const));
  // Only now: the first rotation counts from the start of the issuer.
  const issuer = await InteropIssuer.start((end) => void ends.push(end), stageForSeconds);
  say(`an issuer at ${issuer.setting.issuer}`);
  const opening = prepared.map(async ([name, open]): Promise<[SurroundingName, ReadonlyMap<string, Opened> | Missing]> => {
    const surrounding = "missing" in open ? open : await open(issuer.setting);
    if ("missing" in surrounding) return [name, surrounding];
    ends.push(() => surrounding.close());
    return [name, surrounding.verifiers];
  });
  return { issuer, surroundings: new Map(await Promise.all(opening)) };
}

function openedOf({ surrounding, name }: Verifier, surroundings: Surroundings): Opened {
  const there = surroundings.get(surrounding) ?? { missing: `no ${surrounding}` };
  return "missing" in there ? there : (there.get(name) ?? { missing: "its host does not know it" });
}

async function verifyAll(): Promise<readonly Row[]> {
  const { issuer, surroundings } = await openAll();
  const asked = chosen.map((verifier) => {
    const opened = openedOf(verifier, surroundings);
    return { verifier, outcome: "missing" in opened ? opened : new Trial(opened, issuer.setting.resources) };
  });
  const trials = asked.flatMap(({ outcome }) => ("missing" in outcome ? [] : [outcome]));
  say(`${trials.length} of ${asked.length} verifiers`);
  await runCourse({ issuer, trials, say, limit: AbortSignal.timeout(COURSE_MILLIS_MAX) });
  return asked.map(({ verifier, outcome }) => ({ verifier, outcome: "missing" in outcome ? outcome : outcome.facts() }));
}

function runOf(rows: readonly Row[]): Run {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
  const on = [`mintmark ${version}`, `Node.js ${process.versions.node}`, type()];
  return { rows, date: new Date().toISOString().slice(0, 10), on, stageForSeconds };
}

async function main(): Promise<number> {
  const run = runOf(await verifyAll());
  if (only === undefined) writeFileSync(DOCUMENT, rewritten(readFileSync(DOCUMENT, "utf8"), run));
  console.log(tables(run));
  const found = run.rows.flatMap(({ verifier, outcome }) => {
    return "missing" in outcome ? [] : deviations(verifier, outcome).map((text) => `${verifier.name} ${text}`);
  });
  for (const text of found) say(`not as expected: ${text}`);
  return found.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  say(`the run broke off: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
} finally {
  for (const end of ends.toReversed()) await end();
}
// Where it broke off, something may still be opening.
process.exit();
