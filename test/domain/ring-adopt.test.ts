import t from "tap";
import { adoptedRing } from "../../src/domain/ring-adopt.ts";
import { activeKey, keyTimes, type RingPolicy, stagedKeys } from "../../src/domain/ring.ts";
import { applyRingChange, planRing } from "../../src/domain/ring-plan.ts";
import type { FoundKey } from "../../src/domain/ports.ts";

const NOW = 1_790_000_000_000;
const POLICY: RingPolicy = {
  algorithms: ["ES256", "HS256"],
  stageForMillis: 86_400_000,
  rotateEveryMillis: undefined,
  jwksMaxAgeMillis: 600_000,
  clockSkewMillis: 10_000,
  longestLifetimeMillis: (algorithm) => (algorithm === "HS256" ? 180 : 1) * 86_400_000,
};

function found(kid: string, algorithm: FoundKey["algorithm"], createdAt: number): FoundKey {
  return {
    kid,
    algorithm,
    custody: `file:${kid}`,
    createdAt,
    ...(algorithm === "HS256" ? {} : { publicJwk: { kty: "OKP", crv: "Ed25519", x: kid } }),
  };
}

t.test("no private parts: an empty ring", async (t) => {
  t.same(adoptedRing([], POLICY), { version: 0, keys: [] });
});

t.test("the oldest key of each algorithm signs, the others are staged under the names they have", async (t) => {
  const ring = adoptedRing(
    [
      found("c", "ES256", NOW - 1),
      found("a", "ES256", NOW - 9),
      found("b", "ES256", NOW - 5),
      found("m", "HS256", NOW - 3),
      found("n", "HS256", NOW - 2),
    ],
    POLICY,
  );
  t.equal(activeKey(ring, "ES256", NOW)?.kid, "a");
  t.same(
    stagedKeys(ring, "ES256", NOW).map(({ kid }) => kid),
    ["b", "c"],
  );
  t.equal(activeKey(ring, "HS256", NOW)?.kid, "m");
  t.same(
    ring.keys.map(({ kid, macVersion }) => [kid, macVersion]),
    [
      ["a", undefined],
      ["b", undefined],
      ["c", undefined],
      ["m", 0],
      ["n", 1],
    ],
  );
  t.same(ring.keys[0], {
    kid: "a",
    algorithm: "ES256",
    publicJwk: { kty: "OKP", crv: "Ed25519", x: "a" },
    custody: "file:a",
    publishedAt: NOW - 9,
    activeAt: NOW - 9,
    longestLifetimeMillis: 86_400_000,
  });
  for (const key of ring.keys) t.match(keyTimes(ring, key, NOW, POLICY).state, /^(active|staged)$/);
});

t.test("keys of an algorithm that is not configured are left alone", async (t) => {
  t.same(adoptedRing([found("e", "EdDSA", NOW)], POLICY).keys, []);
});

t.test("the planner adds what an adopted ring lacks, with a MAC version of its own", async (t) => {
  let ring = adoptedRing([found("a", "ES256", NOW - 9), found("m", "HS256", NOW - 3)], POLICY);
  const changes = planRing(ring, POLICY, NOW, false);
  t.same(changes, [
    { change: "stage", algorithm: "ES256" },
    { change: "stage", algorithm: "HS256" },
  ]);
  for (const change of changes)
    if (change.change === "stage")
      ring = applyRingChange(ring, change, { kid: `new-${change.algorithm}`, algorithm: change.algorithm, custody: "" }, POLICY, NOW);
  t.equal(ring.keys.at(-1)?.macVersion, 1);
});
