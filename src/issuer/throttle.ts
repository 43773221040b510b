/** Guessing is slowed per account and address, and per address, across all processes of a store. */

import { base64url, lengthPrefixed } from "../domain/bytes.ts";
import { KEYS, throttleDocument } from "../domain/documents.ts";
import type { Bytes } from "../domain/ports.ts";
import {
  THROTTLE_BUCKETS,
  type ThrottleBucket,
  throttledFor,
  throttleExpiresAt,
  withFailures,
  withoutFailures,
} from "../domain/throttle.ts";
import { type Context, REQUEST_BUDGET_MILLIS } from "./context.ts";
import { Turns } from "./turns.ts";

interface Place {
  readonly key: string;
  readonly entry: string;
}

type Change = (bucket: ThrottleBucket) => ThrottleBucket | undefined;

const SWAP_TRIES = 8;

export class Throttle {
  readonly #context: Context;
  /** When everything noted so far was written or given up. */
  #written: Promise<void> = Promise.resolve();
  readonly #turns: Turns;

  constructor(context: Context) {
    this.#context = context;
    this.#turns = new Turns({ clock: context.clock, width: 4, maxWaiting: 128, maxWaitMillis: REQUEST_BUDGET_MILLIS });
  }

  /**
   * A few logins at a time per account and address: a burst of guesses is counted as it goes on and gets at most those
   * few more than it may have, and a burst of good logins is not taken for guessing.
   */
  inTurn<T>(name: string, address: string, work: () => Promise<T>): Promise<T> {
    return this.#turns.run(this.#place(name, address).entry, work);
  }

  /** Milliseconds until this account may be tried again from this address; 0: now. */
  async delay(name: string, address: string): Promise<number> {
    const { failuresPerMinute, failuresPerMinutePerAddress } = this.#context.policy.login;
    // What failed here a moment ago counts, though its own answer did not wait for that to be written.
    await this.#written;
    const [account, everything] = await Promise.all([
      this.#delayOf(this.#place(name, address), failuresPerMinute),
      this.#delayOf(this.#place("", address), failuresPerMinutePerAddress),
    ]);
    return Math.max(account, everything);
  }

  /** Counts a failure; not waited for, so that a failure costs a guesser's request no more than a success. */
  failed(name: string, address: string): void {
    for (const place of [this.#place(name, address), this.#place("", address)]) {
      const now = this.#context.clock();
      this.#write(place.key, (bucket) => withFailures(bucket, place.entry, 1, now));
    }
  }

  /** A success clears the account's count, not the address's. */
  succeeded(name: string, address: string): void {
    const place = this.#place(name, address);
    this.#write(place.key, (bucket) => (Object.hasOwn(bucket, place.entry) ? withoutFailures(bucket, place.entry) : undefined));
  }

  /** Resolves when everything noted so far was written or given up. */
  idle(): Promise<void> {
    return this.#written;
  }

  async #delayOf(place: Place, limit: number): Promise<number> {
    const bytes = await this.#context.store.get(place.key);
    return throttledFor(bytes === undefined ? {} : throttleDocument.decode(bytes), place.entry, limit, this.#context.clock());
  }

  /** One write after the other. A count that can't be written is lost: the store is down, and so is every login. */
  #write(key: string, change: Change): void {
    this.#written = this.#written.then(() => this.#swap(key, change)).catch(() => undefined);
  }

  async #swap(key: string, change: Change): Promise<void> {
    for (let tries = 0; tries < SWAP_TRIES; tries++) {
      const bytes = await this.#context.store.get(key);
      const next = change(bytes === undefined ? {} : throttleDocument.decode(bytes));
      if (next === undefined) return;
      const options = { expiresAt: throttleExpiresAt(this.#context.clock()), confirmed: false };
      if (await this.#context.store.compareAndSet(key, bytes, throttleDocument.encode(next), options)) return;
    }
  }

  #place(name: string, address: string): Place {
    const digest: Bytes = this.#context.digests.sha256(lengthPrefixed(this.#context.policy.issuer, name, address));
    const bucket = (((digest[0] ?? 0) << 8) | (digest[1] ?? 0)) % THROTTLE_BUCKETS;
    return { key: KEYS.throttlePrefix + bucket, entry: base64url(digest.subarray(2, 11)) };
  }
}
