import { generateKeyPairSync } from "node:crypto";
import t from "tap";
import { utf8 } from "../../src/domain/bytes.ts";
import { FetchError } from "../../src/domain/ports.ts";
import type { FetchedDocument } from "../../src/domain/ports.ts";
import { algorithmNamed } from "../../src/jws/algorithms.ts";
import { RemoteJwks } from "../../src/jws/remote-jwks.ts";
import fc, { runs } from "../support/fast-check.ts";

const ES256 = algorithmNamed("ES256")!;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const KIDS = ["a", "b", "c"] as const;
type Kid = (typeof KIDS)[number];
const jwks = new Map<string, object>(
  KIDS.map((kid) => [kid, { ...generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "jwk" }), kid }]),
);
const document = (kids: readonly Kid[], maxAgeSeconds?: number): FetchedDocument => ({
  body: utf8(JSON.stringify({ keys: kids.map((kid) => jwks.get(kid)) })),
  maxAgeSeconds,
});

/** A set behind a fetch that gives what `answer` holds, and counts. */
function world(first: FetchedDocument | Error) {
  const state = { answer: first, now: 1_000_000_000_000, fetches: 0, failures: [] as string[] };
  const set = new RemoteJwks({
    fetch: async () => {
      state.fetches += 1;
      if (state.answer instanceof Error) throw state.answer;
      return state.answer;
    },
    clock: () => state.now,
    onFailure: (error) => state.failures.push(error.message),
  });
  const kidsFor = async (kid: string | undefined) => (await set.keysFor(kid, ES256)).map((key) => key.kid);
  return { state, set, kidsFor };
}

/** Lets a fetch in the background end. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

const down = new FetchError("https://keys.example: no whole answer (ECONNREFUSED).");

t.test("a known kid gives its key, of the algorithm asked for", async (t) => {
  const { set, state } = world(document(["a", "b"]));
  const [key] = await set.keysFor("a", ES256);
  t.equal(key?.kid, "a");
  t.equal(key?.algorithm, ES256);
  t.same(await set.keysFor("a", algorithmNamed("EdDSA")!), []);
  t.equal(state.fetches, 1);
});

t.test("without a kid every key that fits is given", async (t) => {
  const { set, kidsFor } = world(document(["a", "b"]));
  t.same(await kidsFor(undefined), ["a", "b"]);
  t.same(await set.keysFor(undefined, algorithmNamed("EdDSA")!), []);
});

t.test("a thousand first calls make one fetch (bad-inputs vf-026)", async (t) => {
  const { state, kidsFor } = world(document(["a"]));
  const found = await Promise.all(Array.from({ length: 1_000 }, () => kidsFor("a")));
  t.ok(found.every((kids) => kids[0] === "a"));
  t.equal(state.fetches, 1);
});

t.test("a kid is a name and nothing else", async (t) => {
  const { kidsFor } = world(document(["a"]));
  for (const kid of ["__proto__", "constructor", "toString", "", "A", "a ", "P-256 a"]) t.same(await kidsFor(kid), [], kid);
});

t.test("ten thousand unknown kids make one fetch in a cool-down (bad-inputs te-091)", async (t) => {
  const { state, kidsFor } = world(document(["a"]));
  await kidsFor("a");
  const unknown = async (count: number) => {
    let found = 0;
    for (let index = 0; index < count; index += 1) found += (await kidsFor(`unknown ${index}`)).length;
    return found;
  };
  t.equal(await unknown(10_000), 0);
  t.equal(state.fetches, 1, "within the cool-down of the first");
  state.now += 30 * SECOND;
  t.same(await Promise.all([unknown(5_000), unknown(5_000)]), [0, 0]);
  t.equal(state.fetches, 2);
  state.answer = down;
  state.now += 30 * SECOND;
  for (let index = 0; index < 100; index += 1) await t.rejects(kidsFor(`unknown ${index}`), down);
  t.equal(state.fetches, 3, "a failure counts as well");
});

t.test("a new kid is found after the cool-down", async (t) => {
  const { state, kidsFor } = world(document(["a"]));
  await kidsFor("a");
  state.answer = document(["a", "b"]);
  state.now += 30 * SECOND - 1;
  t.same(await kidsFor("b"), []);
  state.now += 1;
  t.same(await kidsFor("b"), ["b"]);
});

t.test("a set is fresh for its max-age, between a minute and an hour, ten minutes where it says none", async (t) => {
  const cases = [
    [undefined, 10 * MINUTE],
    [0, MINUTE],
    [59, MINUTE],
    [300, 5 * MINUTE],
    [86_400, HOUR],
    [1e300, HOUR],
  ] as const;
  for (const [maxAgeSeconds, fresh] of cases) {
    const { state, kidsFor } = world(document(["a"], maxAgeSeconds));
    await kidsFor("a");
    state.now += fresh - 1;
    await kidsFor("a");
    t.equal(state.fetches, 1, `${maxAgeSeconds}`);
    state.now += 1;
    await kidsFor("a");
    t.equal(state.fetches, 2, `${maxAgeSeconds}`);
  }
});

t.test("keys that are no longer fresh serve while a new set is on its way", async (t) => {
  const waiting: ((document: FetchedDocument) => void)[] = [];
  let now = 0;
  const set = new RemoteJwks({ fetch: () => new Promise((resolve) => waiting.push(resolve)), clock: () => now });
  const first = set.keysFor("a", ES256);
  waiting[0]?.(document(["a"]));
  t.equal((await first)[0]?.kid, "a");
  now += 10 * MINUTE;
  t.equal((await set.keysFor("a", ES256))[0]?.kid, "a");
  t.equal((await set.keysFor("a", ES256))[0]?.kid, "a");
  t.equal(waiting.length, 2, "one fetch, under way");
  const other = set.keysFor("b", ES256);
  waiting[1]?.(document(["a", "b"]));
  t.equal((await other)[0]?.kid, "b", "an unknown kid waits for it");
  t.equal(waiting.length, 2);
});

t.test("keys serve until the stale limit while fetches fail, then the failure is told (bad-inputs vf-010 to vf-017)", async (t) => {
  const bad = (text: string) => ({ body: utf8(text), maxAgeSeconds: undefined });
  for (const answer of [down, bad("<html>"), bad('{"keys":[{"kty"'), bad('{"keys":[]}'), bad('{"keys":[{"kty":"RSA"}]}'), bad("{}")]) {
    const { state, kidsFor } = world(document(["a"]));
    await kidsFor("a");
    state.answer = answer;
    for (let tenths = 0; tenths < 6 * 24 - 1; tenths += 1) {
      state.now += 10 * MINUTE;
      t.same(await kidsFor("a"), ["a"]);
      await t.rejects(kidsFor("b"), { name: "FetchError" }, "nobody can say that there is no such key");
    }
    state.now += 10 * MINUTE;
    await t.rejects(kidsFor("a"), { name: "FetchError" });
    await t.rejects(kidsFor(undefined), { name: "FetchError" });
    state.answer = document(["a"]);
    await t.rejects(kidsFor("a"), { name: "FetchError" }, "in the cool-down");
    state.now += 30 * SECOND;
    t.same(await kidsFor("a"), ["a"]);
    t.equal(state.failures.length, state.fetches - 2);
  }
});

t.test("without a first set the failure is told, and a fetch is tried once per cool-down", async (t) => {
  const { state, kidsFor } = world(down);
  for (let index = 0; index < 100; index += 1) await t.rejects(kidsFor(index % 2 === 0 ? "a" : undefined), down);
  t.equal(state.fetches, 1);
  state.answer = document(["a"]);
  state.now += 30 * SECOND;
  t.same(await kidsFor("a"), ["a"]);
  t.same(await kidsFor("b"), [], "and now it can be said that there is no such key");
});

t.test("what is no FetchError is told without its words", async (t) => {
  const { kidsFor } = world(new Error("connect 10.0.0.1"));
  await t.rejects(kidsFor("a"), { name: "FetchError", message: "The JWK Set can't be fetched." });
});

t.test("a key that an older copy leaves out serves as long as the set that had it was fresh (bad-inputs vf-024)", async (t) => {
  const { state, kidsFor } = world(document(["a", "b"], 600));
  await kidsFor("b");
  state.answer = document(["a"], 600);
  for (let copies = 0; copies < 5; copies += 1) {
    state.now += 30 * SECOND;
    t.same(await kidsFor("unknown"), []);
  }
  t.equal(state.fetches, 6);
  t.same(await kidsFor("b"), ["b"]);
  t.same(await kidsFor(undefined), ["a"], "but not without its name");
  state.now += 600 * SECOND - 150 * SECOND - 1;
  t.same(await kidsFor("b"), ["b"]);
  state.now += 1;
  t.same(await kidsFor("b"), []);
});

t.test("sets that change all the time don't pile up", async (t) => {
  let now = 0;
  let fetches = 0;
  const jwk = jwks.get("a");
  const kidsOf = (fetch: number) => Array.from({ length: 100 }, (_, index) => `${fetch}/${index}`);
  const set = new RemoteJwks({
    fetch: async () => ({ body: utf8(JSON.stringify({ keys: kidsOf(fetches++).map((kid) => ({ ...jwk, kid })) })), maxAgeSeconds: 3_600 }),
    clock: () => now,
  });
  for (let round = 0; round < 5; round += 1) {
    await set.keysFor(`${round}/0`, ES256);
    now += 30 * SECOND;
  }
  t.equal(fetches, 5);
  now -= SECOND;
  const served = await Promise.all(
    Array.from({ length: 5 }, (_, round) => round).flatMap((round) => kidsOf(round).map((kid) => set.keysFor(kid, ES256))),
  );
  t.same(
    Array.from({ length: 5 }, (_, round) => served.slice(round * 100, round * 100 + 100).filter((keys) => keys.length === 1).length),
    [0, 0, 0, 100, 100],
  );
});

t.test("a clock that goes back doesn't keep from fetching, nor old keys serving", async (t) => {
  const { state, kidsFor } = world(document(["a"]));
  await kidsFor("a");
  state.now -= 1_000 * HOUR;
  state.answer = document(["a", "b"]);
  t.same(await kidsFor("b"), []);
  state.now += 30 * SECOND;
  t.same(await kidsFor("b"), ["b"]);
  state.answer = down;
  state.now -= 1_000 * HOUR;
  t.same(await kidsFor("a"), ["a"]);
  state.now += 24 * HOUR;
  await t.rejects(kidsFor("a"), down);
});

type Step =
  | { readonly kind: "pass"; readonly seconds: number }
  | { readonly kind: "answer"; readonly kids: readonly Kid[]; readonly maxAgeSeconds: number | undefined }
  | { readonly kind: "look"; readonly kid: Kid | "unknown" };

const seconds = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.integer({ min: 0, max: 4_000 }),
  fc.constantFrom(-90, -90_000, 82_800, 86_400),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: seconds.map((seconds) => ({ kind: "pass" as const, seconds })), weight: 3 },
  {
    // No key: the fetch fails.
    arbitrary: fc.record({
      kind: fc.constant("answer" as const),
      kids: fc.constantFrom<readonly Kid[]>(["a"], ["b"], ["a", "b"], []),
      maxAgeSeconds: fc.constantFrom(undefined, 0, 600, 100_000),
    }),
    weight: 2,
  },
  { arbitrary: fc.constantFrom("a", "b", "c", "unknown" as const).map((kid) => ({ kind: "look" as const, kid })), weight: 5 },
);

const COOL_DOWN = 30;
const STALE_LIMIT = 86_400;

t.test("whatever happens: fetches keep their distance, good keys serve, and no key is made up", async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { state, set } = world(down);
      const must = (isSo: boolean, what: string) => {
        if (!isSo) throw new Error(what);
      };
      let published: readonly Kid[] = [];
      /** Seconds that passed, as calls could see it: steps back count as none. */
      let passed = 0;
      let lastNow = state.now;
      let attemptedAt = Number.NEGATIVE_INFINITY;
      let last = { at: Number.NEGATIVE_INFINITY, kids: published };
      const lastIn = new Map<string, number>();

      for (const each of steps) {
        if (each.kind === "pass") state.now += each.seconds * SECOND;
        if (each.kind === "answer") {
          published = each.kids;
          state.answer = each.kids.length === 0 ? down : document(each.kids, each.maxAgeSeconds);
        }
        if (each.kind !== "look") continue;
        const { kid } = each;
        passed += Math.max(0, state.now - lastNow) / SECOND;
        lastNow = state.now;
        const isGood = () => last.kids.some((one) => one === kid) && passed - last.at < STALE_LIMIT;
        const wasGood = isGood();
        const before = state.fetches;
        const found = await set.keysFor(kid, ES256).catch((error: unknown) => {
          must(error instanceof FetchError, "something else than a FetchError");
          return [];
        });
        await settle();

        const attempts = state.fetches - before;
        must(attempts <= 1, "a call made two fetches");
        if (attempts === 1) {
          must(passed - attemptedAt >= COOL_DOWN, "two fetches within a cool-down");
          must(!wasGood || passed - last.at >= 60, "a fetch for a key that is known and fresh");
          attemptedAt = passed;
        }
        if (attempts === 1 && published.length > 0) {
          last = { at: passed, kids: published };
          for (const one of published) lastIn.set(one, passed);
        }
        const mayFetch = passed - attemptedAt >= COOL_DOWN;
        must(!mayFetch || passed - last.at < 3_600, "a set that is no longer fresh was not fetched");

        const [key, ...others] = found;
        must(others.length === 0, "more than one key");
        if (key === undefined) {
          must(!wasGood && !isGood(), "a good key was not served");
          must(!mayFetch, "a key was not looked for");
          continue;
        }
        must(key.kid === kid, "another key was served");
        const age = passed - (lastIn.get(kid) ?? Number.NEGATIVE_INFINITY);
        must(age < STALE_LIMIT, "a key that was in no set, or in none for too long");
        must(wasGood || isGood() || age < 3_600, "a key that newer sets left out served for more than an hour");
      }
    }),
    { numRuns: runs(500) },
  );
  t.pass();
});
