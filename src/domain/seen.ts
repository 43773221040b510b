/** Which verifiers have fetched a key: what an operator wants to know before it signs. Advice, since anyone can fetch. */

import { agentText, isQuiet, QUIET_AFTER_MILLIS, type Verifier } from "./fetches.ts";
import type { RingKey } from "./ring.ts";

export interface Sightings {
  readonly have: readonly Verifier[];
  /** They fetch, and have not been given the key yet. */
  readonly lack: readonly Verifier[];
  /** They have not been given the key, and have not fetched for so long that nobody waits for them. */
  readonly quiet: readonly Verifier[];
}

/** A name by which somebody waits for verifiers, none or several of which go by it. */
export interface Unseen {
  readonly name: string;
  readonly have: number;
  readonly lack: number;
}

export function hasSeen({ version }: Verifier, key: RingKey): boolean {
  return version >= (key.since ?? 0);
}

/** The longest without a fetch in each list at the front. A key that waits longer is waited for longer. */
export function sightings(verifiers: readonly Verifier[], key: RingKey, now: number, stageForMillis: number): Sightings {
  const quietAfter = Math.max(QUIET_AFTER_MILLIS, stageForMillis);
  const sorted = verifiers.toSorted((a, b) => a.lastFetchedAt - b.lastFetchedAt);
  const lacking = sorted.filter((verifier) => !hasSeen(verifier, key));
  return {
    have: sorted.filter((verifier) => hasSeen(verifier, key)),
    lack: lacking.filter((verifier) => !isQuiet(verifier, now, quietAfter)),
    quiet: lacking.filter((verifier) => isQuiet(verifier, now, quietAfter)),
  };
}

/**
 * The names that can't be said to have the key: one that nobody who has it goes by, or somebody who still fetches and lacks
 * it does. One of several who has gone quiet is not waited for; the only one is.
 */
export function unseenNames(names: readonly string[], { have, lack }: Pick<Sightings, "have" | "lack">): readonly Unseen[] {
  const count = (name: string, among: readonly Verifier[]): number => among.filter((verifier) => goesBy(verifier, name)).length;
  return names
    .map((name) => ({ name, have: count(name, have), lack: count(name, lack) }))
    .filter((named) => named.have === 0 || named.lack > 0);
}

/** By its address, its whole User-Agent, or the product that this begins with (RFC 9110 §10.1.5). */
export function goesBy({ address, userAgent }: Verifier, name: string): boolean {
  if (name === address || (userAgent !== "" && agentText(name) === userAgent)) return true;
  const product = /^[^/ ]*/.exec(userAgent)?.[0] ?? "";
  return product !== "" && product.toLowerCase() === name.toLowerCase();
}
