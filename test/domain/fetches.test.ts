import assert from "node:assert/strict";
import t from "tap";
import {
  agentText,
  keptVerifiers,
  mergedVerifiers,
  type Verifier,
  VERIFIER_KEPT_MILLIS,
  verifierKey,
  verifierOf,
  VERIFIERS_MAX,
} from "../../src/domain/fetches.ts";
import fc, { runs } from "../support/fast-check.ts";

const NOW = 1_798_761_600_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function verifier(name: string, members: Partial<Verifier> = {}): Verifier {
  return { address: "192.0.2.1", userAgent: name, version: 1, firstSeenAt: NOW, lastFetchedAt: NOW, count: 1, unchanged: 0, ...members };
}

/** Few names, so that two tables share some. */
const anyVerifier = fc
  .record({
    address: fc.constantFrom("192.0.2.1", "2001:db8::1"),
    userAgent: fc.constantFrom("", "a/1", "b", "c d"),
    version: fc.nat(50),
    firstSeenAt: fc.integer({ min: NOW - 40 * DAY, max: NOW + HOUR }),
    span: fc.nat(40 * DAY),
    count: fc.integer({ min: 1, max: 1_000 }),
    unchanged: fc.nat(1_000),
  })
  .map(({ span, ...rest }): Verifier => ({ ...rest, lastFetchedAt: rest.firstSeenAt + span }));
const anyTable = fc.uniqueArray(anyVerifier, { selector: verifierKey, maxLength: 8 });

const sorted = (table: readonly Verifier[]): readonly Verifier[] => table.toSorted((a, b) => (verifierKey(a) < verifierKey(b) ? -1 : 1));
const withoutCounts = (table: readonly Verifier[]): object[] => sorted(table).map(({ count: _, unchanged: __, ...rest }) => rest);

t.test("a fetch is one verifier, seen once, that has the set of that ring", async (t) => {
  const fetch = { address: "192.0.2.1", userAgent: "jose/6", ringVersion: 9, isUnchanged: true };
  t.same(verifierOf(fetch, NOW), verifier("jose/6", { version: 9, unchanged: 1 }));
  t.same(verifierOf({ ...fetch, isUnchanged: false }, NOW).unchanged, 0);
});

t.test("a User-Agent is remembered as at most 128 characters of printable ASCII", async (t) => {
  t.equal(agentText(undefined), "");
  t.equal(agentText("a\u0000b\u001b[31m\u202ec\u00e9"), "ab[31mc");
  t.equal(agentText("x".repeat(10_000)).length, 128);
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 300 }), (header) => {
      assert.match(agentText(header), /^[\x20-\x7e]{0,128}$/);
    }),
  );
});

t.test("in which order tables are merged changes nothing", async () => {
  fc.assert(
    fc.property(anyTable, anyTable, anyTable, (a, b, c) => {
      assert.deepEqual(sorted(mergedVerifiers(a, b)), sorted(mergedVerifiers(b, a)));
      assert.deepEqual(sorted(mergedVerifiers(mergedVerifiers(a, b), c)), sorted(mergedVerifiers(a, mergedVerifiers(b, c))));
    }),
  );
});

t.test("what is merged twice is counted twice and otherwise what it was", async () => {
  fc.assert(
    fc.property(anyTable, anyTable, (a, b) => {
      const once = mergedVerifiers(a, b);
      assert.deepEqual(withoutCounts(mergedVerifiers(once, b)), withoutCounts(once));
    }),
  );
});

t.test("merging forgets nobody, and nobody's version or last fetch goes back", async () => {
  fc.assert(
    fc.property(anyTable, anyTable, (a, b) => {
      const merged = new Map(mergedVerifiers(a, b).map((one) => [verifierKey(one), one]));
      for (const one of [...a, ...b]) {
        const found = merged.get(verifierKey(one));
        assert.ok(found !== undefined && found.version >= one.version && found.lastFetchedAt >= one.lastFetchedAt);
        assert.ok(found !== undefined && found.firstSeenAt <= one.firstSeenAt);
      }
      const sum = (table: readonly Verifier[]): number => table.reduce((all, { count }) => all + count, 0);
      assert.equal(sum([...merged.values()]), sum(a) + sum(b));
    }),
  );
});

t.test(
  "what is kept is never more than the bound, nor older than 30 days, nor ahead of the clock; keeping again keeps it all",
  async () => {
    const many = fc
      .integer({ min: 0, max: VERIFIERS_MAX + 50 })
      .chain((count) =>
        fc
          .array(anyVerifier, { minLength: 1, maxLength: 20 })
          .map((some) => Array.from({ length: count }, (_, index) => ({ ...some[index % some.length]!, userAgent: `u${index}` }))),
      );
    fc.assert(
      fc.property(many, (table) => {
        const kept = keptVerifiers(table, NOW);
        assert.ok(kept.length <= VERIFIERS_MAX);
        for (const { lastFetchedAt, firstSeenAt } of kept) {
          assert.ok(lastFetchedAt <= NOW && lastFetchedAt > NOW - VERIFIER_KEPT_MILLIS && firstSeenAt <= lastFetchedAt);
        }
        assert.deepEqual(sorted(keptVerifiers(kept, NOW)), sorted(kept));
        assert.deepEqual(sorted(keptVerifiers(table.toReversed(), NOW)), sorted(kept), "the order they come in decides nothing");
      }),
      { numRuns: runs(10) },
    );
  },
);

const crowd = (count: number, members: Partial<Verifier> = {}): Verifier[] =>
  Array.from({ length: count }, (_, index) => verifier(`crowd/${index}`, members));
const names = (table: readonly Verifier[]): Set<string> => new Set(table.map(({ userAgent }) => userAgent));

t.test("ten thousand new names push out nobody who has been here longer, however often they come", async (t) => {
  const real = Array.from({ length: 40 }, (_, index) =>
    verifier(`real/${index}`, { firstSeenAt: NOW - HOUR, lastFetchedAt: NOW - 10 * MINUTE, count: 2 }),
  );
  const flood = crowd(10_000, { count: 1_000, firstSeenAt: NOW - MINUTE });
  const kept = names(keptVerifiers(mergedVerifiers(real, flood), NOW));
  t.equal(kept.size, VERIFIERS_MAX);
  for (const { userAgent } of real) t.ok(kept.has(userAgent), userAgent);
});

t.test("where there is no room, one that has gone quiet gives way to one that fetches", async (t) => {
  const gone = crowd(VERIFIERS_MAX, { firstSeenAt: NOW - 20 * DAY, lastFetchedAt: NOW - 2 * DAY, count: 5_000 });
  t.ok(names(keptVerifiers([...gone, verifier("new")], NOW)).has("new"));
  const here = crowd(VERIFIERS_MAX, { firstSeenAt: NOW - 20 * DAY, count: 5_000 });
  t.notOk(names(keptVerifiers([...here, verifier("new")], NOW)).has("new"));
});
