/** What is told of a history: written and read again, counted, and as a table. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { readHistory } from "./history/read.ts";
import { Recorder } from "./history/recorder.ts";
import { percentile, reportOf, violationsIn } from "./report.ts";
import { fact, fault, login, operation, refresh, RULES, told } from "./support/told.ts";
import { tableOf } from "./table.ts";

t.test("unavailability lasts from the first failed operation to the next that does not fail", async (t) => {
  const failed = (at: number) => operation(at, "refresh", "unknown");
  const lost = operation(1, "refresh", "unknown", { status: 0, error: "lost" });
  const report = reportOf(
    told([login(0), lost, ...fault(2, 9), failed(3), failed(4), failed(4.5), refresh(5, 1), failed(6), refresh(6.2, 2)]),
  );
  t.equal(report.unavailableMillis, 2_000);
  t.equal(report.p99Millis, 10);
  t.equal(violationsIn(report), 0);
});

t.test("a percentile is one of the values", async (t) => {
  const values = Array.from({ length: 200 }, (_, index) => index + 1);
  t.same([percentile(values, 0.99), percentile(values, 0.5), percentile([7], 0.99), percentile([], 0.99)], [198, 100, 7, undefined]);
});

t.test("violations and what is excused are counted apart, and told with their lines", async (t) => {
  const lost = fact(2, { fact: "writes_lost", from: 500, to: 1_500, note: "cut" });
  const revoked = operation(1, "revoke", "ok", { sid: "S" });
  const excused = reportOf(told([login(0), revoked, lost, refresh(2, 1)]));
  t.same([excused.violations["I1"], excused.excused["I1"], excused.told], [0, 1, []]);
  const found = reportOf(told([login(0), revoked, refresh(2, 1)]));
  t.same([found.violations["I1"], found.excused["I1"]], [1, 0]);
  t.match(found.told, [/^I1: .*lines 3, 4/]);
});

t.test("the table has a line per deployment, and says why a row did not run", async (t) => {
  const parts = [reportOf(told([login(0)])), reportOf(told([operation(1, "refresh", "unknown")]))];
  const common = { title: "", seconds: 3, histories: [] };
  const text = tableOf([
    { ...common, id: "F0", parts },
    { ...common, id: "F3", parts: [], skipped: "no Sentinel" },
    { ...common, id: "F4", parts: [], failed: "Error: it fell over\n    at somewhere" },
  ]);
  const lines = text.split("\n");
  t.match(lines, [/^row +rounds/, /^F0 .*0 of 15/, /^F0 .*I13: 1/, /^F3 +skipped: no Sentinel$/, /^F4 +broke off: Error: it fell over$/]);
  t.equal(lines.length, 5);
});

t.test("what is recorded is read again; time that does not count is known meanwhile", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "mintmark-history-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const recorder = new Recorder(join(folder, "history.ndjson"), {
    row: "F0",
    part: "",
    seed: 1,
    rounds: 1,
    invariants: ["I1"],
    rules: RULES,
  });
  const began = recorder.now();
  recorder.operation(login(0));
  recorder.jwks({ at: 1, node: 0, kids: ["a"], maxAgeMillis: 1_000 });
  const away = await recorder.during({ kind: "away", isAway: true, recoverMillis: 5 }, async () => {
    while (recorder.now() < began + 20) await new Promise((resolve) => setTimeout(resolve, 5));
    return recorder.awaySince(began);
  });
  t.ok(away > 0 && away <= recorder.now() - began);
  await t.rejects(recorder.during({ kind: "broken", recoverMillis: 5 }, () => Promise.reject(new Error("no"))));
  recorder.fact({ fact: "counted", name: "operations", count: 4 });
  recorder.close();
  const { run, operations, faults, jwks, facts } = readHistory(recorder.path);
  t.same([run.row, run.rules, operations.length, jwks.length, facts.length], ["F0", RULES, 1, 1, 1]);
  t.match(faults, [
    { kind: "away", isAway: true, isCutting: false, recoverMillis: 5 },
    { kind: "broken", isAway: false },
  ]);
  t.ok(
    faults.every(({ from, to }) => to >= from && Number.isFinite(to)),
    "also where it ended badly",
  );
});
