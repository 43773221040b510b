/**
 * `npm run bench [-- NAME…] [-- --rounds N --seconds N --sessions N --subjects N --store S --json]`: see docs/benchmarks.md.
 * Without a name: refresh.
 */

import { parseArgs } from "node:util";
import { STORES } from "../scripts/figures/support/deployment.ts";
import { oneOf } from "../scripts/figures/support/options.ts";
import { benchCosts, costsText } from "./costs.ts";
import { benchCustodians, custodiansText } from "./custodians.ts";
import { benchDocuments, documentsText } from "./documents.ts";
import { benchEnds, endsText } from "./ends.ts";
import { benchMemory, memoryText } from "./memory.ts";
import { benchRefresh, refreshText } from "./refresh.ts";
import { benchRewrite, rewriteText } from "./rewrite.ts";
import { benchScale, scaleText } from "./scale.ts";
import { benchWait, waitText } from "./wait.ts";

interface Outcome {
  readonly result: object;
  readonly text: string;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string" },
    seconds: { type: "string" },
    sessions: { type: "string" },
    subjects: { type: "string" },
    store: { type: "string", default: "redis" },
    json: { type: "boolean", default: false },
  },
});

const SUBJECTS = 100_000;

const BENCHES: Readonly<Record<string, () => Promise<Outcome>>> = {
  async refresh() {
    const options = { rounds: count("rounds", 5), seconds: count("seconds", 4), sessions: count("sessions", 300_000) };
    const result = await benchRefresh(options);
    const memory = await benchMemory({ subjects: count("subjects", SUBJECTS) });
    return { result: { ...result, memory }, text: `${refreshText(result)}\n\n${memoryText(memory)}` };
  },
  async memory() {
    const result = await benchMemory({ subjects: count("subjects", SUBJECTS) });
    return { result, text: memoryText(result) };
  },
  async scale() {
    const store = oneOf("store", values.store, STORES);
    const largest = count("sessions", store === "redis" ? 1_000_000 : 100_000);
    const sizes = [1_000, 10_000, 100_000, 1_000_000].filter((size) => size <= largest);
    const result = await benchScale({ store, sizes, rounds: count("rounds", 20), seconds: count("seconds", 1) });
    return { result, text: scaleText(result) };
  },
  async costs() {
    const result = await benchCosts({ rounds: count("rounds", 20) });
    return { result, text: costsText(result) };
  },
  async custodians() {
    const result = await benchCustodians({ rounds: count("rounds", 5) });
    return { result, text: custodiansText(result) };
  },
  async documents() {
    const result = await benchDocuments({ subjects: count("subjects", SUBJECTS) });
    return { result, text: documentsText(result) };
  },
  async ends() {
    const result = await benchEnds({ ends: count("sessions", 100_000) });
    return { result, text: endsText(result) };
  },
  async wait() {
    const result = await benchWait({ rounds: count("rounds", 10) });
    return { result, text: waitText(result) };
  },
  async rewrite() {
    const result = await benchRewrite({ sessions: count("sessions", 1_000_000) });
    return { result, text: rewriteText(result) };
  },
};

function count(name: "rounds" | "seconds" | "sessions" | "subjects", fallback: number): number {
  const value = Number(values[name] ?? fallback);
  if (!Number.isSafeInteger(value) || value < 1) throw new TypeError(`--${name} is a number of 1 or more`);
  return value;
}

// "refresh" has the memory in it.
const names = positionals.length > 0 ? positionals : ["refresh"];
const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name));
if (unknown.length > 0) {
  console.error(`no such benchmark: ${unknown.join(", ")}. There are: ${Object.keys(BENCHES).join(", ")}`);
  process.exit(2);
}
console.error(`benchmarks: ${names.join(", ")}`);
const results: Record<string, object> = {};
for (const name of names) {
  const outcome = await BENCHES[name]?.();
  if (outcome === undefined) continue;
  results[name] = outcome.result;
  if (!values.json) console.log(`${outcome.text}\n`);
}
if (values.json) console.log(JSON.stringify(results));
