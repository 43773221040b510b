/** One ring at a moment: which key signs when, which MAC keys there are, which private parts are needed. */

import { activeKey, type JwsAlgorithm, keyTimes, type KeyAlgorithm, type Ring, type RingKey, type RingPolicy } from "../domain/ring.ts";

/** Staged and active keys are to sign; a MAC key proves its tokens as long as it retires. */
export function needsPrivatePart(ring: Ring, key: RingKey, policy: RingPolicy, now: number): boolean {
  const { state } = keyTimes(ring, key, now, policy);
  return state === "staged" || state === "active" || (state === "retiring" && key.algorithm === "HS256");
}

export interface MacOfRing {
  readonly kid: string;
  /** Nothing made with it can live any more. */
  readonly isOver: boolean;
}

/** Who signs at a moment, and until when that is the answer. */
export interface Roster {
  readonly until: number;
  readonly active: ReadonlyMap<KeyAlgorithm, RingKey>;
  /** Two keys of one version can only come of a roll-back that was repaired. */
  readonly macsByVersion: ReadonlyMap<number, readonly MacOfRing[]>;
  readonly published: ReadonlyMap<string, RingKey>;
}

export function rosterAt(ring: Ring, policy: RingPolicy, now: number): Roster {
  const times = ring.keys.map((key) => ({ key, ...keyTimes(ring, key, now, policy) }));
  const moments = times.flatMap(({ key, retiredAt }) => [key.activeAt, retiredAt]).filter((moment) => moment !== undefined && moment > now);
  // Of every algorithm on the ring: where a name went out of the configuration its keys may have to go on (see signingKey).
  const algorithms = new Set(ring.keys.map((key) => key.algorithm));
  const active = [...algorithms].flatMap((algorithm): [KeyAlgorithm, RingKey][] => {
    const key = activeKey(ring, algorithm, now);
    return key === undefined ? [] : [[algorithm, key]];
  });
  const shown = times.filter(({ state }) => state === "staged" || state === "active" || state === "retiring");
  return {
    until: Math.min(Infinity, ...moments.filter((moment) => moment !== undefined)),
    active: new Map(active),
    macsByVersion: Map.groupBy(
      times
        .filter(({ key }) => key.macVersion !== undefined)
        .map(({ key, state }) => ({ kid: key.kid, version: key.macVersion, isOver: state === "retired" || state === "revoked" })),
      ({ version }) => version ?? 0,
    ),
    published: new Map(shown.filter(({ key }) => key.algorithm !== "HS256").map(({ key }): [string, RingKey] => [key.kid, key])),
  };
}

/**
 * The key that is to sign now. Where resources were just given the other name of an Ed25519 signature, keys of the
 * old name go on until one of the new name has aged.
 */
export function signingKey(roster: Roster, algorithm: JwsAlgorithm): RingKey | undefined {
  const key = roster.active.get(algorithm);
  if (key !== undefined || algorithm === "ES256") return key;
  return roster.active.get(algorithm === "EdDSA" ? "Ed25519" : "EdDSA");
}
