/** What the operator does to the ring. */

import { type KeyAlgorithm, agedAt, activeKey, keyTimes, RING_LAG_MILLIS, type Ring, type RingKey, stagedKeys } from "../domain/ring.ts";
import { schemeOf } from "../domain/key-uri.ts";
import { KeyError } from "../domain/ports.ts";
import { comingErasures, planRevocation, planRotation } from "../domain/ring-plan.ts";
import { storeAgreed } from "./guards.ts";
import { eraseOver, type RingWish } from "./change-ring.ts";
import type { KeyRing } from "./key-ring.ts";
import { changeKeys, listings } from "./operator-ring.ts";
import type { SessionParts } from "./parts.ts";
import { jwsAlgorithms } from "./ring-policy.ts";
import type { Failed, Force, KeysChanged, Operator, Unsafe } from "./types.ts";

type KeyCommands = Pick<
  Operator,
  "listKeys" | "stageKeys" | "rotateKeys" | "promoteKey" | "revokeKeys" | "pruneKeys" | "exportKeys" | "ringAlgorithms"
>;

export function keyCommands(parts: SessionParts): KeyCommands {
  const { context, keyRing } = parts;
  return {
    async listKeys(mac) {
      await keyRing.reload();
      return listings(parts, keyRing.ring).filter(({ alg }) => (alg === "HS256") === mac);
    },
    stageKeys: (algorithms) => changeKeys(parts, () => algorithms.map((algorithm) => ({ change: "stage", algorithm }))),
    rotateKeys: (algorithms, { dryRun }) => changeKeys(parts, rotation(parts, algorithms), { dryRun }),
    promoteKey: (kid, force) => promote(parts, kid, force),
    revokeKeys: (kids, reason, force) => revokeKeys(parts, kids, { force, reason }),
    async pruneKeys() {
      await storeAgreed(keyRing);
      const erased = [...(await eraseOver(context, keyRing)), ...(await eraseMoved(parts))];
      return { erased, coming: comingErasures(keyRing.ring, keyRing.policy, context.clock()) };
    },
    async exportKeys() {
      await keyRing.reload();
      return keyRing.jwks()?.body.toString() ?? JSON.stringify({ keys: [] });
    },
    ringAlgorithms(which) {
      if (which === "mac") return ["HS256"];
      const signing = jwsAlgorithms(context.policy);
      return which === "signing" ? signing : signing.filter((algorithm) => (algorithm === "ES256") === (which === "ES256"));
    },
  };
}

/** Somebody else's rotation, noticed when our swap is lost, is as good as ours: it is not followed by a second one. */
function rotation({ keyRing }: SessionParts, algorithms: readonly KeyAlgorithm[]): RingWish {
  const seen = new Map<KeyAlgorithm, string>();
  return (ring, now) => {
    const untouched = algorithms.filter((algorithm) => {
      const plan = `${activeKey(ring, algorithm, now)?.kid} ${stagedKeys(ring, algorithm, now)[0]?.activeAt}`;
      const first = seen.get(algorithm) ?? plan;
      seen.set(algorithm, first);
      return first === plan;
    });
    return planRotation(ring, untouched, keyRing.policy, now);
  };
}

/** Files that were left when private parts were moved elsewhere; undefined: of all keys. */
async function eraseMoved({ context, keyRing }: SessionParts, kids?: readonly string[]): Promise<readonly string[]> {
  const erased: string[] = [];
  const isMoved = ({ kid, custody }: RingKey): boolean => schemeOf(custody) !== "file" && (kids?.includes(kid) ?? true);
  for (const { kid } of keyRing.ring.keys.filter(isMoved)) {
    if (await context.custodian.erase({ kid, custody: `file:${kid}` })) erased.push(kid);
  }
  return erased;
}

async function promote(parts: SessionParts, kid: string, force: Force): Promise<KeysChanged | Unsafe | Failed> {
  const { keyRing, context } = parts;
  await keyRing.reload();
  const now = context.clock();
  const key = promotable(keyRing, kid, now);
  if ("failed" in key) return key;
  const risk = youthRisk(parts, key, now);
  if (risk !== undefined && !force.force) return { unsafe: true, risk };
  // Only the slowest node's lag may be left of it by now.
  if (!force.force) await context.sleep(Math.max(0, agedAt(key, keyRing.policy) - now));
  return changeKeys(parts, (ring, at) => (isStaged(ring, kid, at) ? [{ change: "activate", kid, activeAt: at }] : []), { force });
}

/** The staged key of this name, of the ring as it was last read. */
export function promotable({ ring, policy }: KeyRing, kid: string, now: number): RingKey | Failed {
  const key = ring.keys.find((candidate) => candidate.kid === kid);
  if (key === undefined) return { failed: "the ring has no such key" };
  const { state } = keyTimes(ring, key, now, policy);
  return state === "staged" ? key : { failed: `only a staged key can be promoted; this one is ${state}` };
}

function isStaged(ring: Ring, kid: string, now: number): boolean {
  return ring.keys.some((key) => key.kid === kid && stagedKeys(ring, key.algorithm, now).includes(key));
}

/** What it would cost to sign with this key now; undefined where it was staged for long enough, as this node sees it. */
export function youthRisk({ keyRing }: SessionParts, key: RingKey, now: number): string | undefined {
  const { stageForMillis } = keyRing.policy;
  const age = now - key.publishedAt;
  if (age >= stageForMillis) return undefined;
  return `the ${key.algorithm} key ${key.kid} has been published for ${seconds(age)} s of the ${seconds(stageForMillis)} s that verifiers get: those that have not fetched it yet refuse its tokens`;
}

function seconds(millis: number): number {
  return Math.max(0, Math.floor(millis / 1_000));
}

async function revokeKeys(
  parts: SessionParts,
  selection: readonly string[] | "signing" | "all",
  force: Force,
): Promise<KeysChanged | Unsafe | Failed> {
  const { keyRing, context, ends } = parts;
  await storeAgreed(keyRing);
  const now = context.clock();
  const kids = typeof selection === "string" ? livingKeys(parts, selection, now) : selection;
  const keys = kids.map((kid) => keyRing.ring.keys.find((key) => key.kid === kid));
  if (keys.includes(undefined)) return { failed: "the ring has no such key" };
  const risks = keys.flatMap((key) => (key === undefined ? [] : successionRisk(parts, key, kids, now)));
  if (risks.length > 0 && !force.force) return { unsafe: true, risk: [...new Set(risks)].join("; ") };
  // What the log names is revoked by every node that reads it: nothing that is refused or can't be done may get there.
  const announce = async (): Promise<void> => {
    for (const kid of kids) await ends.appendKey(kid, now);
  };
  const result = await changeKeys(parts, (ring, at) => planRevocation(ring, kids, keyRing.policy, at), { announce, force, revoked: kids });
  await eraseRevoked(parts, kids);
  // No node may still sign with it or introspect by it when the command returns.
  await context.sleep(RING_LAG_MILLIS);
  const left = keys.flatMap((key) => (key?.isForeign === undefined ? [] : [key.custody]));
  return { ...result, left };
}

/** It signs no more, whether or not its custodian can be reached; the planner tries again each minute. */
async function eraseRevoked(parts: SessionParts, kids: readonly string[]): Promise<void> {
  const { context, keyRing } = parts;
  for (const erase of [() => eraseOver(context, keyRing), () => eraseMoved(parts, kids)]) {
    try {
      await erase();
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
      context.emit({ event: "trouble", about: "keys", message: error.message });
    }
  }
}

function livingKeys({ keyRing }: SessionParts, which: "signing" | "all", now: number): readonly string[] {
  const isLiving = (key: RingKey): boolean => {
    const { state } = keyTimes(keyRing.ring, key, now, keyRing.policy);
    return (which === "all" || key.algorithm !== "HS256") && state !== "retired" && state !== "revoked";
  };
  return keyRing.ring.keys.filter(isLiving).map((key) => key.kid);
}

/** Only its loss is a reason: whoever stole a MAC key alone can forge no token of a session that he never held one of. */
const MAC_RISK =
  "every session whose refresh token was made with this MAC key ends; where it is not lost, rotate it instead (keys rotate --mac)";

/** Who would sign in the place of a key that signs now, and what that costs. */
function successionRisk(parts: SessionParts, key: RingKey, kids: readonly string[], now: number): readonly string[] {
  const { keyRing } = parts;
  if (key.algorithm === "HS256") return [MAC_RISK];
  if (activeKey(keyRing.ring, key.algorithm, now)?.kid !== key.kid) return [];
  const heir = stagedKeys(keyRing.ring, key.algorithm, now).find((staged) => !kids.includes(staged.kid));
  if (heir === undefined && !keyRing.policy.algorithms.includes(key.algorithm)) return [];
  if (heir === undefined)
    return [`no ${key.algorithm} key would be left but a new one that no verifier has fetched: they refuse its tokens until they do`];
  const risk = youthRisk(parts, heir, now);
  return risk === undefined ? [] : [risk];
}
