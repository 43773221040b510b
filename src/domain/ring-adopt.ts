/** A ring for private parts that were found without one: their tokens may be in the field, so their names must stay. */

import type { FoundKey } from "./ports.ts";
import { EMPTY_RING, type KeyAlgorithm, type Ring, type RingKey, type RingPolicy } from "./ring.ts";

/** The oldest key of each algorithm signs, the others are staged; the planner adds what lacks. */
export function adoptedRing(found: readonly FoundKey[], policy: RingPolicy): Ring {
  return { ...EMPTY_RING, keys: policy.algorithms.flatMap((algorithm) => adoptedKeys(found, algorithm, policy)) };
}

function adoptedKeys(found: readonly FoundKey[], algorithm: KeyAlgorithm, policy: RingPolicy): readonly RingKey[] {
  const ofAlgorithm = found.filter((key) => key.algorithm === algorithm).toSorted((a, b) => a.createdAt - b.createdAt);
  return ofAlgorithm.map((key, index) => ({
    kid: key.kid,
    algorithm,
    ...(key.publicJwk === undefined ? {} : { publicJwk: key.publicJwk }),
    ...(algorithm === "HS256" ? { macVersion: index } : {}),
    custody: key.custody,
    publishedAt: key.createdAt,
    ...(index === 0 ? { activeAt: key.createdAt } : {}),
    longestLifetimeMillis: policy.longestLifetimeMillis(algorithm),
  }));
}
