import t from "tap";
import { parseDuration } from "../../src/domain/duration.ts";

t.test("durations of each unit are read as milliseconds", async (t) => {
  const cases: readonly (readonly [string, number])[] = [
    ["500ms", 500],
    ["10s", 10_000],
    ["10m", 600_000],
    ["24h", 86_400_000],
    ["30d", 2_592_000_000],
    ["0s", 0],
    ["1000d", 86_400_000_000],
  ];
  for (const [text, millis] of cases) t.equal(parseDuration(text), millis, text);
});

t.test("what is not exactly a duration is none", async (t) => {
  const wrong = [
    "",
    "10",
    "s",
    "-1s",
    "+1s",
    "1.5h",
    "15m ",
    " 15m",
    "15 m",
    "015m",
    "1h30m",
    "10S",
    "10w",
    "1e3s",
    "١s",
    "10s\n",
    "1001d",
    "99999999999d",
    "NaN",
    "Infinityd",
  ];
  for (const text of wrong) t.equal(parseDuration(text), undefined, JSON.stringify(text));
});
