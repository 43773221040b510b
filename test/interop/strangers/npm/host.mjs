/** Verifiers from npm behind one pipe: a line with a token goes in, a line with the verdict comes out. See ../README.md. */

import { createInterface } from "node:readline";
import { libraries } from "./libraries.mjs";
import { middlewares } from "./middlewares.mjs";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const setting = JSON.parse((await lines.next()).value);

const running = new Map();
const report = {};
for (const [name, open] of Object.entries({ ...libraries, ...middlewares })) {
  try {
    const { version, verify } = await open(setting);
    running.set(name, verify);
    report[name] = { version };
  } catch (error) {
    report[name] = { missing: error.message };
  }
}
say({ verifiers: report });

for await (const line of lines) {
  const { verifier, ...presented } = JSON.parse(line);
  try {
    await running.get(verifier)(presented);
    say({ ok: true });
  } catch (error) {
    say({ ok: false, why: error.message });
  }
}
process.exit(0);
