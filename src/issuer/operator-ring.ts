/** How the operator's commands change the ring: what they may not do, what is written to the audit log, what they give back. */

import { schemeOf } from "../domain/key-uri.ts";
import { KeyError } from "../domain/ports.ts";
import { keyTimes } from "../domain/ring.ts";
import type { Ring } from "../domain/ring.ts";
import { changeRing } from "./change-ring.ts";
import type { RingWish } from "./change-ring.ts";
import { storeAgreed } from "./guards.ts";
import type { KeyRing } from "./key-ring.ts";
import type { SessionParts } from "./parts.ts";
import { stepText } from "./ring-steps.ts";
import type { Force, KeyListing, KeysChanged } from "./types.ts";

export interface ChangeKeysOptions {
  readonly dryRun?: boolean;
  /** As in `ChangeOptions`. */
  readonly announce?: () => Promise<void>;
  readonly force?: Force;
  /** The keys that are taken out: they may be out of reach, and others, too. */
  readonly revoked?: readonly string[];
}

/** Carries out a wish, and what the planner finds lacking then. Throws `KeyError`, `StoreError`, `UnavailableError`. */
export async function changeKeys(
  { context, keyRing, ...parts }: SessionParts,
  wish: RingWish,
  options: ChangeKeysOptions = {},
): Promise<KeysChanged> {
  const { dryRun = false, announce, force, revoked } = options;
  await storeAgreed(keyRing);
  if (keyRing.ring.keys.length === 0) throw new KeyError("there are no keys yet: the first start of the server makes them");
  await keyRing.opened();
  const blindness = force?.force === true ? undefined : blindnessOf(keyRing, revoked ?? []);
  if (blindness !== undefined && revoked === undefined) throw new KeyError(blindness, { isSetup: keyRing.isSetupAtFault });
  const { ring, changes } = await changeRing(context, keyRing, wish, {
    dryRun,
    isRevocation: revoked !== undefined,
    ...(announce && { announce }),
    ...(blindness !== undefined && { makesNone: blindness }),
  });
  const steps = changes.map(stepText);
  if (steps.length > 0 && !dryRun) context.emit({ event: "keys_changed", steps, version: ring.version, ...audited(force) });
  return { keys: listings({ context, keyRing, ...parts }, ring), steps };
}

/** Who can't open the keys there are would make new ones that others can't open. */
function blindnessOf(keyRing: KeyRing, revoked: readonly string[]): string | undefined {
  return keyRing.faultyKids.some((kid) => !revoked.includes(kid)) ? keyRing.faults : undefined;
}

function audited(force: Force | undefined): { readonly reason?: string; readonly forced?: boolean } {
  if (force === undefined) return {};
  return { forced: force.force, ...(force.reason === undefined ? {} : { reason: force.reason }) };
}

export function listings({ context, keyRing }: SessionParts, ring: Ring): readonly KeyListing[] {
  const now = context.clock();
  return ring.keys.map((key) => {
    const { state, retiringAt, retiredAt } = keyTimes(ring, key, now, keyRing.policy);
    return {
      kid: key.kid,
      alg: key.algorithm,
      state,
      custody: schemeOf(key.custody),
      publishedAt: key.publishedAt,
      activeAt: key.activeAt,
      retiringAt,
      retiredAt,
      revokedAt: key.revokedAt,
    };
  });
}
