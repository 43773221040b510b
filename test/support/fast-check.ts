/**
 * fast-check as every test here uses it. Its seed is the same each time, so that a run says something about the change and
 * not about its luck; to look for new counterexamples: `MINTMARK_SEED=random MINTMARK_RUNS=20 npm test test/domain`. A number
 * as MINTMARK_SEED repeats what a failure printed.
 */

import fc from "fast-check";

const { MINTMARK_SEED: seed = "20261121", MINTMARK_RUNS: factor = "1" } = process.env;

/** How often a property is tried; MINTMARK_RUNS multiplies it. */
export function runs(usual: number): number {
  return Math.max(1, Math.round(usual * Number(factor)));
}

// fast-check takes 32 bits.
const chosen = seed === "random" ? Math.floor(Math.random() * 2 ** 31) : Number(seed);
if (!Number.isSafeInteger(chosen)) throw new Error('MINTMARK_SEED is a whole number or "random"');
fc.configureGlobal({ seed: chosen, numRuns: runs(100) });

export default fc;
