const UNITS: ReadonlyMap<string, number> = new Map([
  ["ms", 1],
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/** Longest duration that is read at all: 1000 days. */
export const LONGEST_DURATION_MILLIS = 1_000 * 86_400_000;

/** What a duration looks like, for JSON Schema. */
export const DURATION_PATTERN = "^(?:0|[1-9][0-9]{0,10})(?:ms|s|m|h|d)$";

const PATTERN = new RegExp(DURATION_PATTERN.replace("(?:0", "(?<count>0").replace("(?:ms", "(?<unit>ms"));

/**
 * Milliseconds of a duration such as `"500ms"`, `"10s"`, `"10m"`, `"24h"`, `"30d"`; undefined where it is none or is
 * longer than 1000 days. Strict: no sign, fraction, blank or leading zero. `"0s"` is 0: the caller says whether it may be.
 */
export function parseDuration(text: string): number | undefined {
  const { count, unit } = PATTERN.exec(text)?.groups ?? {};
  const unitMillis = unit === undefined ? undefined : UNITS.get(unit);
  if (count === undefined || unitMillis === undefined) return undefined;
  const millis = Number(count) * unitMillis;
  return millis <= LONGEST_DURATION_MILLIS ? millis : undefined;
}
