/**
 * What so many sessions cost in Redis memory, shards, issuer cores and network: see docs/capacity.md.
 * `node scripts/capacity.ts [--sessions 250k,10M] [--active-share 0.3] … [--json]`; `--write` after a change of the model.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { readArguments } from "./capacity/arguments.ts";
import { capacityOf } from "./capacity/model.ts";
import { pageInStep } from "./capacity/page.ts";
import { capacityText, helpText } from "./capacity/text.ts";

const page = new URL("../docs/capacity.md", import.meta.url);
const request = readArguments(process.argv.slice(2));

if ("fault" in request) {
  console.error(`capacity: ${request.fault}`);
  process.exitCode = 2;
} else if (request.output === "help") {
  console.log(helpText());
} else if (request.output === "write") {
  writeFileSync(page, pageInStep(readFileSync(page, "utf8")));
} else if (request.output === "json") {
  const { sizes, assumptions } = request;
  console.log(JSON.stringify({ sizes: sizes.map((sessions) => capacityOf(sessions, assumptions)), ...assumptions }));
} else {
  console.log(capacityText(request));
}
