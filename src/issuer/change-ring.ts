/** Changing the ring: decide on what it is, make the keys that are needed, swap, and decide again where the swap was lost. */

import { schemeOf } from "../domain/key-uri.ts";
import { KEYS, NEVER, ringDocument } from "../domain/documents.ts";
import { KeyError, type NewKey, StoreError } from "../domain/ports.ts";
import type { KeyAlgorithm, Ring, RingKey } from "../domain/ring.ts";
import { applyRingChange, erasableKeys, planRing, type RingChange, withoutOldRecords } from "../domain/ring-plan.ts";
import { type Context, REQUEST_BUDGET_MILLIS } from "./context.ts";
import type { KeyRing } from "./key-ring.ts";
import { UnavailableError } from "./types.ts";

/** The wish of whoever changes the ring; called again with the newer ring after a lost swap. */
export type RingWish = (ring: Ring, now: number) => readonly RingChange[];

export interface RingOutcome {
  readonly ring: Ring;
  readonly changes: readonly RingChange[];
}

export interface ChangeOptions {
  /** The store has never had a key. */
  readonly first?: boolean;
  /** Write the ring even where nothing changes: the store has none yet. */
  readonly write?: boolean;
  /** Nothing is made or written; the outcome is what would be. */
  readonly dryRun?: boolean;
  /** What the planner finds lacking then may stay so: a key must go, whether or not the next one can be made. */
  readonly isRevocation?: boolean;
  /** Why no new key can be made from here. */
  readonly makesNone?: string;
  /** Called once, when the keys that the change needs are made and before it is written: what can't be carried out is not announced. */
  readonly announce?: () => Promise<void>;
}

/**
 * Carries out the wish and, in the same swap, whatever the planner finds lacking then: so every change leaves a staged
 * key of each algorithm. A key is made and durable before the ring names it; one that no ring came to name is erased.
 */
export async function changeRing(context: Context, keyRing: KeyRing, wish: RingWish, options: ChangeOptions = {}): Promise<RingOutcome> {
  const { store, clock } = context;
  const faultsBefore = keyRing.faults;
  const stock = new KeyStock(context, options.dryRun === true);
  const deadline = clock() + REQUEST_BUDGET_MILLIS;
  let { announce } = options;
  try {
    for (;;) {
      const before = keyRing.ring;
      const expected = keyRing.bytes;
      const outcome = await planned(keyRing, wish, stock, clock(), options);
      if ((outcome.changes.length === 0 && options.write !== true) || options.dryRun === true) return outcome;
      await announce?.();
      announce = undefined;
      const next = { ...outcome.ring, version: before.version + 1 };
      const bytes = ringDocument.encode(next);
      keyRing.writes(bytes);
      const won = await store.compareAndSet(KEYS.ring, expected, bytes, { expiresAt: NEVER, confirmed: true });
      if (won) {
        // Nothing may fail from here on: it is done, and whoever asked for it must hear of it.
        stock.keep(next);
        await keyRing.wrote(next, bytes);
        for (const message of outcome.unmade) context.emit({ event: "trouble", about: "keys", message });
        return { ring: next, changes: outcome.changes };
      }
      await keyRing.reloadAnew();
      // Who won may have found our keys and named them.
      stock.keep(keyRing.ring);
      if (options.write === true && keyRing.bytes !== undefined) return { ring: keyRing.ring, changes: [] };
      await keyRing.opened();
      // Somebody else's ring, which can't be opened here, is not planned on.
      if (options.isRevocation !== true && keyRing.faults !== faultsBefore && keyRing.faults !== "")
        throw new KeyError(keyRing.faults, { isSetup: keyRing.isSetupAtFault });
      if (clock() >= deadline) throw new UnavailableError("the key ring is being changed by others");
    }
  } catch (error) {
    // A swap of unknown outcome may yet make the ring name them; and the first ring may be another's, who has found them.
    if (error instanceof StoreError && (error.outcome === "unknown" || options.write === true)) stock.keepAll();
    throw error;
  } finally {
    for (const key of stock.unused()) await eraseUnused(context, key);
  }
}

/** That it stays must not hide what became of the change. */
async function eraseUnused({ custodian, emit }: Context, key: NewKey): Promise<void> {
  try {
    await custodian.erase(key);
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    emit({ event: "trouble", about: "keys", message: `A new key that nothing uses is left: ${error.message}` });
  }
}

interface Planned extends RingOutcome {
  /** Why keys that should be there could not be made. */
  readonly unmade: readonly string[];
}

async function planned(
  keyRing: KeyRing,
  wish: RingWish,
  stock: KeyStock,
  now: number,
  { first = false, isRevocation = false, makesNone }: ChangeOptions,
): Promise<Planned> {
  const { policy } = keyRing;
  stock.rewind();
  const changes: RingChange[] = [];
  const unmade = new Map<KeyAlgorithm, string>();
  let ring = keyRing.ring;
  const make = (algorithm: KeyAlgorithm): Promise<NewKey> => {
    if (makesNone !== undefined) throw new KeyError(makesNone);
    return stock.take(algorithm, now, ring);
  };
  const apply = async (change: RingChange): Promise<void> => {
    const made = change.change === "stage" ? (change.taken ?? (await make(change.algorithm))) : undefined;
    ring = applyRingChange(ring, change, made, policy, now);
    changes.push(change);
  };
  const applyIfItCan = async (change: RingChange): Promise<void> => {
    if (change.change === "stage" && unmade.has(change.algorithm)) return;
    try {
      await apply(change);
    } catch (error) {
      if (!isRevocation || !(error instanceof KeyError) || change.change !== "stage") throw error;
      unmade.set(change.algorithm, `No new ${change.algorithm} key was made, a server has to: ${error.message}`);
    }
  };
  for (const change of wish(ring, now)) await apply(change);
  // A staged key that takes over leaves its place to the next one: at most one more round per state.
  for (let round = 0; round < 3; round++) for (const change of planRing(ring, policy, now, first)) await applyIfItCan(change);
  return { ring: withoutOldRecords(ring, policy, now), changes, unmade: [...unmade.values()] };
}

/** Keys made for one change, taken again in the same order after a lost swap. */
class KeyStock {
  readonly #context: Context;
  readonly #isPretended: boolean;
  readonly #made: NewKey[] = [];
  #taken = new Set<string>();
  #kept = new Set<string>();

  constructor(context: Context, isPretended: boolean) {
    this.#context = context;
    this.#isPretended = isPretended;
  }

  rewind(): void {
    this.#taken = new Set();
  }

  async take(algorithm: KeyAlgorithm, now: number, ring: Ring): Promise<NewKey> {
    const known = this.#made.find((key) => key.algorithm === algorithm && !this.#taken.has(key.kid) && fits(key, ring));
    const key = known ?? (await this.#make(algorithm, now, ring));
    this.#taken.add(key.kid);
    return key;
  }

  async #make(algorithm: KeyAlgorithm, now: number, ring: Ring): Promise<NewKey> {
    if (this.#isPretended) return { kid: `new-${algorithm}-${this.#taken.size + 1}`, algorithm, custody: "none" };
    const key = await this.#context.custodian.create(algorithm, now, ring);
    this.#made.push(key);
    return key;
  }

  keep(ring: Ring): void {
    this.#kept = new Set(ring.keys.map((key) => key.kid));
  }

  keepAll(): void {
    this.#kept = new Set(this.#made.map((key) => key.kid));
  }

  unused(): readonly NewKey[] {
    return this.#made.filter(({ kid }) => !this.#kept.has(kid));
  }
}

/** The ring may have its sealed parts under another key-encryption key by now. */
export function fits({ sealed }: NewKey, { encryptionKeyCheck }: Ring): boolean {
  return sealed === undefined || encryptionKeyCheck === undefined || sealed.under === encryptionKeyCheck;
}

/** Erases the private parts of what is over. The kids. Throws `KeyError` for what could not be erased, when all the rest is. */
export async function eraseOver(context: Context, keyRing: KeyRing): Promise<readonly string[]> {
  const { custodian, clock } = context;
  const erasable = erasableKeys(keyRing.ring, keyRing.policy, clock()).filter(({ erasedAt }) => erasedAt === undefined);
  const erased: string[] = [];
  const gone: RingKey[] = [];
  const faults: KeyError[] = [];
  for (const key of erasable) {
    try {
      if (await custodian.erase(key)) erased.push(key.kid);
      gone.push(key);
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
      faults.push(error);
    }
  }
  // Each machine has files of its own; what is elsewhere is asked for once.
  const noted = gone.filter(({ custody }) => schemeOf(custody) !== "file").map(({ kid }) => kid);
  if (noted.length > 0) await changeRing(context, keyRing, (ring, at) => erasures(ring, noted, at));
  if (faults.length > 0)
    throw new KeyError(faults.map(({ message }) => message).join("; "), { isSetup: faults.some(({ isSetup }) => isSetup) });
  return erased;
}

function erasures({ keys }: Ring, kids: readonly string[], at: number): readonly RingChange[] {
  return keys.filter(({ kid, erasedAt }) => kids.includes(kid) && erasedAt === undefined).map(({ kid }) => ({ change: "erase", kid, at }));
}
