/** The machine's clock; the only file that reads it. */

import type { Clock } from "../domain/ports.ts";

export const systemClock: Clock = () => Date.now();

/** Seconds of a clock that never steps, for measuring. */
export function monotonicSeconds(): number {
  return performance.now() / 1_000;
}
