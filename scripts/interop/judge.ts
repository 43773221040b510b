/** What was seen beside what is expected. */

import { ALGORITHMS } from "./types.ts";
import { ALTERATIONS } from "./trial.ts";
import { ROTATIONS } from "./course.ts";
import type { Facts } from "./trial.ts";
import type { Verifier } from "./verifiers.ts";

/** One text for each thing that is otherwise than expected; none is the good case. */
export function deviations(verifier: Verifier, facts: Facts): readonly string[] {
  const { good, altered, rotation } = facts;
  const verified = ALGORITHMS.flatMap((alg) => {
    const isExpected = verifier.verifies.includes(alg);
    const verdict = good[alg];
    if (verdict.ok === isExpected) return [];
    return [verdict.ok ? `verifies ${alg}, which was not expected` : `refuses a good token of ${alg}: ${verdict.why}`];
  });
  const isAny = ALGORITHMS.some((alg) => good[alg].ok);
  const refused = ALTERATIONS.flatMap((alteration) => {
    if (altered[alteration].some(({ ok }) => ok)) return [`accepts a token that it must refuse: ${alteration}`];
    return isAny && altered[alteration].length === 0 ? [`was not asked: ${alteration}`] : [];
  });
  return [...verified, ...refused, ...(isAny ? faultsOverRotation(rotation) : [])];
}

function faultsOverRotation({ keys, presented, refusals }: Facts["rotation"]): readonly string[] {
  const [refusal] = refusals;
  if (refusal !== undefined) return [`refused ${refusals.length} of ${presented} good tokens over a rotation: ${refusal}`];
  return keys <= ROTATIONS ? [`saw ${keys} keys of an algorithm, which is not ${ROTATIONS} rotations`] : [];
}
