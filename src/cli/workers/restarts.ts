/** When a worker that ended gets its successor. */

/** Who served for so long had started well: whatever ended it is no reason to wait. */
const SETTLED_MILLIS = 10_000;
const FIRST_DELAY_MILLIS = 250;
const DELAY_MILLIS_MAX = 30_000;

export interface Restart {
  /** How many in a row ended before they had settled. */
  readonly early: number;
  readonly delayMillis: number;
}

/**
 * At once, unless the one before ended early as well: then the wait doubles each time, up to half a minute, so that a fault
 * that ends every worker at its start costs little and is over soon after its cause.
 *
 * @param early how many in a row ended early before this one
 * @param servedMillis how long this one had been listening; 0 where it never was
 */
export function nextRestart(early: number, servedMillis: number): Restart {
  if (servedMillis >= SETTLED_MILLIS) return { early: 0, delayMillis: 0 };
  const delayMillis = early === 0 ? 0 : Math.min(FIRST_DELAY_MILLIS * 2 ** (early - 1), DELAY_MILLIS_MAX);
  return { early: early + 1, delayMillis };
}
