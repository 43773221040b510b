/**
 * `npm run bench [-- refresh|memory] [-- --rounds N --seconds N --sessions N --subjects N --json]`: see docs/benchmarks.md.
 * Without a name: all there is.
 */

import { parseArgs } from "node:util";
import { benchMemory, memoryText } from "./memory.ts";
import { benchRefresh, refreshText } from "./refresh.ts";

interface Outcome {
  readonly result: object;
  readonly text: string;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "4" },
    sessions: { type: "string", default: "300000" },
    subjects: { type: "string", default: "100000" },
    json: { type: "boolean", default: false },
  },
});

const BENCHES: Readonly<Record<string, () => Promise<Outcome>>> = {
  async refresh() {
    const result = await benchRefresh({ rounds: count("rounds"), seconds: count("seconds"), sessions: count("sessions") });
    const memory = await benchMemory({ subjects: count("subjects") });
    return { result: { ...result, memory }, text: `${refreshText(result)}\n\n${memoryText(memory)}` };
  },
  async memory() {
    const result = await benchMemory({ subjects: count("subjects") });
    return { result, text: memoryText(result) };
  },
};

function count(name: "rounds" | "seconds" | "sessions" | "subjects"): number {
  const value = Number(values[name]);
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
