/** `npm run check`: what holds besides the tests; every step runs even if one fails. Ends with `N passed, N failed`. */
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { totalsText } from "./tap-report.ts";

const root = dirname(import.meta.dirname);
const bin = (name: string): string => join(root, "node_modules", ".bin", name);
const node = process.execPath;
const env = { ...process.env, ...(process.stdout.isTTY ? {} : { NO_COLOR: "1" }) };

const steps: { name: string; command: string; args: string[] }[] = [
  { name: "types", command: bin("tsc"), args: ["-p", "tsconfig.json"] },
  { name: "lint", command: bin("oxlint"), args: ["--deny-warnings"] },
  { name: "format", command: bin("biome"), args: ["format", "."] },
  { name: "dependencies and unused files", command: bin("knip"), args: ["--no-progress", "--no-config-hints"] },
  { name: "import rules", command: node, args: ["test/imports.test.ts"] },
  { name: "build", command: node, args: ["scripts/prepare.mjs", "--build"] },
];

const totals = { passed: 0, failed: 0, skipped: 0 };
for (const { name, command, args } of steps) {
  const run = spawnSync(command, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"], encoding: "utf8", maxBuffer: 64 << 20 });
  const isGood = run.status === 0;
  console.log(`${isGood ? "ok     " : "FAILED "} ${name}`);
  if (!isGood)
    console.log(
      `${(run.stdout ?? "").replaceAll(/^ +ok .*\n/gm, "")}${run.stderr ?? ""}${run.error === undefined ? "" : run.error.message}`,
    );
  totals[isGood ? "passed" : "failed"] += 1;
}
console.log(totalsText(totals));
process.exitCode = totals.failed === 0 ? 0 : 1;
