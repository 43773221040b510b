/** A JWK Set that is elsewhere: fetched rarely, held for long, the same for the issuer and for resource servers. */

import { FetchError } from "../domain/ports.ts";
import type { Clock, FetchedDocument } from "../domain/ports.ts";
import type { SignatureAlgorithm } from "./algorithms.ts";
import type { VerificationKey } from "./jwk.ts";
import { JWKS_FAULTS, MAX_JWKS_KEYS, parseJwks } from "./jwks.ts";
import type { KeySource } from "./jwks.ts";

/** All in milliseconds. */
export interface RemoteJwksLimits {
  /** From the start of one attempt to fetch to the start of the next, however it went. */
  readonly coolDown: number;
  /** What a set's max-age is raised to, cut down to, and where it has none. */
  readonly minFresh: number;
  readonly maxFresh: number;
  readonly defaultFresh: number;
  /** How long keys serve after the last set that came; far longer than the cool-down. */
  readonly staleLimit: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const USUAL: RemoteJwksLimits = {
  coolDown: 30 * SECOND,
  minFresh: MINUTE,
  maxFresh: HOUR,
  defaultFresh: 10 * MINUTE,
  staleLimit: 24 * HOUR,
};

export interface RemoteJwksOptions {
  /** Gets the set. MUST settle. */
  readonly fetch: () => Promise<FetchedDocument>;
  readonly clock: Clock;
  readonly limits?: Partial<RemoteJwksLimits>;
  /** Is told of every attempt that brought no usable set. MUST NOT throw. */
  readonly onFailure?: (error: FetchError) => void;
}

interface HeldKey {
  readonly key: VerificationKey;
  /** Of the last set that had it: when that is no longer fresh. */
  readonly freshUntil: number;
  readonly servedUntil: number;
}

/**
 * - One fetch at a time, and never two within the cool-down, whatever is asked: it is the only limit that unknown kids,
 *   failures and empty sets meet, so nothing is remembered of them.
 * - Keys that are no longer fresh go on serving while a new set is fetched, until the stale limit. Only a set with a usable
 *   key takes their place.
 * - A key that a new set leaves out serves as long as the old set was fresh: a cache on the way may have given an older one.
 * - Without a `kid` only the keys of the last set count.
 */
export class RemoteJwks implements KeySource {
  readonly #fetch: () => Promise<FetchedDocument>;
  readonly #now: Clock;
  readonly #limits: RemoteJwksLimits;
  readonly #onFailure: (error: FetchError) => void;
  /** By algorithm and kid. Those of the last set first, then those it left out, the latest first. */
  #held: ReadonlyMap<string, HeldKey> = new Map();
  /** The last set. */
  #keys: readonly VerificationKey[] = [];
  #freshUntil = 0;
  #servedUntil = 0;
  #attemptedAt = Number.NEGATIVE_INFINITY;
  #attempt: Promise<void> | undefined;
  /** Why the last attempt brought nothing. */
  #failure: FetchError | undefined;

  constructor(options: RemoteJwksOptions) {
    this.#fetch = options.fetch;
    this.#now = passedTime(options.clock);
    this.#limits = { ...USUAL, ...options.limits };
    this.#onFailure = options.onFailure ?? (() => undefined);
  }

  async keysFor(kid: string | undefined, algorithm: SignatureAlgorithm): Promise<readonly VerificationKey[]> {
    const known = this.#find(kid, algorithm);
    if (known.length > 0) {
      if (this.#now() >= this.#freshUntil) void this.#refresh();
      return known;
    }
    await this.#refresh();
    const found = this.#find(kid, algorithm);
    // Nobody can say that a key doesn't exist where the last attempt to find out failed.
    if (found.length === 0 && this.#failure !== undefined) throw new FetchError(this.#failure.message);
    return found;
  }

  #find(kid: string | undefined, algorithm: SignatureAlgorithm): readonly VerificationKey[] {
    const now = this.#now();
    if (kid === undefined) return now < this.#servedUntil ? this.#keys.filter((key) => key.algorithm === algorithm) : [];
    const held = this.#held.get(indexOf(kid, algorithm));
    return held !== undefined && now < held.servedUntil ? [held.key] : [];
  }

  /** Waits for the attempt under way, or makes one if the cool-down is over. Never rejects. */
  #refresh(): Promise<void> {
    if (this.#attempt !== undefined) return this.#attempt;
    const now = this.#now();
    if (now - this.#attemptedAt < this.#limits.coolDown) return Promise.resolve();
    this.#attemptedAt = now;
    this.#attempt = this.#load().finally(() => {
      this.#attempt = undefined;
    });
    return this.#attempt;
  }

  async #load(): Promise<void> {
    try {
      const { body, maxAgeSeconds } = await this.#fetch();
      const set = parseJwks(body);
      if (!set.ok) throw new FetchError(`The JWK Set can't be used: ${JWKS_FAULTS[set.reason]}.`);
      this.#take(set.keys, maxAgeSeconds);
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error instanceof FetchError ? error : new FetchError("The JWK Set can't be fetched.");
      this.#onFailure(this.#failure);
    }
  }

  #take(keys: readonly VerificationKey[], maxAgeSeconds: number | undefined): void {
    const { minFresh, maxFresh, defaultFresh, staleLimit } = this.#limits;
    const now = this.#now();
    const fresh = maxAgeSeconds === undefined ? defaultFresh : Math.min(Math.max(maxAgeSeconds * SECOND, minFresh), maxFresh);
    this.#keys = keys;
    this.#freshUntil = now + fresh;
    this.#servedUntil = now + staleLimit;

    const held = new Map<string, HeldKey>();
    for (const key of keys) {
      if (key.kid === undefined) continue;
      held.set(indexOf(key.kid, key.algorithm), { key, freshUntil: this.#freshUntil, servedUntil: this.#servedUntil });
    }
    for (const [index, { key, freshUntil }] of this.#held) {
      if (freshUntil <= now || held.has(index) || held.size >= 2 * MAX_JWKS_KEYS) continue;
      held.set(index, { key, freshUntil, servedUntil: freshUntil });
    }
    this.#held = held;
  }
}

/** `crv` is one of two words without a blank, so no two pairs have one spelling. */
function indexOf(kid: string, algorithm: SignatureAlgorithm): string {
  return `${algorithm.crv} ${kid}`;
}

/**
 * How much time has passed, as far as the clock shows it: a step back counts as none, so that it can't put off the next
 * fetch or keep old keys for as long as the step was.
 */
function passedTime(clock: Clock): Clock {
  let last = clock();
  let passed = 0;
  return () => {
    const now = clock();
    passed += Math.max(0, now - last);
    last = now;
    return passed;
  };
}
