/** The command line of the figures: a few options, one JSON line as result. */

import { parseArgs } from "node:util";

/** Values by name; every option has a default, which also says whether it is a number. */
export function readOptions<T extends Readonly<Record<string, string | number>>>(defaults: T): T {
  const options = Object.fromEntries(Object.keys(defaults).map((name) => [name, { type: "string" as const }]));
  const { values } = parseArgs({ options, strict: true });
  const read = Object.entries(defaults).map(([name, fallback]) => {
    const value = values[name];
    if (value === undefined) return [name, fallback];
    if (typeof fallback === "string") return [name, value];
    const count = Number(value);
    if (!Number.isSafeInteger(count) || count < 1) throw new TypeError(`--${name} is a number of 1 or more`);
    return [name, count];
  });
  return Object.fromEntries(read) as T;
}

export function oneOf<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw new TypeError(`--${name} is one of ${allowed.join(", ")}`);
  return found;
}

/** Runs a figure as a command: its counts on stdout as JSON, progress on stderr; exit 1 where a count is not as it must be. */
export async function report(figure: () => Promise<{ readonly counts: object; readonly good: boolean }>): Promise<void> {
  const start = performance.now();
  const { counts, good } = await figure();
  console.log(JSON.stringify({ ...counts, good, seconds: Math.round((performance.now() - start) / 100) / 10 }));
  process.exitCode = good ? 0 : 1;
}
