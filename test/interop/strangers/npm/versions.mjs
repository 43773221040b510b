/** What is installed, as npm's lock file has it. */

import { readFileSync } from "node:fs";

const { packages } = JSON.parse(readFileSync(new URL("package-lock.json", import.meta.url), "utf8"));

/** `versionOf("jwks-rsa", "jose")`: "4.1.0, 6.2.17". */
export function versionOf(...names) {
  return names.map((name) => packages[`node_modules/${name}`].version).join(", ");
}
