import t from "tap";
import fc from "../support/fast-check.ts";
import { type ThrottleBucket, throttledFor, throttleExpiresAt, withFailures, withoutFailures } from "../../src/domain/throttle.ts";

const NOW = 1_790_000_000_000;
const MINUTE = 60_000;

t.test("the limit's failures within a minute throttle until that minute is over", async (t) => {
  let bucket: ThrottleBucket = {};
  for (let failure = 0; failure < 10; failure++) {
    t.equal(throttledFor(bucket, "a", 10, NOW + failure), 0);
    bucket = withFailures(bucket, "a", 1, NOW + failure);
  }
  t.equal(throttledFor(bucket, "a", 10, NOW + 10), MINUTE - 10);
  t.equal(throttledFor(bucket, "a", 10, NOW + MINUTE - 1), 1);
  t.equal(throttledFor(bucket, "a", 10, NOW + MINUTE), 0);
  t.equal(throttledFor(bucket, "b", 10, NOW + 10), 0, "nobody else");
});

t.test("the next minute counts anew", async (t) => {
  const full = withFailures({}, "a", 10, NOW);
  const next = withFailures(full, "a", 1, NOW + MINUTE);
  t.same(next, { a: [NOW + MINUTE, 1] });
});

t.test("a success forgets the failures of its own entry only", async (t) => {
  const bucket = withFailures(withFailures({}, "a", 10, NOW), "b", 10, NOW);
  const after = withoutFailures(bucket, "a");
  t.equal(throttledFor(after, "a", 10, NOW), 0);
  t.ok(throttledFor(after, "b", 10, NOW) > 0);
});

t.test("failures of a clock that is a little ahead count, those of one that is far off don't", async (t) => {
  t.ok(throttledFor(withFailures({}, "a", 10, NOW + MINUTE - 1), "a", 10, NOW) > 0);
  t.equal(throttledFor(withFailures({}, "a", 10, NOW + MINUTE), "a", 10, NOW), 0);
});

t.test("names that every object has are entries like any other", async (t) => {
  for (const name of ["__proto__", "constructor", "toString"]) {
    t.equal(throttledFor({}, name, 1, NOW), 0);
    t.ok(throttledFor(withFailures({}, name, 1, NOW), name, 1, NOW) > 0);
  }
});

t.test("a bucket has at most 64 entries; what began first gives way, what is over goes by itself", async (t) => {
  let bucket: ThrottleBucket = {};
  for (let index = 0; index < 200; index++) bucket = withFailures(bucket, `e${index}`, 1, NOW + index);
  t.same(Object.keys(bucket).toSorted(), Array.from({ length: 64 }, (_, index) => `e${index + 136}`).toSorted());
  t.same(withFailures(bucket, "new", 1, NOW + 2 * MINUTE), { new: [NOW + 2 * MINUTE, 1] });
});

t.test("an entry is not evicted by its own failures", async (t) => {
  let bucket: ThrottleBucket = {};
  for (let index = 0; index < 64; index++) bucket = withFailures(bucket, `e${index}`, 1, NOW);
  t.equal(Object.keys(withFailures(bucket, "e0", 1, NOW + 1)).length, 64);
});

t.test("the store may forget a bucket only when all its minutes are over", async () => {
  fc.assert(
    fc.property(
      fc.nat(MINUTE - 1),
      (ahead) =>
        throttledFor(withFailures({}, "a", 5, NOW + ahead), "a", 1, throttleExpiresAt(NOW)) === 0 &&
        throttleExpiresAt(NOW) >= NOW + ahead + MINUTE,
    ),
  );
});

t.test("as a count per entry in fixed minutes: never more than the limit lets through, never a wait without cause", async () => {
  const tries = fc.array(fc.record({ wait: fc.integer({ min: 0, max: 20_000 }), entry: fc.constantFrom("a", "b", "c") }), {
    maxLength: 80,
    size: "max",
  });
  fc.assert(
    fc.property(tries, fc.integer({ min: 1, max: 5 }), (all, limit) => {
      let bucket: ThrottleBucket = {};
      let now = NOW;
      const windows = new Map<string, { since: number; count: number }>();
      for (const { wait, entry } of all) {
        now += wait;
        const window = windows.get(entry);
        const current = window !== undefined && now < window.since + MINUTE ? window : { since: now, count: 0 };
        const delay = throttledFor(bucket, entry, limit, now);
        if (delay !== (current.count < limit ? 0 : current.since + MINUTE - now)) return false;
        if (delay > 0) continue;
        bucket = withFailures(bucket, entry, 1, now);
        windows.set(entry, { since: current.since, count: current.count + 1 });
      }
      return true;
    }),
  );
});
