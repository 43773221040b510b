/** The private parts that a ring needs, opened: signers, MAC keys, and why some could not be. */

import type { Listener } from "../domain/events.ts";
import { type Bytes, CustodianError, type KeyCustodian, KeyError, type Signer } from "../domain/ports.ts";
import { publishedKeys, type Ring, type RingKey, type RingPolicy } from "../domain/ring.ts";
import { importPublicJwk, type VerificationKey } from "../jws/index.ts";
import { needsPrivatePart } from "./key-view.ts";
import type { SilentSigners } from "./silent-signers.ts";
import { unexpectedText } from "./unexpected.ts";

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
  readonly #emit: Listener;
  #faults: readonly KeyFault[] = [];
  #latest: Promise<void> = Promise.resolve();

  constructor({ custodian, emit }: { readonly custodian: KeyCustodian; readonly emit: Listener }, silent: SilentSigners) {
    this.#custodian = custodian;
    this.#emit = emit;
    this.#silent = silent;
  }

  /** A slow custodian keeps no node from following the ring: what signs now was opened when it was staged. */
  openAside(ring: Ring, policy: RingPolicy, now: number): void {
    const opening = this.#openAll(ring, policy, now).then((faults) => {
      if (opening === this.#latest) this.#tell(faults);
    });
    this.#latest = opening;
  }

  /** Of a ring that is not in force yet: what can't be opened may come from another start, which made it, lost, and erased it again. */
  async openQuietly(ring: Ring, policy: RingPolicy, now: number): Promise<void> {
    this.#faults = await this.#openAll(ring, policy, now);
  }

  /** Resolves when all that the ring needs is open or has a fault. */
  async settled(): Promise<void> {
    for (let awaited: Promise<void> | undefined; awaited !== this.#latest; ) {
      awaited = this.#latest;
      await awaited;
    }
  }

  /** Of the keys that should be open. */
  get faults(): readonly KeyFault[] {
    return this.#faults;
  }

  /** What can't be opened from here on, because its custodian is being closed, is nobody's trouble. */
  close(): void {
    this.#latest = Promise.resolve();
  }

  #tell(faults: readonly KeyFault[]): void {
    const text = faultsText(faults);
    if (text !== "" && text !== faultsText(this.#faults)) this.#emit({ event: "trouble", about: "keys", message: text });
    this.#faults = faults;
  }

  /**
   * Forgets at once what the ring says is not needed any more, and opens what is and has not been opened from there. Resolves to the
   * faults of those that can't be.
   */
  async #openAll(ring: Ring, policy: RingPolicy, now: number): Promise<readonly KeyFault[]> {
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
      return { kid: key.kid, message: `Key ${key.kid} can't be opened: ${unexpectedText(error)}.`, mayPass: true, isSetup: false };
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

/** One text; empty where there are none. */
export function faultsText(faults: readonly KeyFault[]): string {
  // A custodian that is out of reach says the same of each of its keys.
  return [...new Set(faults.map(({ message }) => message))].join("; ");
}
