import t from "tap";
import { durationText, parseTime, printable, table, timestamp } from "../../src/cli/text.ts";

t.test("a duration is told in its two largest units", async (t) => {
  const cases: [number, string][] = [
    [-5, "0 s"],
    [0, "0 s"],
    [999, "0 s"],
    [45_000, "45 s"],
    [60_000, "1 m"],
    [12_000_000, "3 h 20 m"],
    [12 * 86_400_000 + 3 * 3_600_000, "12 d 3 h"],
    [30 * 86_400_000, "30 d"],
  ];
  for (const [millis, text] of cases) t.equal(durationText(millis), text);
});

t.test("a time is RFC 3339 or seconds since the epoch, and nothing else", async (t) => {
  t.equal(parseTime("2026-11-21T08:00:00Z"), 1_795_248_000_000);
  t.equal(parseTime("2026-11-21t09:00:00.5+01:00"), 1_795_248_000_500);
  t.equal(parseTime("1795248000"), 1_795_248_000_000);
  for (const none of [
    "2026-13-45T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "0000-00-00T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "2026-01-01T24:30:00Z",
  ])
    t.equal(parseTime(none), undefined, none);
  t.equal(parseTime("0"), 0);
  for (const text of [
    "",
    "now",
    "2026-11-21",
    "2026-11-21 08:00:00Z",
    "2026-11-21T08:00:00",
    "2026-02-30T00:00:00Z",
    "-1",
    "1e9",
    "0x10",
    "007",
  ])
    t.equal(parseTime(text), undefined, text);
  t.equal(timestamp(1_795_248_000_000), "2026-11-21T08:00:00.000Z");
  t.equal(timestamp(undefined), null);
});

t.test("nothing that steers a terminal gets into a table", async (t) => {
  t.equal(printable("a\u001b[2Jb\u202ec\nd\ud800"), "a\ufffd[2Jb\ufffdc\ufffdd\ufffd");
  t.equal(table(["A", "LONG"], [["xyz", "\u0007"]]), "A    LONG\nxyz  \ufffd");
});
