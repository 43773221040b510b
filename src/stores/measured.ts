/** A store whose calls are timed and whose failures are counted. */

import { StoreError, type Store } from "../domain/ports.ts";

export type MeasuredOperation = "get" | "compareAndSet" | "append";

export interface StoreMeter {
  /** A monotonic time in seconds. */
  seconds(): number;
  took(operation: MeasuredOperation, seconds: number): void;
  failed(outcome: StoreError["outcome"]): void;
}

export function measured(store: Store, meter: StoreMeter): Store {
  // Without async functions: this is on the way of every call, and each would cost it two turns more.
  const timed = <T>(operation: MeasuredOperation, began: number, call: Promise<T>): Promise<T> =>
    call.then(
      (answer) => {
        meter.took(operation, meter.seconds() - began);
        return answer;
      },
      (error: unknown) => {
        meter.took(operation, meter.seconds() - began);
        if (error instanceof StoreError) meter.failed(error.outcome);
        throw error;
      },
    );
  return {
    get: (key) => timed("get", meter.seconds(), store.get(key)),
    compareAndSet: (key, expected, next, options) =>
      timed("compareAndSet", meter.seconds(), store.compareAndSet(key, expected, next, options)),
    append: (log, entry, expiresAt) => timed("append", meter.seconds(), store.append(log, entry, expiresAt)),
    scan: (prefix) => store.scan(prefix),
    read: (log, after, limit) => store.read(log, after, limit),
    now: () => store.now(),
    ping: () => store.ping(),
    inspect: () => store.inspect(),
    onPrimaryChange: (listener) => store.onPrimaryChange(listener),
    close: () => store.close(),
  };
}
