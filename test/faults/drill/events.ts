/** What the issuers themselves said: counted from their logs. */

/** Lines of the log that tell of each. */
const PATTERNS: Readonly<Record<string, RegExp>> = {
  healed: /"event":"refresh".*"outcome":"healed"/g,
  replayed: /"event":"refresh".*"outcome":"replayed"/g,
  "ends restored": /"event":"ends_restored"/g,
  alarms: /"event":"store_emptied"/g,
  "rings repaired": /"event":"ring_repaired"/g,
  crashes: /"event":"crash|internal error|uncaughtException/g,
};

export function countEvents(logs: readonly string[]): readonly (readonly [name: string, count: number])[] {
  return Object.entries(PATTERNS)
    .map(([name, pattern]) => [name, logs.reduce((sum, log) => sum + [...log.matchAll(pattern)].length, 0)] as const)
    .filter(([, count]) => count > 0);
}
