/** One ring, opened: which key signs when, which MAC keys there are, which keys prove our own tokens. */

import { type Bytes, CustodianError, type KeyCustodian, KeyError, type Signer } from "../domain/ports.ts";
import {
  activeKey,
  type JwsAlgorithm,
  keyTimes,
  type KeyAlgorithm,
  publishedKeys,
  type Ring,
  type RingKey,
  type RingPolicy,
} from "../domain/ring.ts";
import { importPublicJwk, type VerificationKey } from "../jws/index.ts";
import type { SilentSigners } from "./silent-signers.ts";

export type Hmac = (data: Bytes) => Bytes;

export interface KeyFault {
  readonly kid: string;
  /** As `KeyError` says it. */
  readonly message: string;
  /** Its custodian is at fault, not the key. */
  readonly mayPass: boolean;
  /** As in `KeyError`. */
  readonly isSetup: boolean;
}

/** Private parts opened once per key; a key that can't be opened says why each time it is needed. */
export class OpenedKeys {
  readonly #custodian: KeyCustodian;
  readonly #signers = new Map<string, Signer>();
  readonly #macs = new Map<string, Hmac>();
  /** What each was opened from: one that is kept elsewhere, or sealed anew, is to be opened from there. */
  readonly #places = new Map<string, string>();
  readonly #verification = new Map<string, VerificationKey>();
  /** What is being opened, by its place: a custodian may take its time, and is asked once. */
  readonly #opening = new Map<string, Promise<KeyFault | undefined>>();
  #needed: ReadonlySet<string> = new Set();
  readonly #silent: SilentSigners;

  constructor(custodian: KeyCustodian, silent: SilentSigners) {
    this.#custodian = custodian;
    this.#silent = silent;
  }

  /**
   * Forgets at once what the ring says is not needed any more, and opens what is and has not been opened from there. Resolves to the
   * faults of those that can't be.
   */
  async open(ring: Ring, policy: RingPolicy, now: number): Promise<readonly KeyFault[]> {
    const needed = ring.keys.filter((key) => needsPrivatePart(ring, key, policy, now));
    this.#forgetAllBut(needed, publishedKeys(ring, now, policy).keys);
    // At once: one custodian that is slow to refuse must not keep the others waiting.
    const unopened = needed.filter((key) => this.#places.get(key.kid) !== placeOf(key));
    const faults = await Promise.all(unopened.map((key) => this.#openOnce(key, ring)));
    return faults.filter((fault) => fault !== undefined);
  }

  #openOnce(key: RingKey, ring: Ring): Promise<KeyFault | undefined> {
    const place = `${key.kid} ${placeOf(key)}`;
    const known = this.#opening.get(place);
    if (known !== undefined) return known;
    const opening = this.#open(key, ring).finally(() => this.#opening.delete(place));
    this.#opening.set(place, opening);
    return opening;
  }

  async #open(key: RingKey, ring: Ring): Promise<KeyFault | undefined> {
    try {
      const [signer, mac] =
        key.algorithm === "HS256"
          ? [undefined, await this.#custodian.openMac(key, ring)]
          : [await this.#custodian.openSigner(key, ring), undefined];
      // It may have been revoked meanwhile.
      if (!this.#needed.has(key.kid)) return undefined;
      if (signer !== undefined) this.#signers.set(key.kid, this.#silent.watched(signer));
      if (mac !== undefined) this.#macs.set(key.kid, mac);
      this.#places.set(key.kid, placeOf(key));
      return undefined;
    } catch (error) {
      if (error instanceof KeyError)
        return { kid: key.kid, message: error.message, mayPass: error instanceof CustodianError, isSetup: error.isSetup };
      // Whatever it says, it may hold anything.
      const name = error instanceof Error ? error.name : typeof error;
      return { kid: key.kid, message: `Key ${key.kid} can't be opened: unexpected ${name}.`, mayPass: true, isSetup: false };
    }
  }

  signer(kid: string): Signer | undefined {
    return this.#signers.get(kid);
  }

  mac(kid: string): Hmac | undefined {
    return this.#macs.get(kid);
  }

  verification(key: RingKey): VerificationKey | undefined {
    const known = this.#verification.get(key.kid);
    if (known !== undefined || key.publicJwk === undefined) return known;
    const imported = importPublicJwk(key.publicJwk);
    if (!imported.ok) return undefined;
    this.#verification.set(key.kid, imported.key);
    return imported.key;
  }

  /** A key that is over must not sign again, whatever a later mistake may ask. */
  #forgetAllBut(needed: readonly RingKey[], published: readonly RingKey[]): void {
    this.#needed = new Set(needed.map(({ kid }) => kid));
    const shown = new Set(published.map(({ kid }) => kid));
    for (const kid of this.#verification.keys()) if (!shown.has(kid)) this.#verification.delete(kid);
    for (const kid of this.#places.keys()) {
      if (this.#needed.has(kid)) continue;
      this.#signers.delete(kid);
      this.#silent.forget(kid);
      this.#macs.delete(kid);
      this.#places.delete(kid);
    }
  }
}

function placeOf({ custody, sealed = "" }: RingKey): string {
  return `${custody} ${sealed}`;
}

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
