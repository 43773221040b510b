/** Two operators at once, and one whose command is killed: what both must leave behind. */

import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import type { KeyAlgorithm } from "../../../src/domain/ring.ts";
import type { Operator } from "../../../src/issuer/types.ts";
import { withDrill } from "../drill/drill.ts";
import type { Drill } from "../drill/drill.ts";
import type { RowContext } from "../rows/row.ts";
import { redisSetup } from "./redis-setup.ts";
import { changeOvers, expectSound, heirOf, newKeys, orphans, ringState, settled } from "./ring-state.ts";
import type { RingState } from "./ring-state.ts";

const STAGE_MILLIS = 1_000;
const STEPS = import.meta.resolve("./step-killer.ts");
const SETTINGS = { keys: { algorithms: ["ES256", "EdDSA"], rotateEvery: "never", stageFor: "1s", jwksMaxAge: "1s" } } as const;
const CROWD = { owners: 2, lossy: 2, browsers: [], robbed: 0, revokers: 1, passwordUsers: 0, thinkMillis: 400 };

const SIGNING: readonly KeyAlgorithm[] = ["ES256", "EdDSA"];

export interface KeyCommand {
  readonly name: string;
  args(before: RingState): readonly string[];
  /** Of which algorithms it lets another key sign. */
  readonly changes: readonly KeyAlgorithm[];
  /** Of which algorithms it makes a key, whatever there is. */
  readonly stages: readonly KeyAlgorithm[];
}

export const ROTATE: KeyCommand = { name: "rotate", args: () => ["keys", "rotate"], changes: SIGNING, stages: [] };
export const ROTATE_MAC: KeyCommand = { name: "rotate --mac", args: () => ["keys", "rotate", "--mac"], changes: ["HS256"], stages: [] };
export const STAGE: KeyCommand = { name: "stage", args: () => ["keys", "stage"], changes: [], stages: SIGNING };
export const PROMOTE: KeyCommand = {
  name: "promote",
  args: (before) => ["keys", "promote", heirOf(before, "ES256") ?? "none"],
  changes: ["ES256"],
  stages: [],
};

export type Pair = readonly [KeyCommand, KeyCommand];
export const PAIRS: readonly Pair[] = [
  [ROTATE, ROTATE],
  [ROTATE, PROMOTE],
  [PROMOTE, PROMOTE],
  [STAGE, ROTATE],
  [ROTATE_MAC, ROTATE_MAC],
];

/** One issuer under a little load, whose keys only operators change. */
export async function withOperators(context: RowContext, use: (drill: Drill, operator: Operator) => Promise<void>): Promise<void> {
  const { redis: _, ...store } = await redisSetup();
  const rules = { stageForMillis: STAGE_MILLIS };
  const options = { store, written: store.written, issuers: 1, crowd: CROWD, rules, settings: SETTINGS };
  await withDrill(context, options, async (drill) => use(drill, await drill.deployment.operator()));
}

export function keysFolder({ deployment }: Drill): string {
  return join(deployment.directory, "keys");
}

/** Both have read the same ring when the first of them swaps it. */
export async function atOnce(drill: Drill, operator: Operator, pair: Pair): Promise<void> {
  const before = await settled(operator, keysFolder(drill), STAGE_MILLIS);
  const place = mkdtempSync(join(drill.deployment.directory, "meeting-"));
  const options = { options: ["--import", STEPS], env: { MINTMARK_TEST_MEET: place } };
  const what = `${pair[0].name} and ${pair[1].name} at once`;
  const ends = await Promise.all(
    pair.map(async (command) => {
      const child = drill.deployment.command(command.args(before), options);
      const code = await child.ended;
      return { code, text: child.tail() };
    }),
  );
  for (const { code, text } of ends) drill.expect(`${what}: exit 0${code === 0 ? "" : `, not ${code}: ${text}`}`, code === 0);
  const after = await ringState(operator, keysFolder(drill));
  for (const algorithm of new Set(pair.flatMap(({ changes }) => changes))) {
    const begun = changeOvers(before, after, algorithm);
    drill.expect(`${what}: one change-over of ${algorithm}, not ${begun.length}`, begun.length === 1);
    drill.expect(`${what}: the ${algorithm} key that was next signs`, begun[0] === heirOf(before, algorithm));
  }
  expectSound(drill, after, what);
  drill.expect(`${what}: no key file is left that the ring does not name`, orphans(after).length <= orphans(before).length);
  drill.count("commands at once", 2);
}

/** Kills the command at the n-th of its steps. False: it had fewer, and came to its end. */
export async function killedAt(drill: Drill, operator: Operator, command: KeyCommand, step: number): Promise<boolean> {
  const before = await settled(operator, keysFolder(drill), STAGE_MILLIS);
  const options = { options: ["--import", STEPS], env: { MINTMARK_TEST_KILL_AT: String(step) } };
  const child = drill.deployment.command(command.args(before), options);
  const end = await child.ended;
  const what = `${command.name}, killed at step ${step}`;
  drill.expect(
    `${what}: it is killed or comes to its end${[0, "SIGKILL"].includes(end) ? "" : ` (${end}): ${child.tail()}`}`,
    [0, "SIGKILL"].includes(end),
  );
  const after = await ringState(operator, keysFolder(drill));
  const isDone = isNew(before, after, command);
  drill.expect(`${what}: the ring is the old one or the new one`, isDone || isOld(before, after));
  if (end === 0) drill.expect(`${what}: exit 0 means done`, isDone);
  expectSound(drill, after, what);
  if (end === "SIGKILL") drill.count(isDone ? "killed with the new ring" : "killed with the old ring", 1);
  drill.count("key files that no ring names", orphans(after).length - orphans(before).length);
  await expectNextWorks(drill, operator, command, what);
  return end === "SIGKILL";
}

function isOld(before: RingState, after: RingState): boolean {
  const spelled = ({ keys }: RingState): string => JSON.stringify(keys.map(({ kid, activeAt }) => [kid, activeAt]));
  return spelled(before) === spelled(after);
}

/** All that the command does, and nothing else. */
function isNew(before: RingState, after: RingState, { changes, stages }: KeyCommand): boolean {
  const all: readonly KeyAlgorithm[] = [...SIGNING, "HS256"];
  return all.every((algorithm) => {
    const begun = changeOvers(before, after, algorithm);
    const made = newKeys(before, after).filter(({ alg }) => alg === algorithm).length;
    const isChanged = changes.includes(algorithm) ? begun.length === 1 && begun[0] === heirOf(before, algorithm) : begun.length === 0;
    // A change-over makes one only where none is left behind the key that signs then.
    const isMade = stages.includes(algorithm) ? made === 1 : changes.includes(algorithm) ? made <= 1 : made === 0;
    return isChanged && isMade;
  });
}

async function expectNextWorks(drill: Drill, operator: Operator, { changes }: KeyCommand, what: string): Promise<void> {
  const before = await settled(operator, keysFolder(drill), STAGE_MILLIS);
  const algorithms = changes.length === 0 ? SIGNING : changes;
  await operator.rotateKeys(algorithms, { dryRun: false });
  const after = await ringState(operator, keysFolder(drill));
  for (const algorithm of algorithms) {
    drill.expect(`${what}: the next rotation works`, changeOvers(before, after, algorithm)[0] === heirOf(before, algorithm));
  }
}
