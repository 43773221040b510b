/** What the operator does to private parts: takes keys in, moves them, seals them again. */

import { schemeOf } from "../domain/key-uri.ts";
import { KeyError, StoreError } from "../domain/ports.ts";
import type { KeySource, NewKey, SealedPart } from "../domain/ports.ts";
import { keyTimes, presenceOf } from "../domain/ring.ts";
import type { Ring, RingKey } from "../domain/ring.ts";
import type { RingChange } from "../domain/ring-plan.ts";
import { fits } from "./change-ring.ts";
import { needsPrivatePart } from "./key-view.ts";
import { changeKeys } from "./operator-ring.ts";
import type { SessionParts } from "./parts.ts";
import type { Failed, KeysChanged, Operator, Rewrapped } from "./types.ts";

type PartCommands = Pick<Operator, "importKey" | "moveKeys" | "rewrapKeys">;

/** A ring that others change all the time is given up on. */
const ATTEMPTS = 5;

export function privatePartCommands(parts: SessionParts): PartCommands {
  return {
    importKey: (source) => importKey(parts, source),
    moveKeys: (from) => moveKeys(parts, from),
    rewrapKeys: () => rewrapKeys(parts),
  };
}

/** It is staged, published from now on, and ages like a key that was made here. */
async function importKey(parts: SessionParts, source: KeySource): Promise<KeysChanged | Failed> {
  const { context, keyRing } = parts;
  await keyRing.reload();
  const { custodian } = context;
  const taken = await custodian.take(source, context.clock(), keyRing.ring);
  const known = presenceOf(keyRing.ring, taken.kid);
  if (known !== undefined) return { failed: known };
  try {
    if (!keyRing.policy.algorithms.includes(taken.algorithm)) throw new KeyError(`the configuration has no ${taken.algorithm} keys`);
    return await changeKeys(parts, ({ keys }) =>
      keys.some(({ kid }) => kid === taken.kid) ? [] : [{ change: "stage", algorithm: taken.algorithm, taken }],
    );
  } catch (error) {
    // A swap of unknown outcome may yet make the ring name it; and a key that was there before is not ours to erase.
    const isNamed = error instanceof StoreError && error.outcome === "unknown";
    if (!isNamed && taken.isForeign === undefined) await custodian.erase(taken);
    throw error;
  }
}

/** Brings private parts from one custodian to where new keys are made; what they were copied from is left as it is. */
async function moveKeys(parts: SessionParts, from: string): Promise<KeysChanged | Failed> {
  const { context, keyRing } = parts;
  await keyRing.reload();
  const now = context.clock();
  const isMoved = (key: RingKey): boolean => schemeOf(key.custody) === from && needsPrivatePart(keyRing.ring, key, keyRing.policy, now);
  const moved: NewKey[] = [];
  for (const key of keyRing.ring.keys.filter(isMoved)) {
    const copy = await context.custodian.copy(key, now, keyRing.ring);
    if (copy !== undefined) moved.push(copy);
  }
  return changeKeys(parts, (ring) => moved.flatMap((copy) => moveOf(ring, copy, from)));
}

function moveOf(ring: Ring, moved: NewKey, from: string): readonly RingChange[] {
  const isThere = ring.keys.some((key) => key.kid === moved.kid && schemeOf(key.custody) === from && key.revokedAt === undefined);
  return isThere && fits(moved, ring) ? [{ change: "move", moved }] : [];
}

/** Key files on this machine, and all that the ring keeps, which changes hands in one swap. */
async function rewrapKeys(parts: SessionParts): Promise<Rewrapped | Failed> {
  const { context, keyRing } = parts;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    await keyRing.reload();
    const { ring } = keyRing;
    const sealed = new Map<string, SealedPart>();
    let inPlace = 0;
    for (const key of ring.keys.filter((candidate) => isKept(parts, candidate))) {
      const part = await context.custodian.rewrap(key, ring);
      if (part === "in place") inPlace += 1;
      else if (part !== undefined) sealed.set(key.kid, part);
    }
    if (sealed.size === 0 && inPlace === 0) return { failed: "nothing is to be sealed: no private part is in a file or in the ring" };
    if (sealed.size === 0) return { files: inPlace, inRing: 0 };
    await changeKeys(parts, (newer) => (areSame(ring, newer) ? [{ change: "rewrap", sealed }] : []));
    // The planner may have had something to do where we had not.
    if (isSealedBy(keyRing.ring, sealed)) return { files: inPlace, inRing: sealed.size };
  }
  return { failed: "the key ring is being changed by others; try again" };
}

/** Whether there is still a private part. */
function isKept({ context, keyRing }: SessionParts, key: RingKey): boolean {
  const { state } = keyTimes(keyRing.ring, key, context.clock(), keyRing.policy);
  return key.sealed !== undefined || (state !== "retired" && state !== "revoked");
}

function isSealedBy({ keys }: Ring, parts: ReadonlyMap<string, SealedPart>): boolean {
  return keys.every(({ kid, sealed }) => sealed === undefined || !parts.has(kid) || sealed === parts.get(kid)?.text);
}

/** Nothing was sealed since: what is sealed again is all there is. */
function areSame(read: Ring, newer: Ring): boolean {
  const parts = ({ keys }: Ring): string => JSON.stringify(keys.map(({ kid, sealed }) => [kid, sealed]));
  return parts(read) === parts(newer);
}
