import t from "tap";
import { createTapReport, totalsText } from "../../scripts/tap-report.ts";

function read(tap: string): {
  printed: string;
  totals: ReturnType<ReturnType<typeof createTapReport>["totals"]>;
  skips: readonly string[];
} {
  const printed: string[] = [];
  const report = createTapReport((text) => printed.push(text));
  for (const line of tap.split("\n")) report.line(line);
  return { printed: printed.join("\n"), totals: report.totals(), skips: report.skips() };
}

t.test("a passed file is one line, a failed one shows what failed and nothing else", async (t) => {
  const { printed, totals, skips } = read(`TAP version 14
1..2
# Subtest: test/good.test.ts
    ok 1 - fine
    1..1
ok 1 - test/good.test.ts # time=12.3ms

# Subtest: test/bad.test.ts
    # Subtest: quiet
        ok 1 - unseen
        1..1
    ok 1 - quiet # time=1ms
    
    # Subtest: loud
        not ok 1 - should be equal
          ---
          diff: seen
          ...
        1..1
    not ok 2 - loud # time=1ms
    ok 3 - needs redis # SKIP no redis-server
    1..3
not ok 2 - test/bad.test.ts # time=20ms
  ---
  exitCode: 1
  ...

# No coverage generated
# { total: 4, pass: 2, fail: 1, skip: 1 }
# time=100ms`);
  t.match(printed, /^ok {6}test\/good\.test\.ts \(12 ms\)$/m);
  t.match(printed, /FAILED {2}test\/bad\.test\.ts/);
  t.match(printed, /diff: seen/);
  t.match(printed, /exitCode: 1/);
  t.notMatch(printed, /unseen|quiet|fine/);
  t.same(totals, { passed: 2, failed: 1, skipped: 1 });
  t.same(skips, ["test/bad.test.ts: needs redis: no redis-server"]);
});

t.test("zero counts that tap leaves out are zero, and a file may be skipped whole", async (t) => {
  const { totals, skips } = read(`ok 1 - test/a.test.ts # SKIP no redis-server\n# { total: 1, skip: 1 }`);
  t.same(totals, { passed: 0, failed: 0, skipped: 1 });
  t.same(skips, ["test/a.test.ts: no redis-server"]);
});

t.test("no totals line means no totals", async (t) => {
  t.equal(read("TAP version 14\nBail out! broken").totals, undefined);
});

t.test("the last line leaves out skipped where there are none", async (t) => {
  t.equal(totalsText({ passed: 3, failed: 0, skipped: 0 }), "3 passed, 0 failed");
  t.equal(totalsText({ passed: 3, failed: 1, skipped: 2 }), "3 passed, 1 failed, 2 skipped");
});
