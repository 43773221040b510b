import t from "tap";
import type { Verifier } from "../../src/domain/fetches.ts";
import type { RingKey } from "../../src/domain/ring.ts";
import { goesBy, hasSeen, sightings, unseenNames } from "../../src/domain/seen.ts";

const NOW = 1_798_761_600_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function verifier(name: string, version: number, lastFetchedAt = NOW, address = "192.0.2.1"): Verifier {
  return { address, userAgent: name, version, firstSeenAt: lastFetchedAt, lastFetchedAt, count: 1, unchanged: 0 };
}

const KEY: RingKey = {
  kid: "k".repeat(43),
  algorithm: "ES256",
  custody: "file:k",
  since: 5,
  publishedAt: NOW - DAY,
  longestLifetimeMillis: 0,
};
const { since: _, ...OLD_KEY } = KEY;

t.test("a verifier has a key when it was given the set of a ring that names it; of an older ring's key everyone has it", async (t) => {
  t.same(
    [4, 5, 6].map((version) => hasSeen(verifier("a", version), KEY)),
    [false, true, true],
  );
  t.ok(hasSeen(verifier("a", 0), OLD_KEY));
});

t.test(
  "everyone who lacks a key is waited for until he has not fetched for a day, or for as long as a key waits if that is longer",
  async (t) => {
    const table = [
      verifier("has", 5, NOW - 20 * DAY),
      verifier("lacks", 4, NOW - HOUR),
      verifier("lacks too", 4, NOW - DAY),
      verifier("gone", 4, NOW - DAY - 1),
    ];
    const agents = (list: readonly Verifier[]): string[] => list.map(({ userAgent }) => userAgent);
    const short = sightings(table, KEY, NOW, HOUR);
    t.same([agents(short.have), agents(short.lack), agents(short.quiet)], [["has"], ["lacks too", "lacks"], ["gone"]]);
    const long = sightings(table, KEY, NOW, 2 * DAY);
    t.same([agents(long.lack), agents(long.quiet)], [["gone", "lacks too", "lacks"], []]);
  },
);

t.test("a verifier goes by its address, its User-Agent or the product that this begins with, and by nothing else", async (t) => {
  const one = verifier("Payments-API/1.2 (node)", 1, NOW, "2001:db8::1");
  for (const name of ["2001:db8::1", "Payments-API/1.2 (node)", "payments-api", "PAYMENTS-API"]) t.ok(goesBy(one, name), name);
  for (const name of ["payments", "2001:db8::", "payments-api/1.2", "node", ""]) t.notOk(goesBy(one, name), name);
  t.ok(goesBy(verifier("curl", 1), "curl"));
  const agent = `x/${"y".repeat(500)}`;
  t.ok(goesBy(verifier(agent.slice(0, 128), 1), agent), "as much of it as is remembered");
  const silent = verifier("", 1);
  t.notOk(goesBy(silent, "") || goesBy(silent, "\u00e9"), "who sends no User-Agent goes by the address alone");
});

t.test("a name has the key when somebody who goes by it has, and nobody who goes by it and still fetches lacks it", async (t) => {
  const unseen = (names: readonly string[], ...table: readonly Verifier[]): string[] =>
    unseenNames(names, sightings(table, KEY, NOW, HOUR)).map(({ name, have, lack }) => `${name} ${have} ${lack}`);
  t.same(unseen(["a"]), ["a 0 0"], "nobody goes by it yet");
  t.same(unseen(["a"], verifier("a/1", 5)), []);
  t.same(unseen(["a"], verifier("a/1", 4)), ["a 0 1"]);
  t.same(unseen(["a"], verifier("a/1", 5), verifier("a/2", 4)), ["a 1 1"]);
  t.same(unseen(["a"], verifier("a/1", 5), verifier("a/2", 4, NOW - 2 * DAY)), [], "one of several has gone quiet");
  t.same(unseen(["a"], verifier("a/1", 4, NOW - 2 * DAY)), ["a 0 0"], "the only one has");
  t.same(unseen(["a"], verifier("a/1", 5, NOW - 2 * DAY)), [], "it has the key, however long ago it came for it");
  t.same(unseen(["a", "b", "192.0.2.1"], verifier("a/1", 5), verifier("b/1", 4)), ["b 0 1", "192.0.2.1 1 1"]);
});
