/** When this process could not reach its store: time that no retry window counts. */

import { type Clock, type MeteredOperation, type SetOptions, type Store, StoreError, type StoreMeter } from "../domain/ports.ts";
import type { Interval } from "../domain/session.ts";

const KEPT_INTERVALS = 32;

export class Reach {
  readonly #clock: Clock;
  #closed: readonly Interval[] = [];
  #lastReached: number;
  #downSince: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastReached = clock();
  }

  /** The gaps, the one that is still open included. */
  downtime(): readonly Interval[] {
    if (this.#downSince === undefined) return this.#closed;
    return joined([...this.#closed, { from: this.#downSince, to: this.#clock() }]);
  }

  /** Adds a gap found by other means: no node was alive. */
  add(interval: Interval): void {
    if (interval.to <= interval.from) return;
    this.#closed = joined([...this.#closed, interval]).slice(-KEPT_INTERVALS);
  }

  reached(): void {
    if (this.#downSince === undefined) this.#lastReached = this.#clock();
  }

  /** The gap ends when this node gives grants again, which is when it has caught up with the ring, not with the first answer. */
  caughtUp(): void {
    const now = this.#clock();
    if (this.#downSince !== undefined) this.add({ from: this.#downSince, to: now });
    this.#downSince = undefined;
    this.#lastReached = now;
  }

  /** The gap began when the store last answered, or was last as it should be, not when that was noticed. */
  missed(lastGood = this.#lastReached): void {
    this.#downSince ??= Math.min(lastGood, this.#lastReached);
  }
}

/** In order and without overlaps: a gap that was found twice counts once. */
function joined(intervals: readonly Interval[]): readonly Interval[] {
  return intervals
    .toSorted((a, b) => a.from - b.from)
    .reduce<readonly Interval[]>((before, next) => {
      const last = before.at(-1);
      if (last === undefined || next.from > last.to) return [...before, next];
      return [...before.slice(0, -1), { from: last.from, to: Math.max(last.to, next.to) }];
    }, []);
}

/** The same store; every answer and every failure is noted, and the calls of requests are timed and counted. */
export function watched(store: Store, reach: Reach, meter: StoreMeter = UNMETERED): Store {
  // Without async functions: this is on the way of every call, and each would cost it two turns more.
  const note = <T>(began: number, call: Promise<T>, operation?: MeteredOperation): Promise<T> =>
    call.then(
      (answer) => {
        reach.reached();
        if (operation !== undefined) meter.took(operation, meter.seconds() - began);
        return answer;
      },
      (error: unknown) => {
        if (operation !== undefined) meter.took(operation, meter.seconds() - began);
        if (!(error instanceof StoreError)) throw error;
        if (operation !== undefined) meter.failed(error.outcome);
        reach.missed();
        throw error;
      },
    );
  return {
    get: (key) => note(meter.seconds(), store.get(key), "get"),
    compareAndSet: (key, expected, next, options: SetOptions) =>
      note(meter.seconds(), store.compareAndSet(key, expected, next, options), "compareAndSet"),
    scan: (prefix) => store.scan(prefix),
    append: (log, entry, expiresAt) => note(meter.seconds(), store.append(log, entry, expiresAt), "append"),
    read: (log, after, limit) => note(meter.seconds(), store.read(log, after, limit)),
    now: () => note(meter.seconds(), store.now()),
    takesWrites: () => note(meter.seconds(), store.takesWrites()),
    ping: () => note(meter.seconds(), store.ping()),
    inspect: () => store.inspect(),
    onPrimaryChange: (listener) => store.onPrimaryChange(listener),
    close: () => store.close(),
  };
}

const UNMETERED: StoreMeter = { seconds: () => 0, took: () => undefined, failed: () => undefined };
