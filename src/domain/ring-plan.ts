/** What to do to the ring: the planner's rules and the operator's wishes, as changes to a timeline. */

import { KeyError, type NewKey, type SealedPart } from "./ports.ts";
import {
  activeKey,
  agedAt,
  type KeyAlgorithm,
  type KeyTimes,
  keyTimes,
  type Ring,
  type RingKey,
  type RingPolicy,
  stagedKeys,
} from "./ring.ts";

export type RingChange =
  /** `taken`: a key that was taken in; a new one is made where it is absent. */
  | { readonly change: "stage"; readonly algorithm: KeyAlgorithm; readonly activeAt?: number; readonly taken?: NewKey }
  | { readonly change: "activate"; readonly kid: string; readonly activeAt: number }
  | { readonly change: "revoke"; readonly kid: string; readonly at: number }
  | { readonly change: "raise"; readonly kid: string; readonly lifetimeMillis: number }
  /** The private part is kept elsewhere from now on. */
  | { readonly change: "move"; readonly moved: NewKey }
  /** All sealed parts at once: they are under one key-encryption key. */
  | { readonly change: "rewrap"; readonly sealed: ReadonlyMap<string, SealedPart> }
  /** The private part, where the ring keeps it; else it was erased where it is. */
  | { readonly change: "erase"; readonly kid: string; readonly at: number };

const MINUTE_MILLIS = 60_000;
const DAY_MILLIS = 86_400_000;
const MAC_VERSIONS = 256;
/** Beyond this many living MAC keys nothing rotates them by itself: a version must not come back while its tokens live. */
const MANY_MAC_KEYS = 128;
const KEPT_RECORDS = 50;

/**
 * What the ring lacks now: a key that signs, a staged one behind it, a change-over that is due. `first` is true for
 * a store that never had a key: only then may a key sign that nobody can have fetched before.
 */
export function planRing(ring: Ring, policy: RingPolicy, now: number, first: boolean): readonly RingChange[] {
  const changes = policy.algorithms.flatMap((algorithm) => planAlgorithm(ring, algorithm, policy, now, first));
  return [...changes, ...raisedMacKeys(ring, policy, now), ...erasedParts(ring, policy, now)];
}

function erasedParts(ring: Ring, policy: RingPolicy, now: number): readonly RingChange[] {
  return erasableKeys(ring, policy, now)
    .filter((key) => key.sealed !== undefined)
    .map(({ kid }) => ({ change: "erase", kid, at: now }));
}

/** Sessions may have become longer by configuration: a MAC key is kept as long as tokens made with it can live. */
function raisedMacKeys(ring: Ring, policy: RingPolicy, now: number): readonly RingChange[] {
  const lifetimeMillis = policy.longestLifetimeMillis("HS256");
  return ring.keys
    .filter((key) => key.algorithm === "HS256" && key.longestLifetimeMillis < lifetimeMillis)
    .filter((key) => ["staged", "active"].includes(keyTimes(ring, key, now, policy).state))
    .map(({ kid }) => ({ change: "raise", kid, lifetimeMillis }));
}

function planAlgorithm(ring: Ring, algorithm: KeyAlgorithm, policy: RingPolicy, now: number, first: boolean): readonly RingChange[] {
  const active = activeKey(ring, algorithm, now);
  const [next, behind] = stagedKeys(ring, algorithm, now);
  if (next === undefined) {
    const activeAt = active !== undefined ? undefined : first ? now : agedAt({ publishedAt: now }, policy);
    return [{ change: "stage", algorithm, ...(activeAt === undefined ? {} : { activeAt }) }];
  }
  const due = next.activeAt ?? dueAt(ring, active, algorithm, policy, now);
  // So that the one that is left when it takes over has aged by then: an emergency needs no waiting on that day either.
  const isBehindDue = behind === undefined && due !== undefined && due <= agedAt({ publishedAt: now + MINUTE_MILLIS }, policy);
  return [
    ...(isBehindDue ? [{ change: "stage", algorithm } as const] : []),
    ...(next.activeAt !== undefined || due === undefined || due > now + MINUTE_MILLIS
      ? []
      : [{ change: "activate", kid: next.kid, activeAt: Math.max(now, due, agedAt(next, policy)) } as const]),
  ];
}

/** When the staged key is to take over by itself; undefined: never. */
function dueAt(ring: Ring, active: RingKey | undefined, algorithm: KeyAlgorithm, policy: RingPolicy, now: number): number | undefined {
  if (active === undefined) return now;
  if (policy.rotateEveryMillis === undefined || (algorithm === "HS256" && livingMacKeys(ring, policy, now) >= MANY_MAC_KEYS))
    return undefined;
  return (active.activeAt ?? now) + policy.rotateEveryMillis;
}

function livingMacKeys(ring: Ring, policy: RingPolicy, now: number): number {
  return ring.keys.filter((key) => key.algorithm === "HS256" && keyTimes(ring, key, now, policy).state !== "retired").length;
}

/** The operator's `rotate`: the earliest change-over that is safe; nothing where it is planned no later already. */
export function planRotation(ring: Ring, algorithms: readonly KeyAlgorithm[], policy: RingPolicy, now: number): readonly RingChange[] {
  return algorithms.flatMap((algorithm): readonly RingChange[] => {
    const [next] = stagedKeys(ring, algorithm, now);
    if (next === undefined) return [];
    const activeAt = Math.max(now, agedAt(next, policy));
    return next.activeAt !== undefined && next.activeAt <= activeAt ? [] : [{ change: "activate", kid: next.kid, activeAt }];
  });
}

/**
 * The operator's `revoke`: out at once; where it was the one that signs, the staged one signs from this moment, or a new one unless
 * its algorithm went out of use.
 */
export function planRevocation(ring: Ring, kids: readonly string[], policy: RingPolicy, now: number): readonly RingChange[] {
  const revoked = ring.keys.filter(({ kid }) => kids.includes(kid));
  const orphaned = revoked.filter((key) => activeKey(ring, key.algorithm, now)?.kid === key.kid);
  const heirs = orphaned.flatMap(({ algorithm }): readonly RingChange[] => {
    const heir = stagedKeys(ring, algorithm, now).find(({ kid }) => !kids.includes(kid));
    if (heir !== undefined) return [{ change: "activate", kid: heir.kid, activeAt: now }];
    return policy.algorithms.includes(algorithm) ? [{ change: "stage", algorithm, activeAt: now }] : [];
  });
  // All are out before a new one is made, which may be under another key-encryption key than they were; what is over is, too.
  const isOver = (key: RingKey): boolean => ["retired", "revoked"].includes(keyTimes(ring, key, now, policy).state);
  const rest = ring.keys.filter(({ kid }) => !kids.includes(kid));
  const over = rest.every(isOver) ? rest.filter(({ sealed }) => sealed !== undefined) : [];
  return [
    ...revoked.map(({ kid }): RingChange => ({ change: "revoke", kid, at: now })),
    ...over.map(({ kid }): RingChange => ({ change: "erase", kid, at: now })),
    ...heirs,
  ];
}

/** `made` is the new key of a `stage`. Throws `TypeError` where it is missing. */
export function applyRingChange(ring: Ring, change: RingChange, made: NewKey | undefined, policy: RingPolicy, now: number): Ring {
  switch (change.change) {
    case "stage": {
      if (made === undefined) throw new TypeError("a key is staged after it was made");
      return keepingSealed({ ...ring, keys: [...ring.keys, ringKey(ring, made, change.activeAt, policy, now)] }, made.sealed);
    }
    case "activate":
      return updateKey(ring, change.kid, (key) => ({ ...key, activeAt: Math.min(key.activeAt ?? Infinity, change.activeAt) }));
    case "revoke":
      return withoutIdleCheck(
        updateKey(ring, change.kid, (key) => ({ ...withoutPart(key), revokedAt: Math.min(key.revokedAt ?? Infinity, change.at) })),
      );
    case "raise":
      return raiseLongestLifetime(ring, change.kid, change.lifetimeMillis);
    case "move": {
      const { kid, custody, sealed } = change.moved;
      const place = { custody, ...(sealed === undefined ? {} : { sealed: sealed.text }) };
      return withoutIdleCheck(
        keepingSealed(
          updateKey(ring, kid, (key) => ({ ...withoutPart(key), ...place })),
          sealed,
        ),
      );
    }
    case "rewrap":
      return [...change.sealed].reduce(
        (rewrapped, [kid, sealed]) =>
          keepingSealed(
            updateKey(rewrapped, kid, (key) => ({ ...key, sealed: sealed.text })),
            sealed,
          ),
        ring,
      );
    case "erase":
      return withoutIdleCheck(updateKey(ring, change.kid, (key) => ({ ...withoutPart(key), erasedAt: key.erasedAt ?? change.at })));
  }
}

function withoutPart({ sealed: _, ...key }: RingKey): RingKey {
  return key;
}

/** Where nothing is sealed any more, the next private part may be under any key-encryption key: so one that was lost is replaced. */
function withoutIdleCheck(ring: Ring): Ring {
  if (ring.keys.some(({ sealed }) => sealed !== undefined)) return ring;
  const { encryptionKeyCheck: _, ...rest } = ring;
  return rest;
}

function keepingSealed(ring: Ring, sealed: SealedPart | undefined): Ring {
  return sealed === undefined ? ring : { ...ring, encryptionKeyCheck: sealed.under };
}

function ringKey(ring: Ring, made: NewKey, activeAt: number | undefined, policy: RingPolicy, now: number): RingKey {
  return {
    kid: made.kid,
    algorithm: made.algorithm,
    ...(made.publicJwk === undefined ? {} : { publicJwk: made.publicJwk }),
    ...(made.algorithm === "HS256" ? { macVersion: freeMacVersion(ring) } : {}),
    custody: made.custody,
    ...(made.sealed === undefined ? {} : { sealed: made.sealed.text }),
    ...(made.isForeign === undefined ? {} : { isForeign: made.isForeign }),
    since: ring.version + 1,
    publishedAt: now,
    ...(activeAt === undefined ? {} : { activeAt }),
    longestLifetimeMillis: policy.longestLifetimeMillis(made.algorithm),
  };
}

function freeMacVersion(ring: Ring): number {
  const used = ring.keys.map((key) => key.macVersion).filter((version) => version !== undefined);
  const last = used.at(-1) ?? MAC_VERSIONS - 1;
  for (let step = 1; step <= MAC_VERSIONS; step++) {
    const version = (last + step) % MAC_VERSIONS;
    if (!used.includes(version)) return version;
  }
  throw new KeyError("all MAC key versions are in use: retired ones come free as their refresh tokens expire");
}

function updateKey(ring: Ring, kid: string, update: (key: RingKey) => RingKey): Ring {
  return { ...ring, keys: ring.keys.map((key) => (key.kid === kid ? update(key) : key)) };
}

/** Raises what an entry remembers as the longest lifetime signed under it. */
export function raiseLongestLifetime(ring: Ring, kid: string, lifetimeMillis: number): Ring {
  return updateKey(ring, kid, (key) => ({ ...key, longestLifetimeMillis: Math.max(key.longestLifetimeMillis, lifetimeMillis) }));
}

/** When the private part of a key that is over is to be erased: long ago where it was revoked; Infinity: not, or nobody knows yet. */
function eraseAt(ring: Ring, key: RingKey, policy: RingPolicy, now: number): number {
  const { state, retiredAt } = keyTimes(ring, key, now, policy);
  if (key.isForeign !== undefined) return Infinity;
  if (state === "revoked") return -Infinity;
  return state === "retired" ? (retiredAt ?? Infinity) + DAY_MILLIS : Infinity;
}

/** Keys whose private part is to be erased by now: revoked, or retired for a day. */
export function erasableKeys(ring: Ring, policy: RingPolicy, now: number): readonly RingKey[] {
  return ring.keys.filter((key) => eraseAt(ring, key, policy, now) <= now);
}

/** When the private parts of retired keys are to be erased that are not yet: one time per key. */
export function comingErasures(ring: Ring, policy: RingPolicy, now: number): readonly number[] {
  return ring.keys.map((key) => eraseAt(ring, key, policy, now)).filter((at) => at > now && at < Infinity);
}

/** Without the oldest records of keys whose private part is long erased; revoked ones stay for ever. */
export function withoutOldRecords(ring: Ring, policy: RingPolicy, now: number): Ring {
  const old = policy.algorithms.flatMap((algorithm) =>
    ring.keys
      .filter((key) => key.algorithm === algorithm && isLongRetired(keyTimes(ring, key, now, policy), now))
      .toSorted((a, b) => (b.activeAt ?? 0) - (a.activeAt ?? 0))
      .slice(KEPT_RECORDS),
  );
  return old.length === 0 ? ring : { ...ring, keys: ring.keys.filter((key) => !old.includes(key)) };
}

/** A record has to outlive its private part, which is found by it and erased a day after retirement. */
function isLongRetired({ state, retiredAt }: KeyTimes, now: number): boolean {
  return state === "retired" && now >= (retiredAt ?? Infinity) + 2 * DAY_MILLIS;
}

/**
 * The union of a ring with a node's own copy: what the store holds after a roll-back must not undo what the node has
 * seen. Times only come earlier, revoked wins. Undefined where the store's ring already has it all.
 */
export function repairedRing(stored: Ring, copy: Ring, policy: RingPolicy, now: number): Ring | undefined {
  const known = new Map(stored.keys.map((key) => [key.kid, key]));
  const lost = copy.keys.filter(
    (key) => !known.has(key.kid) && keyTimes(copy, key, now, policy).state !== "retired" && !isDropped(stored, key),
  );
  const isBehind = stored.version < copy.version;
  const merged = stored.keys.map((key) =>
    mergedKey(
      key,
      copy.keys.find((other) => other.kid === key.kid),
      isBehind,
    ),
  );
  const changed = merged.some((key, index) => key !== stored.keys[index]);
  if (lost.length === 0 && !changed && !isBehind) return undefined;
  // What the sealed parts are under goes with the newer of the two.
  const encryptionKeyCheck = (isBehind ? copy : stored).encryptionKeyCheck ?? stored.encryptionKeyCheck ?? copy.encryptionKeyCheck;
  return {
    version: Math.max(stored.version, copy.version) + 1,
    keys: [...merged, ...lost],
    ...(encryptionKeyCheck === undefined ? {} : { encryptionKeyCheck }),
  };
}

/** Its record was dropped when it had long been retired, and only the copy is so old that it doesn't know. */
function isDropped({ keys }: Ring, { algorithm, publishedAt, revokedAt }: RingKey): boolean {
  if (revokedAt !== undefined) return false;
  const kept = keys.filter((key) => key.algorithm === algorithm);
  return kept.length > KEPT_RECORDS && kept.every((key) => key.publishedAt > publishedAt);
}

function mergedKey(stored: RingKey, copy: RingKey | undefined, isBehind: boolean): RingKey {
  if (copy === undefined) return stored;
  const times = mergedTimes(stored, copy);
  if (!isBehind) return times.revokedAt === undefined || times.sealed === undefined ? times : withoutPart(times);
  // Where a private part is was changed since, if at all.
  const { custody, sealed } = copy;
  const placed = { ...withoutPart(times), custody };
  return sealed === undefined || times.revokedAt !== undefined ? placed : { ...placed, sealed };
}

function mergedTimes(stored: RingKey, copy: RingKey): RingKey {
  const activeAt = Math.min(stored.activeAt ?? Infinity, copy.activeAt ?? Infinity);
  const revokedAt = Math.min(stored.revokedAt ?? Infinity, copy.revokedAt ?? Infinity);
  const longestLifetimeMillis = Math.max(stored.longestLifetimeMillis, copy.longestLifetimeMillis);
  const same =
    activeAt === (stored.activeAt ?? Infinity) &&
    revokedAt === (stored.revokedAt ?? Infinity) &&
    longestLifetimeMillis === stored.longestLifetimeMillis;
  if (same) return stored;
  return {
    ...stored,
    ...(activeAt === Infinity ? {} : { activeAt }),
    ...(revokedAt === Infinity ? {} : { revokedAt }),
    longestLifetimeMillis,
  };
}
