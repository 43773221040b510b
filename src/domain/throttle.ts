/** Failed logins, counted per minute in a fixed number of buckets, so that guessing costs the store no memory. */

/** Failures by the hash of what failed: when its minute began, how many since. */
export type ThrottleBucket = Readonly<Record<string, readonly [since: number, failures: number]>>;

export const THROTTLE_BUCKETS = 1024;
const MINUTE_MILLIS = 60_000;
const MAX_ENTRIES = 64;

/** Milliseconds until the next try is allowed; 0: now. */
export function throttledFor(bucket: ThrottleBucket, entry: string, limit: number, now: number): number {
  const [since, failures] = current(bucket, entry, now);
  return failures < limit ? 0 : Math.max(1, since + MINUTE_MILLIS - now);
}

export function withFailures(bucket: ThrottleBucket, entry: string, count: number, now: number): ThrottleBucket {
  const [since, failures] = current(bucket, entry, now);
  const others = Object.entries(bucket).filter(([name, [began]]) => name !== entry && isCurrent(began, now));
  // A full bucket forgets the minute that began first: it is over soonest.
  const kept = others.toSorted(([, [a]], [, [b]]) => a - b).slice(-(MAX_ENTRIES - 1));
  return Object.fromEntries([...kept, [entry, [since, failures + count]]]);
}

export function withoutFailures(bucket: ThrottleBucket, entry: string): ThrottleBucket {
  return Object.fromEntries(Object.entries(bucket).filter(([name]) => name !== entry));
}

export function throttleExpiresAt(now: number): number {
  return now + 2 * MINUTE_MILLIS;
}

function current(bucket: ThrottleBucket, entry: string, now: number): readonly [since: number, failures: number] {
  const found = Object.hasOwn(bucket, entry) ? bucket[entry] : undefined;
  return found !== undefined && isCurrent(found[0], now) ? found : [now, 0];
}

/** A minute that seems to begin in the future was written by a faster clock: it counts. */
function isCurrent(since: number, now: number): boolean {
  return since > now - MINUTE_MILLIS && since < now + MINUTE_MILLIS;
}
