import fc, { runs } from "../support/fast-check.ts";
import t from "tap";
import {
  activeKey,
  agedAt,
  type JwkPublic,
  type KeyState,
  keyTimes,
  jwksMaxAge,
  publishedKeys,
  RING_LAG_MILLIS,
  type Ring,
  type RingKey,
  type RingPolicy,
  stagedKeys,
} from "../../src/domain/ring.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const START = 1_790_000_000_000;
const JWK: JwkPublic = { kty: "OKP", crv: "Ed25519", x: "A" };

const POLICY: RingPolicy = {
  algorithms: ["ES256", "EdDSA", "HS256"],
  stageForMillis: DAY,
  rotateEveryMillis: 30 * DAY,
  jwksMaxAgeMillis: 10 * MINUTE,
  clockSkewMillis: 10_000,
  longestLifetimeMillis: () => 10 * MINUTE,
};

function key(kid: string, changes: Partial<RingKey> = {}): RingKey {
  return {
    kid,
    algorithm: "ES256",
    publicJwk: JWK,
    custody: `file:${kid}`,
    publishedAt: START,
    longestLifetimeMillis: 10 * MINUTE,
    ...changes,
  };
}

function ring(...keys: readonly RingKey[]): Ring {
  return { version: 1, keys };
}

function stateAt(of: Ring, kid: string, now: number): KeyState | undefined {
  const found = of.keys.find((one) => one.kid === kid);
  return found === undefined ? undefined : keyTimes(of, found, now, POLICY).state;
}

t.test(
  "a key is staged, active from activeAt, retiring from its successor's, and retired when nothing of it can be accepted any more",
  async (t) => {
    const change = START + 30 * DAY;
    const both = ring(key("a", { activeAt: START + DAY }), key("b", { publishedAt: START + 2, activeAt: change }));
    // DESIGN: the longest lifetime ever signed, the JWK Set's max-age, the clock skew, the ring lag of 5 s.
    const retired = change + 10 * MINUTE + 10 * MINUTE + 10_000 + 5_000;
    const expected: [number, KeyState, KeyState][] = [
      [START, "staged", "staged"],
      [START + DAY - 1, "staged", "staged"],
      [START + DAY, "active", "staged"],
      [change - 1, "active", "staged"],
      [change, "retiring", "active"],
      [retired - 1, "retiring", "active"],
      [retired, "retired", "active"],
      [change + 999 * DAY, "retired", "active"],
    ];
    for (const [now, first, second] of expected) {
      t.equal(stateAt(both, "a", now), first);
      t.equal(stateAt(both, "b", now), second);
    }
    const [a] = both.keys;
    t.same(a && keyTimes(both, a, change, POLICY), { state: "retiring", retiringAt: change, retiredAt: retired });
    t.equal(RING_LAG_MILLIS, 5_000);
  },
);

t.test("a key without a planned turn stays staged, one without a successor stays active", async (t) => {
  const both = ring(key("a", { activeAt: START }), key("b"));
  t.equal(stateAt(both, "a", START + 999 * DAY), "active");
  t.equal(stateAt(both, "b", START + 999 * DAY), "staged");
});

t.test("a longer lifetime that was once signed keeps the key retiring longer", async (t) => {
  const both = ring(key("a", { activeAt: START, longestLifetimeMillis: 5 * HOUR }), key("b", { activeAt: START + DAY }));
  t.equal(stateAt(both, "a", START + DAY + 5 * HOUR + 10 * MINUTE + 15_000 - 1), "retiring");
  t.equal(stateAt(both, "a", START + DAY + 5 * HOUR + 10 * MINUTE + 15_000), "retired");
});

t.test("a revoked key is revoked at once and for ever, whatever its times were", async (t) => {
  const of = ring(
    key("a", { activeAt: START, revokedAt: START + HOUR }),
    key("b", { activeAt: START + HOUR }),
    key("c", { revokedAt: START + HOUR }),
  );
  for (const kid of ["a", "c"]) for (const now of [START, START + HOUR, START + 999 * DAY]) t.equal(stateAt(of, kid, now), "revoked");
  t.equal(activeKey(of, "ES256", START + HOUR)?.kid, "b");
});

t.test("where the active key was revoked and none has taken over, nothing signs: not the one before, nor the revoked one", async (t) => {
  const of = ring(
    key("a", { activeAt: START }),
    key("b", { activeAt: START + HOUR, revokedAt: START + 2 * HOUR }),
    key("c", { activeAt: START + DAY }),
  );
  t.equal(activeKey(of, "ES256", START + 3 * HOUR), undefined);
  t.equal(stateAt(of, "a", START + 3 * HOUR), "retired");
  t.equal(activeKey(of, "ES256", START + DAY)?.kid, "c");
});

t.test("a key revoked before its turn takes nobody's place", async (t) => {
  const of = ring(key("a", { activeAt: START }), key("b", { activeAt: START + DAY, revokedAt: START + HOUR }));
  t.equal(stateAt(of, "a", START + 2 * DAY), "active");
  t.equal(activeKey(of, "ES256", START + 2 * DAY)?.kid, "a");
});

t.test("a key revoked in the moment in which it was to sign never signed, and its heir of that moment does", async (t) => {
  for (const [first, second] of [
    ["a", "b"],
    ["b", "a"],
  ] as const) {
    const of = ring(
      key("o", { activeAt: START }),
      key(first, { activeAt: START + HOUR, revokedAt: START + HOUR }),
      key(second, { activeAt: START + HOUR }),
    );
    t.equal(activeKey(of, "ES256", START + HOUR)?.kid, second);
    t.equal(stateAt(of, second, START + HOUR), "active");
    t.equal(stateAt(of, "o", START + HOUR), "retiring");
  }
});

t.test("algorithms don't meet", async (t) => {
  const of = ring(
    key("a", { activeAt: START }),
    key("b", { algorithm: "EdDSA", activeAt: START + DAY }),
    key("c", { algorithm: "Ed25519", activeAt: START + 2 * DAY }),
  );
  for (const algorithm of ["ES256", "EdDSA", "Ed25519"] as const) t.equal(activeKey(of, algorithm, START + 3 * DAY)?.algorithm, algorithm);
  t.equal(activeKey(of, "EdDSA", START), undefined);
  t.equal(activeKey(of, "HS256", START + 3 * DAY), undefined);
});

t.test("of staged keys the one whose turn is planned comes first, then the one published first", async (t) => {
  const of = ring(
    key("c", { publishedAt: START + 3 }),
    key("b", { publishedAt: START + 2 }),
    key("a", { publishedAt: START + 4, activeAt: START + DAY }),
    key("x", { activeAt: START }),
    key("r", { revokedAt: START }),
  );
  t.same(
    stagedKeys(of, "ES256", START).map(({ kid }) => kid),
    ["a", "b", "c"],
  );
  t.same(stagedKeys(of, "EdDSA", START), []);
});

t.test("a staged key has aged when the slowest node has published it for stageFor", async (t) => {
  t.equal(agedAt(key("a", { publishedAt: START + 7 }), POLICY), START + 7 + 5_000 + DAY);
});

t.test("the JWK Set shows staged, active and retiring signing keys in the order of their publication, never MAC keys", async (t) => {
  const mac = { algorithm: "HS256", macVersion: 0 } as const;
  const of = ring(
    key("d", { publishedAt: START + 4 }),
    key("m", { ...mac, activeAt: START }),
    key("c", { publishedAt: START + 3, activeAt: START + 2 * DAY }),
    key("a", { publishedAt: START + 1, activeAt: START }),
    key("b", { publishedAt: START + 2, activeAt: START + DAY }),
    key("r", { publishedAt: START - DAY, activeAt: START - DAY, revokedAt: START - 7 }),
    key("e", { publishedAt: START + 4, algorithm: "EdDSA" }),
  );
  const shown = (now: number): string[] => publishedKeys(of, now, POLICY).keys.map(({ kid }) => kid);
  t.same(shown(START + 10), ["a", "b", "c", "d", "e"]);
  t.same(shown(START + DAY), ["a", "b", "c", "d", "e"], "retiring");
  t.same(shown(START + DAY + HOUR), ["b", "c", "d", "e"], "a is retired");
  t.same(shown(START + 3 * DAY), ["c", "d", "e"]);
});

t.test("the set changes by itself when the next key is retired, and not before", async () => {
  const times = fc.array(fc.integer({ min: 0, max: 100 * HOUR }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(times, fc.integer({ min: 0, max: 110 * HOUR }), fc.nat(HOUR), (turns, since, later) => {
      const of = ring(...turns.map((turn, index) => key(`k${index}`, { publishedAt: START - DAY, activeAt: START + turn })));
      const { keys, nextChangeAt } = publishedKeys(of, START + since, POLICY);
      const shown = (now: number): string =>
        publishedKeys(of, now, POLICY)
          .keys.map(({ kid }) => kid)
          .join();
      const now = START + since + later;
      if (nextChangeAt <= START + since) return false;
      return now < nextChangeAt
        ? shown(now) === keys.map(({ kid }) => kid).join()
        : shown(nextChangeAt) !== keys.map(({ kid }) => kid).join();
    }),
  );
});

t.test("max-age is the cap or the time to the next change, never under 30 s or the cap where that is less", async (t) => {
  t.equal(jwksMaxAge(Infinity, START, 10 * MINUTE), 10 * MINUTE);
  t.equal(jwksMaxAge(START + HOUR, START, 10 * MINUTE), 10 * MINUTE);
  t.equal(jwksMaxAge(START + 2 * MINUTE, START, 10 * MINUTE), 2 * MINUTE);
  t.equal(jwksMaxAge(START + 31_000, START, 10 * MINUTE), 31_000);
  t.equal(jwksMaxAge(START + 1_000, START, 10 * MINUTE), 30_000);
  t.equal(jwksMaxAge(START - 1_000, START, 10 * MINUTE), 30_000);
  t.equal(jwksMaxAge(START + 1_000, START, 2_000), 2_000);
  t.equal(jwksMaxAge(Infinity, START, 2_000), 2_000);
});

t.test("at any moment at most one key of an algorithm is active, and it is the one that signs", async () => {
  const times = fc.record({ activeAt: fc.option(fc.nat(100), { nil: undefined }), revokedAt: fc.option(fc.nat(100), { nil: undefined }) });
  fc.assert(
    fc.property(fc.array(times, { maxLength: 8 }), fc.nat(120), (all, since) => {
      const of = ring(
        ...all.map(({ activeAt, revokedAt }, index) =>
          key(`k${index}`, {
            ...(activeAt === undefined ? {} : { activeAt: START + activeAt }),
            ...(revokedAt === undefined || revokedAt > since ? {} : { revokedAt: START + revokedAt }),
          }),
        ),
      );
      const now = START + since;
      const active = of.keys.filter((one) => keyTimes(of, one, now, POLICY).state === "active").map(({ kid }) => kid);
      const signing = activeKey(of, "ES256", now)?.kid;
      return active.length <= 1 && active[0] === signing;
    }),
    { numRuns: runs(1_000) },
  );
});
