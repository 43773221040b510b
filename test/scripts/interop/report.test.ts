/** The document of the verifiers: its tables are rewritten and nothing else, and it has a row for each. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { rewritten, tables } from "../../../scripts/interop/report.ts";
import type { Run } from "../../../scripts/interop/report.ts";
import type { Facts } from "../../../scripts/interop/trial.ts";
import type { Verdict } from "../../../scripts/interop/types.ts";
import { VERIFIERS } from "../../../scripts/interop/verifiers.ts";

const OK: Verdict = { ok: true };
const no = (why: string): Verdict => ({ ok: false, why });
const KID = "c90DP3qv5msgtDR-p5CjQybF0N8gvE64D4Z7cda9w98";
const FACTS: Facts = {
  version: "1.2.3",
  good: { ES256: OK, EdDSA: no("no OKP"), Ed25519: no("no OKP") },
  altered: {
    tampered: [no("bad signature"), no("bad signature")],
    audience: [no("aud | http://127.0.0.1:20001 is not it")],
    expired: [OK],
    "unknown kid": [no(`no key ${KID} at 2026-11-21 14:40:00 +0000 UTC`)],
  },
  rotation: { keys: 3, presented: 40, refusals: [] },
  revoked: { seconds: 12, over: true },
};
const RUN: Run = {
  rows: [
    { verifier: { name: "stranger", surrounding: "npm", verifies: ["ES256"], note: "a note" }, outcome: FACTS },
    { verifier: { name: "absent", surrounding: "go", verifies: ["ES256"] }, outcome: { missing: "go" } },
  ],
  date: "2026-11-21",
  on: ["mintmark 0.1.0"],
  stageForSeconds: 150,
};

t.test("a row says what was seen, also what must not be, and what was not run", async (t) => {
  const lines = tables(RUN).split("\n");
  const row = (name: string): string | undefined => lines.find((line) => line.startsWith(`| ${name} |`));
  const cells = "1.2.3 | ok | refuses | refuses | refuses | refuses | **accepts** | refuses | ok, 40 tokens | refused within 12 s | a note";
  t.equal(row("stranger"), `| stranger | ${cells} |`);
  t.match(row("absent"), /^\| absent \| not run: go \|( +\|)+$/);
  t.match(lines[0], /1 of 2 verifiers/);
});

t.test("reasons are told once, without what changes from run to run", async (t) => {
  const last = tables(RUN)
    .split("\n")
    .findLast((line) => line.startsWith("| stranger |"));
  const reasons = ["EdDSA: no OKP; Ed25519: no OKP", "bad signature", "aud \\| ‹issuer› is not it", "", "no key ‹kid› at ‹time›"];
  t.equal(last, `| stranger | ${reasons.join(" | ")} |`);
});

t.test("what stands around the tables stays, and writing twice is writing once", async (t) => {
  const [start, end] = ["<!-- npm run interop writes from here … -->", "<!-- … to here -->"];
  const document = `before\n\n${start}\nold\n${end}\n\nafter\n`;
  const once = rewritten(document, RUN);
  t.ok(once.startsWith(`before\n\n${start}\n`) && once.endsWith(`${end}\n\nafter\n`));
  t.notMatch(once, /old/);
  t.equal(rewritten(once, RUN), once);
  t.throws(() => rewritten("no marks", RUN), /no marks/);
});

t.test("docs/interop.md has a row for each verifier", async (t) => {
  const document = readFileSync(join(import.meta.dirname, "../../../docs/interop.md"), "utf8");
  for (const { name } of VERIFIERS) t.ok(document.includes(`\n| ${name} | `), name);
});
