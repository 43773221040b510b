/** The course that all verifiers are taken over together: good tokens, altered ones, two rotations of every key, a revocation. */

import { pause } from "../figures/support/wait.ts";
import { makeForgersKey, signedByForger, withOtherClaims, withOtherSignature, withUnknownKid } from "./alterations.ts";
import type { ForgersKey } from "./alterations.ts";
import { kidsOf } from "./issuer.ts";
import type { InteropIssuer, Tokens } from "./issuer.ts";
import { ALGORITHMS } from "./types.ts";
import type { Algorithm } from "./types.ts";
import type { Trial } from "./trial.ts";

const STEP_MILLIS = 5_000;
/** The greatest clock tolerance that was met is 60 s. */
const EXPIRED_MILLIS = 70_000;
/** Steps with the last keys, so that those who fetch late are seen too. */
const LAST_STEPS = 4;
export const ROTATIONS = 2;

export interface Course {
  readonly issuer: InteropIssuer;
  readonly trials: readonly Trial[];
  say(text: string): void;
  readonly limit: AbortSignal;
}

export async function runCourse({ issuer, trials, say, limit }: Course): Promise<void> {
  const all = async (of: (trial: Trial) => Promise<void>): Promise<void> => void (await Promise.all(trials.map(of)));
  const began = performance.now();
  const first = await issuer.tokens();
  const brief = await issuer.briefTokens();
  say("good tokens");
  await all((trial) => trial.meet(first));

  say("altered tokens");
  const keys = Object.fromEntries(ALGORITHMS.map((alg) => [alg, makeForgersKey(alg)])) as Record<Algorithm, ForgersKey>;
  const others = await issuer.otherTokens();
  await all((trial) => trial.refuse("tampered", each(first, withOtherSignature)));
  await all((trial) => trial.refuse("tampered", each(first, withOtherClaims)));
  await all((trial) =>
    trial.refuse(
      "tampered",
      each(first, (token, alg) => signedByForger(token, keys[alg])),
    ),
  );
  await all((trial) => trial.refuse("audience", others));
  await all((trial) =>
    trial.refuse(
      "unknown kid",
      each(first, (token, alg) => withUnknownKid(token, keys[alg])),
    ),
  );

  const seen: ReadonlySet<string>[] = [];
  let revokedAt: number | undefined;
  let stepsLeft = LAST_STEPS;
  await issuer.rotateKeys();
  while (stepsLeft > 0) {
    limit.throwIfAborted();
    const tokens = await issuer.tokens();
    const kids = kidsOf(tokens);
    if (isNew(kids, seen.at(-1))) {
      seen.push(kids);
      say(seen.length === 1 ? "waiting for the staged keys" : `rotation ${seen.length - 1} of ${ROTATIONS}`);
      if (seen.length > 1 && seen.length <= ROTATIONS) await issuer.rotateKeys();
    }
    await all((trial) => trial.goOn(tokens));
    if (revokedAt === undefined && seen.length > 1 && performance.now() - began > EXPIRED_MILLIS) {
      await all((trial) => trial.refuse("expired", brief));
      await issuer.revokeKeysOf(first);
      revokedAt = performance.now();
      say("revoked the first keys");
    }
    const since = revokedAt;
    if (since !== undefined) await all((trial) => trial.meetRevoked(first, Math.round((performance.now() - since) / 1_000)));
    if (seen.length > ROTATIONS && revokedAt !== undefined) stepsLeft -= 1;
    await pause(STEP_MILLIS);
  }
}

/** All of them are others: keys of one algorithm may change over a moment before the next one's. */
function isNew(kids: ReadonlySet<string>, before: ReadonlySet<string> | undefined): boolean {
  return before === undefined || [...kids].every((kid) => !before.has(kid));
}

function each(tokens: Tokens, alter: (token: string, alg: Algorithm) => string): Tokens {
  return Object.fromEntries(ALGORITHMS.map((alg) => [alg, alter(tokens[alg], alg)])) as Tokens;
}
