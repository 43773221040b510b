/** Simulated time for whatever runs in this process: `Date` and `performance.now` show what they are told. Timers are real. */

import { mock } from "node:test";

/** Caches remember what the clock showed for a millisecond of real time. */
const REMEMBERED_MILLIS = 2;

export interface FakeTime {
  /** Resolves when nobody remembers the time of before. */
  set(now: number): Promise<void>;
  restore(): void;
}

export function fakeTime(now: number): FakeTime {
  const own = Object.getOwnPropertyDescriptor(performance, "now");
  mock.timers.enable({ apis: ["Date"], now });
  Object.defineProperty(performance, "now", { value: () => Date.now(), configurable: true, writable: true });
  return {
    async set(to) {
      mock.timers.setTime(to);
      await new Promise((resolve) => setTimeout(resolve, REMEMBERED_MILLIS));
    },
    restore() {
      mock.timers.reset();
      if (own === undefined) Reflect.deleteProperty(performance, "now");
      else Object.defineProperty(performance, "now", own);
    },
  };
}
