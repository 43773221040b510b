/** Keys in fast time: seconds instead of days, in the proportions that the ring needs. */

import type { KeyAlgorithm } from "../../../src/domain/ring.ts";
import type { KeyListing, Operator } from "../../../src/issuer/types.ts";
import type { Drill } from "../drill/drill.ts";
import type { Rules } from "../history/lines.ts";

const STAGE_SECONDS = 3;
const MAX_AGE_SECONDS = 2;
const LIFETIME_SECONDS = 3;

/** A key signs 5 s (the lag of the slowest node) after it was staged for that long. */
export const FAST_KEYS = {
  settings: { algorithms: ["ES256", "EdDSA"], stageFor: `${STAGE_SECONDS}s`, jwksMaxAge: `${MAX_AGE_SECONDS}s` },
  accessToken: { lifetime: `${LIFETIME_SECONDS}s` },
  lifetimeMillis: LIFETIME_SECONDS * 1_000,
} as const;

/** What a drill with such keys is held to: a kid that signs was in every JWK Set of the `stageFor` before. */
export function fastRules(): Partial<Rules> {
  return { stageForMillis: STAGE_SECONDS * 1_000 };
}

export async function keysOf(operator: Operator, algorithm: KeyAlgorithm): Promise<readonly KeyListing[]> {
  return (await operator.listKeys(algorithm === "HS256")).filter(({ alg }) => alg === algorithm);
}

export async function activeKid(operator: Operator, algorithm: KeyAlgorithm): Promise<string | undefined> {
  return (await keysOf(operator, algorithm)).find(({ state }) => state === "active")?.kid;
}

/** A command of the command line; that it succeeds is expected. */
export async function mustRun(drill: Drill, args: readonly string[]): Promise<void> {
  const child = drill.deployment.command(args);
  const code = await child.ended;
  drill.expect(`mintmark ${args.join(" ")} is exit 0${code === 0 ? "" : `, not ${code}: ${child.tail()}`}`, code === 0);
}
