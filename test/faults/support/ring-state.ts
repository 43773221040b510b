/** What the store's ring and the folder of the key files say, and what must hold of both whatever became of a command. */

import { readdirSync } from "node:fs";
import { pause, until } from "../../../scripts/figures/support/wait.ts";
import { agedAt, type KeyAlgorithm } from "../../../src/domain/ring.ts";
import type { KeyListing, Operator } from "../../../src/issuer/types.ts";
import { openLocalCustodian } from "../../../src/signers/local.ts";
import type { Drill } from "../drill/drill.ts";

const AGED_MILLIS_MAX = 60_000;
/** What a killed process has sent is still read by the server. */
const READ_MILLIS = 50;
/** Staged keys of an algorithm: below the first, so many more are made. */
const [STOCK_MIN, STOCK] = [4, 16];
const ALGORITHMS: readonly KeyAlgorithm[] = ["ES256", "EdDSA", "HS256"];

export interface RingState {
  readonly keys: readonly KeyListing[];
  /** Whole key files, by kid. */
  readonly files: readonly string[];
  /** Names of files that were not finished. */
  readonly temporary: readonly string[];
}

/** `directory`: the folder of the key files. */
export async function ringState(operator: Operator, directory: string): Promise<RingState> {
  await pause(READ_MILLIS);
  const keys = [...(await operator.listKeys(false)), ...(await operator.listKeys(true))];
  const custodian = openLocalCustodian({
    directory,
    strictPermissions: true,
    random: (count) => new Uint8Array(count),
    onWarning: () => undefined,
  });
  const files = (await custodian.find()).map(({ kid }) => kid);
  return { keys, files, temporary: readdirSync(directory).filter((name) => name.endsWith(".tmp")) };
}

/** The key that is the next to sign. */
export function heirOf({ keys }: RingState, algorithm: KeyAlgorithm): string | undefined {
  return keys.filter(({ alg, state }) => alg === algorithm && state === "staged").toSorted((a, b) => a.publishedAt - b.publishedAt)[0]?.kid;
}

/**
 * Resolves when the next key of each algorithm is old enough to sign and no change-over is planned. A stock of staged keys ages
 * meanwhile, so that the one after it has not to be waited for.
 */
export async function settled(operator: Operator, directory: string, stageForMillis: number): Promise<RingState> {
  let state = await ringState(operator, directory);
  const stagedOf = (algorithm: KeyAlgorithm): readonly KeyListing[] =>
    state.keys.filter((key) => key.alg === algorithm && key.state === "staged").toSorted((a, b) => a.publishedAt - b.publishedAt);
  const scarce = ALGORITHMS.filter((algorithm) => stagedOf(algorithm).length < STOCK_MIN);
  if (scarce.length > 0) await operator.stageKeys(scarce.flatMap((algorithm) => Array.from({ length: STOCK }, () => algorithm)));
  const isSettled = (): boolean =>
    ALGORITHMS.every((algorithm) => {
      const staged = stagedOf(algorithm);
      const [first] = staged;
      return (
        first !== undefined && Date.now() > agedAt(first, { stageForMillis }) && staged.every(({ activeAt }) => activeAt === undefined)
      );
    });
  await until(
    "the next keys are aged",
    async () => {
      state = await ringState(operator, directory);
      return isSettled();
    },
    AGED_MILLIS_MAX,
  );
  return state;
}

/** Keys that begin, or are to begin, to sign and were not before. */
export function changeOvers(before: RingState, after: RingState, algorithm: KeyAlgorithm): readonly string[] {
  const known = new Set(before.keys.filter(({ activeAt }) => activeAt !== undefined).map(({ kid }) => kid));
  return after.keys
    .filter(({ alg, kid, activeAt }) => alg === algorithm && activeAt !== undefined && !known.has(kid))
    .map(({ kid }) => kid);
}

export function newKeys(before: RingState, after: RingState): readonly KeyListing[] {
  const known = new Set(before.keys.map(({ kid }) => kid));
  return after.keys.filter(({ kid }) => !known.has(kid));
}

/** Key files that no ring names. */
export function orphans({ keys, files }: RingState): readonly string[] {
  const named = new Set(keys.map(({ kid }) => kid));
  return files.filter((kid) => !named.has(kid));
}

/** One key that signs, another behind it, and a whole file for each. */
export function expectSound(drill: Drill, { keys, files }: RingState, after: string): void {
  for (const algorithm of ALGORITHMS) {
    const count = (state: string): number => keys.filter((key) => key.alg === algorithm && key.state === state).length;
    drill.expect(`${after}: one ${algorithm} key is active, not ${count("active")}`, count("active") === 1);
    drill.expect(`${after}: a staged ${algorithm} key is behind it`, count("staged") >= 1);
  }
  const needed = keys.filter(({ alg, state }) => state === "staged" || state === "active" || (state === "retiring" && alg === "HS256"));
  for (const { kid } of needed) drill.expect(`${after}: key ${kid} of the ring can be opened`, files.includes(kid));
}
