/** The package's version. */

import { readFileSync } from "node:fs";

/** As package.json says, which is two folders up in src as in dist. */
export function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return String((JSON.parse(text) as { version?: unknown }).version);
}
