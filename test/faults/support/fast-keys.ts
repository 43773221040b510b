/** Keys in fast time: seconds instead of days, in the proportions that the ring needs. */

import { RING_LAG_MILLIS } from "../../../src/domain/ring.ts";
import type { KeyAlgorithm } from "../../../src/domain/ring.ts";
import type { KeyListing, Operator } from "../../../src/issuer/types.ts";
import type { Drill } from "../drill/drill.ts";
import type { Rules } from "../history/lines.ts";

const STAGE_SECONDS = 8;
const MAX_AGE_SECONDS = 2;
const LIFETIME_SECONDS = 3;

/**
 * A node may see a new key so long after it was staged (`RING_LAG_MILLIS`), and what it served until then is kept for
 * `jwksMaxAge`: together less than `stageFor`.
 */
export const FAST_KEYS = {
  settings: { algorithms: ["ES256", "EdDSA"], stageFor: `${STAGE_SECONDS}s`, jwksMaxAge: `${MAX_AGE_SECONDS}s` },
  accessToken: { lifetime: `${LIFETIME_SECONDS}s` },
  lifetimeMillis: LIFETIME_SECONDS * 1_000,
} as const;

/** What a drill with such keys is held to: a kid is in every JWK Set from when the slowest issuer has seen it. */
export function fastRules(): Partial<Rules> {
  return { stageForMillis: STAGE_SECONDS * 1_000 - RING_LAG_MILLIS };
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
