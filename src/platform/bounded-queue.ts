/** Work that may only run a few at a time, with a queue that has an end. */

import { QueueFullError } from "../domain/ports.ts";

export interface BoundedQueueOptions {
  /** How many run at once. */
  readonly concurrency: number;
  /** How many may wait. */
  readonly queueLength: number;
  /** How long one may wait, milliseconds. */
  readonly maxWaitMillis: number;
}

/** Runs what it is given, first come first served. Rejects with `QueueFullError` where it can't begin soon. */
export type BoundedQueue = <T>(work: () => Promise<T>) => Promise<T>;

interface Waiting {
  readonly begin: () => void;
  readonly timer: NodeJS.Timeout;
}

export function createBoundedQueue(options: BoundedQueueOptions): BoundedQueue {
  const { concurrency, queueLength, maxWaitMillis } = options;
  const waiting = new Set<Waiting>();
  let running = 0;

  function turn(): Promise<void> {
    if (running < concurrency) {
      running += 1;
      return Promise.resolve();
    }
    if (waiting.size >= queueLength) return Promise.reject(new QueueFullError("The queue is full."));
    return new Promise((resolve, reject) => {
      const entry: Waiting = {
        begin: resolve,
        timer: setTimeout(() => {
          waiting.delete(entry);
          reject(new QueueFullError("The wait in the queue was too long."));
        }, maxWaitMillis),
      };
      waiting.add(entry);
    });
  }

  /** Hands the place on, so that nobody who comes now overtakes who waits. */
  function leave(): void {
    const [next] = waiting;
    if (next === undefined) {
      running -= 1;
      return;
    }
    waiting.delete(next);
    clearTimeout(next.timer);
    next.begin();
  }

  return async (work) => {
    await turn();
    try {
      return await work();
    } finally {
      leave();
    }
  };
}
