import t from "tap";
import fc, { runs } from "../support/fast-check.ts";
import { KeyError, type NewKey } from "../../src/domain/ports.ts";
import {
  activeKey,
  agedAt,
  EMPTY_RING,
  type KeyAlgorithm,
  keyTimes,
  publishedKeys,
  RING_LAG_MILLIS,
  type Ring,
  type RingKey,
  type RingPolicy,
  stagedKeys,
} from "../../src/domain/ring.ts";
import {
  applyRingChange,
  erasableKeys,
  planRevocation,
  planRing,
  planRotation,
  raiseLongestLifetime,
  repairedRing,
  type RingChange,
  withoutOldRecords,
} from "../../src/domain/ring-plan.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const START = 1_790_000_000_000;
/** A key may sign so long after it was staged. */
const AGED = DAY + RING_LAG_MILLIS;

const POLICY: RingPolicy = {
  algorithms: ["ES256", "HS256"],
  stageForMillis: DAY,
  rotateEveryMillis: 30 * DAY,
  jwksMaxAgeMillis: 10 * MINUTE,
  clockSkewMillis: 10_000,
  longestLifetimeMillis: (algorithm) => (algorithm === "HS256" ? 180 * DAY : 10 * MINUTE),
};
const BY_HAND: RingPolicy = { ...POLICY, rotateEveryMillis: undefined };

let made = 0;
function newKey(algorithm: KeyAlgorithm): NewKey {
  const kid = `${algorithm}-${made++}`;
  return {
    kid,
    algorithm,
    custody: `file:${kid}`,
    ...(algorithm === "HS256" ? {} : { publicJwk: { kty: "OKP", crv: "Ed25519", x: kid } }),
  };
}

function applied(ring: Ring, changes: readonly RingChange[], now: number, policy = POLICY): Ring {
  return changes.reduce(
    (before, change) => applyRingChange(before, change, change.change === "stage" ? newKey(change.algorithm) : undefined, policy, now),
    ring,
  );
}

/** As the issuer does: the wish, then the planner until it finds nothing lacking, in one swap. */
function changed(ring: Ring, wish: readonly RingChange[], now: number, policy = POLICY, first = false): Ring {
  let next = applied(ring, wish, now, policy);
  for (let round = 0; round < 3; round++) next = applied(next, planRing(next, policy, now, first), now, policy);
  return { ...next, version: ring.version + 1 };
}

const firstRing = (policy = POLICY): Ring => changed(EMPTY_RING, [], START, policy, true);
const stateOf = (ring: Ring, kid: string | undefined, now: number): string => {
  const key = ring.keys.find((one) => one.kid === kid);
  return key === undefined ? "absent" : keyTimes(ring, key, now, POLICY).state;
};
const active = (ring: Ring, now: number, algorithm: KeyAlgorithm = "ES256"): RingKey => {
  const key = activeKey(ring, algorithm, now);
  if (key === undefined) throw new Error("nothing signs");
  return key;
};
const staged = (ring: Ring, now: number, algorithm: KeyAlgorithm = "ES256"): RingKey => {
  const [key] = stagedKeys(ring, algorithm, now);
  if (key === undefined) throw new Error("nothing is staged");
  return key;
};

t.test("a store that never had a key gets one that signs at once and one staged behind it, per algorithm", async (t) => {
  const ring = firstRing();
  for (const algorithm of POLICY.algorithms) {
    t.match(active(ring, START, algorithm), {
      activeAt: START,
      publishedAt: START,
      longestLifetimeMillis: POLICY.longestLifetimeMillis(algorithm),
    });
    t.equal(staged(ring, START, algorithm).activeAt, undefined);
  }
  t.equal(ring.keys.length, 4);
  t.same(planRing(ring, POLICY, START, true), [], "then nothing lacks");
});

t.test("a new algorithm, or a store that lost its ring, waits for stageFor before it signs", async (t) => {
  const ring = changed(EMPTY_RING, [], START);
  t.equal(activeKey(ring, "ES256", START + AGED - 1), undefined);
  t.equal(active(ring, START + AGED).publishedAt, START);
  const more = changed(ring, [], START + AGED, { ...POLICY, algorithms: ["ES256", "HS256", "EdDSA"] });
  t.equal(stagedKeys(more, "EdDSA", START + AGED)[0]?.activeAt, START + 2 * AGED);
});

t.test("until a rotation is due another key ages, then the staged key takes over at that time", async (t) => {
  const before = firstRing();
  const due = START + 30 * DAY;
  t.same(planRing(before, POLICY, due - AGED - MINUTE - 1, false), []);
  t.same(planRing(before, BY_HAND, due, false), [], "or never by itself");
  const ring = changed(before, [], due - AGED - MINUTE);
  t.same(planRing(ring, POLICY, due - MINUTE - 1, false), []);
  const [old, next] = [active(ring, START), staged(ring, START)];
  const planned = changed(ring, [], due - MINUTE);
  t.same(planRing(planned, POLICY, due - MINUTE, false), [], "planned once");
  t.equal(active(planned, due - 1).kid, old.kid);
  t.equal(active(planned, due).kid, next.kid);
  t.equal(planned.keys.find(({ kid }) => kid === next.kid)?.activeAt, due);
  t.same(planRing(planned, POLICY, due, false), []);
  t.equal(agedAt(staged(planned, due), POLICY), due - MINUTE, "the next one has aged: an emergency needs no waiting");
});

t.test("through rotations an aged staged key is always there, whenever somebody looks", async (t) => {
  let ring = firstRing();
  const signed = new Set<string>();
  for (let now = START; now < START + 65 * DAY; now += MINUTE) {
    ring = changed(ring, [], now);
    signed.add(active(ring, now).kid);
    if (now < START + AGED) continue;
    const isReady = stagedKeys(ring, "ES256", now).some((key) => agedAt(key, POLICY) <= now);
    if (!isReady) t.fail(`none ${(now - START) / DAY} days after the start`);
  }
  t.equal(signed.size, 3);
});

t.test("behind a change-over that is planned ahead another key is staged at once", async (t) => {
  const ring = firstRing(BY_HAND);
  const planned = changed(ring, planRotation(ring, ["ES256"], BY_HAND, START + HOUR), START + HOUR, BY_HAND);
  t.same(
    stagedKeys(planned, "ES256", START + HOUR).map(({ activeAt, publishedAt }) => [publishedAt, activeAt]),
    [
      [START, START + AGED],
      [START + HOUR, undefined],
    ],
  );
  t.same(planRing(planned, BY_HAND, START + AGED, false), []);
});

t.test("a late planner does not pretend that the change-over was earlier", async (t) => {
  const ring = firstRing();
  const late = START + 45 * DAY;
  t.equal(active(changed(ring, [], late), late).activeAt, late);
  t.equal(active(changed(ring, [], late), late).kid, staged(ring, START).kid);
});

t.test("a rotation that is due waits for a staged key that is too young", async (t) => {
  const policy = { ...POLICY, rotateEveryMillis: HOUR };
  const ring = firstRing(policy);
  const planned = changed(ring, [], START + HOUR, policy);
  t.equal(staged(planned, START + HOUR).activeAt, START + AGED);
});

t.test("rotate plans the earliest safe change-over, once", async (t) => {
  const ring = firstRing(BY_HAND);
  const { kid } = staged(ring, START);
  t.same(planRotation(ring, ["ES256"], BY_HAND, START + HOUR), [{ change: "activate", kid, activeAt: START + AGED }], "it has to age");
  const rotated = changed(ring, planRotation(ring, ["ES256"], BY_HAND, START + HOUR), START + HOUR, BY_HAND);
  t.same(planRotation(rotated, ["ES256"], BY_HAND, START + 2 * HOUR), [], "planned already");
  t.same(
    planRotation(ring, ["ES256"], BY_HAND, START + 2 * DAY),
    [{ change: "activate", kid, activeAt: START + 2 * DAY }],
    "at once where it has aged",
  );
  const later = applied(ring, [{ change: "activate", kid, activeAt: START + 9 * DAY }], START);
  t.same(
    planRotation(later, ["ES256"], BY_HAND, START + HOUR),
    [{ change: "activate", kid, activeAt: START + AGED }],
    "earlier than planned",
  );
  t.same(planRotation(EMPTY_RING, ["ES256"], BY_HAND, START), []);
  t.equal(planRotation(ring, ["ES256", "HS256"], BY_HAND, START).length, 2);
});

t.test("a revoked active key is out at once, the staged one signs from this moment, another is staged", async (t) => {
  const ring = firstRing(BY_HAND);
  const now = START + 2 * DAY;
  const [old, heir] = [active(ring, now), staged(ring, now)];
  const after = changed(ring, planRevocation(ring, [old.kid], BY_HAND, now), now, BY_HAND);
  t.equal(stateOf(after, old.kid, now), "revoked");
  t.equal(active(after, now).kid, heir.kid);
  t.equal(active(after, now).activeAt, now);
  t.not(staged(after, now).kid, heir.kid);
  t.notOk(publishedKeys(after, now, POLICY).keys.some(({ kid }) => kid === old.kid));
});

t.test("a staged or retiring key that is revoked changes nothing about who signs", async (t) => {
  const ring = firstRing(BY_HAND);
  const now = START + 2 * DAY;
  const spare = staged(ring, now);
  t.same(planRevocation(ring, [spare.kid], BY_HAND, now), [{ change: "revoke", kid: spare.kid, at: now }]);
  const rotated = changed(ring, planRotation(ring, ["ES256"], BY_HAND, now), now, BY_HAND);
  const old = active(ring, now).kid;
  t.equal(stateOf(rotated, old, now), "retiring");
  const after = changed(rotated, planRevocation(rotated, [old], BY_HAND, now + 1), now + 1, BY_HAND);
  t.equal(active(after, now + 1).kid, active(rotated, now + 1).kid);
});

t.test("where all are revoked a new key signs, by force", async (t) => {
  const ring = firstRing(BY_HAND);
  const now = START + HOUR;
  const kids = ring.keys.filter(({ algorithm }) => algorithm === "ES256").map(({ kid }) => kid);
  const after = changed(ring, planRevocation(ring, kids, BY_HAND, now), now, BY_HAND);
  t.match(active(after, now), { publishedAt: now, activeAt: now });
  t.ok(staged(after, now));
  for (const kid of kids) t.equal(stateOf(after, kid, now), "revoked");
});

t.test("revoking twice keeps the first time", async (t) => {
  const ring = firstRing();
  const { kid } = staged(ring, START);
  const twice = applied(
    ring,
    [
      { change: "revoke", kid, at: START + 1 },
      { change: "revoke", kid, at: START },
      { change: "revoke", kid, at: START + 2 },
    ],
    START,
  );
  t.equal(twice.keys.find((key) => key.kid === kid)?.revokedAt, START);
});

t.test("a change-over that was announced is never put off", async (t) => {
  const ring = firstRing();
  const { kid } = staged(ring, START);
  const twice = applied(
    ring,
    [
      { change: "activate", kid, activeAt: START + DAY },
      { change: "activate", kid, activeAt: START + 2 * DAY },
    ],
    START,
  );
  t.equal(twice.keys.find((key) => key.kid === kid)?.activeAt, START + DAY);
});

t.test("where nothing signs the staged key does as soon as it has aged", async (t) => {
  const ring = firstRing();
  const [old, next] = [active(ring, START), staged(ring, START)];
  const orphaned = applied(ring, [{ change: "revoke", kid: old.kid, at: START + HOUR }], START + HOUR);
  t.equal(activeKey(orphaned, "ES256", START + HOUR), undefined);
  for (const now of [START + HOUR, START + 2 * DAY])
    t.same(planRing(orphaned, POLICY, now, false), [
      { change: "stage", algorithm: "ES256" },
      { change: "activate", kid: next.kid, activeAt: Math.max(now, START + AGED) },
    ]);
});

t.test("a MAC version that is in use is passed over, and with none free no key is made", async (t) => {
  const macs = (versions: readonly number[]): Ring => ({
    version: 1,
    keys: versions.map((macVersion) => ({
      kid: `m${macVersion}`,
      algorithm: "HS256",
      macVersion,
      custody: "",
      publishedAt: START,
      longestLifetimeMillis: 1,
    })),
  });
  const next = (versions: readonly number[]): number | undefined =>
    applied(macs(versions), [{ change: "stage", algorithm: "HS256" }], START).keys.at(-1)?.macVersion;
  t.equal(next([0, 1, 255]), 2);
  t.equal(next([5, 7, 6]), 8);
  t.equal(next([]), 0);
  t.throws(() => next(Array.from({ length: 256 }, (_, version) => version)), KeyError);
});

t.test("to stage without a key is the programmer's mistake", async (t) => {
  t.throws(() => applyRingChange(EMPTY_RING, { change: "stage", algorithm: "ES256" }, undefined, POLICY, START), TypeError);
});

t.test("the longest lifetime of a key rises and never falls", async (t) => {
  const ring = firstRing();
  const { kid } = active(ring, START);
  const longest = (of: Ring): number | undefined => of.keys.find((key) => key.kid === kid)?.longestLifetimeMillis;
  t.equal(longest(raiseLongestLifetime(ring, kid, HOUR)), HOUR);
  t.equal(longest(raiseLongestLifetime(raiseLongestLifetime(ring, kid, HOUR), kid, MINUTE)), HOUR);
});

t.test("where sessions become longer by configuration, MAC keys that can make tokens are kept as long", async (t) => {
  const longer = { ...POLICY, longestLifetimeMillis: () => 365 * DAY };
  const ring = firstRing();
  const after = changed(ring, [], START + HOUR, longer);
  for (const key of after.keys) t.equal(key.longestLifetimeMillis, key.algorithm === "HS256" ? 365 * DAY : 10 * MINUTE);
  t.same(planRing(after, longer, START + HOUR, false), []);
  t.same(planRing(after, POLICY, START + HOUR, false), [], "and never shorter");
  const rotated = changed(ring, planRotation(ring, ["HS256"], POLICY, START + AGED), START + AGED);
  const raised = planRing(rotated, longer, START + AGED, false).map((change) => change.change === "raise" && change.kid);
  t.notOk(raised.includes(active(ring, START, "HS256").kid), "a retiring one makes none");
});

t.test("private parts are erased at once where revoked, a day after retirement else", async (t) => {
  const ring = firstRing(BY_HAND);
  const now = START + 2 * DAY;
  const old = active(ring, now).kid;
  const rotated = changed(ring, planRotation(ring, ["ES256"], BY_HAND, now), now, BY_HAND);
  const retired = now + 20 * MINUTE + 15_000;
  t.same(erasableKeys(rotated, POLICY, retired + DAY - 1), []);
  t.same(
    erasableKeys(rotated, POLICY, retired + DAY).map(({ kid }) => kid),
    [old],
  );
  const revoked = changed(rotated, planRevocation(rotated, [old], BY_HAND, now + 1), now + 1, BY_HAND);
  t.same(
    erasableKeys(revoked, POLICY, now + 1).map(({ kid }) => kid),
    [old],
  );
});

t.test("MAC versions are never reused while the ring knows them, beyond 256 keys too", async (t) => {
  let ring = firstRing();
  let now = START;
  const versions: number[] = [];
  for (let round = 0; round < 400; round++) {
    now += 5 * DAY;
    ring = withoutOldRecords(changed(ring, planRotation(ring, ["HS256"], BY_HAND, now), now, BY_HAND), BY_HAND, now);
    const macs = ring.keys.filter(({ algorithm }) => algorithm === "HS256");
    if (new Set(macs.map(({ macVersion }) => macVersion)).size !== macs.length) t.fail(`round ${round}`);
    versions.push(active(ring, now, "HS256").macVersion ?? -1);
  }
  t.same(versions.slice(0, 3), [1, 2, 3]);
  t.ok(versions.every((version) => version >= 0 && version < 256));
  t.ok(versions.lastIndexOf(5) > 256, "they begin again from the oldest");
});

t.test("the planner stops rotating MAC keys before their versions run out", async (t) => {
  const policy = { ...POLICY, rotateEveryMillis: DAY };
  let ring = firstRing(policy);
  for (let day = 1; day <= 200; day++) ring = changed(ring, [], START + day * DAY, policy);
  const now = START + 200 * DAY;
  t.ok(ring.keys.filter((key) => key.algorithm === "HS256" && keyTimes(ring, key, now, policy).state !== "retired").length <= 130);
  t.ok((active(ring, now, "ES256").activeAt ?? 0) > now - 3 * DAY, "signing keys go on");
});

t.test("of long retired keys the last 50 records stay, and all that are revoked or not yet erased", async (t) => {
  let ring = firstRing(BY_HAND);
  let now = START;
  for (let round = 0; round < 70; round++) {
    now += 2 * DAY;
    if (round === 5) ring = changed(ring, planRevocation(ring, [active(ring, now).kid], BY_HAND, now), now, BY_HAND);
    else ring = changed(ring, planRotation(ring, ["ES256"], BY_HAND, now), now, BY_HAND);
  }
  now += 3 * DAY;
  const kept = withoutOldRecords(ring, BY_HAND, now);
  const retired = (of: Ring): RingKey[] => of.keys.filter((key) => key.algorithm === "ES256" && stateOf(of, key.kid, now) === "retired");
  t.equal(retired(ring).length, 69);
  t.equal(retired(kept).length, 50);
  t.same(
    retired(kept).map(({ kid }) => kid),
    retired(ring)
      .map(({ kid }) => kid)
      .slice(-50),
  );
  t.equal(kept.keys.filter(({ revokedAt }) => revokedAt !== undefined).length, 1);
  t.equal(kept.keys.length, ring.keys.length - 19);
  t.equal(withoutOldRecords(kept, BY_HAND, now), kept);
  for (const { kid } of kept.keys) if (stateOf(kept, kid, now) !== stateOf(ring, kid, now)) t.fail(`the state of ${kid}`);
});

t.test("a record is not dropped while its private part may still be on disk", async (t) => {
  const quick = { ...BY_HAND, stageForMillis: 1_000 };
  let ring = firstRing(quick);
  let now = START;
  for (let round = 0; round < 70; round++) ring = changed(ring, planRotation(ring, ["ES256"], quick, (now += MINUTE)), now, quick);
  const soon = now + HOUR;
  t.equal(withoutOldRecords(ring, quick, soon).keys.length, ring.keys.length);
  const erasable = erasableKeys(ring, quick, soon + DAY).map(({ kid }) => kid);
  t.equal(erasable.length, 70);
  const left = new Set(withoutOldRecords(ring, quick, soon + DAY).keys.map(({ kid }) => kid));
  t.ok(erasable.every((kid) => left.has(kid)));
});

interface Wish {
  readonly wait: number;
  readonly kind:
    | "plan"
    | "rotate"
    | "rotate mac"
    | "stage"
    | "promote"
    | "promote by force"
    | "revoke active"
    | "revoke some"
    | "revoke all";
  readonly pick: number;
}

const wish: fc.Arbitrary<Wish> = fc.record({
  wait: fc.oneof(
    fc.constant(0),
    fc.integer({ min: 1, max: MINUTE }),
    fc.integer({ min: 1, max: DAY }),
    fc.integer({ min: 1, max: 40 * DAY }),
  ),
  kind: fc.constantFrom(
    "plan",
    "plan",
    "rotate",
    "rotate mac",
    "stage",
    "promote",
    "promote by force",
    "revoke active",
    "revoke some",
    "revoke all",
  ),
  pick: fc.nat(20),
});

/** What an operator's command adds to the timeline; the keys that may sign although they are young are noted. */
function wished(ring: Ring, { kind, pick }: Wish, now: number, forced: Set<string>): readonly RingChange[] {
  const signing = ring.keys.filter(({ algorithm }) => algorithm === "ES256");
  const living = signing.filter(({ revokedAt }) => revokedAt === undefined);
  const waiting = stagedKeys(ring, "ES256", now);
  const chosen = waiting[pick % Math.max(1, waiting.length)];
  const revoke = (kids: readonly string[]): readonly RingChange[] => {
    const changes = planRevocation(ring, kids, BY_HAND, now);
    for (const change of changes) if (change.change === "activate") forced.add(change.kid);
    return changes;
  };
  switch (kind) {
    case "plan":
      return [];
    case "rotate":
      return planRotation(ring, ["ES256"], POLICY, now);
    case "rotate mac":
      return planRotation(ring, ["HS256"], POLICY, now);
    case "stage":
      return [{ change: "stage", algorithm: "ES256" }];
    case "promote":
      return chosen === undefined || agedAt(chosen, POLICY) > now ? [] : [{ change: "activate", kid: chosen.kid, activeAt: now }];
    case "promote by force":
      if (chosen === undefined) return [];
      forced.add(chosen.kid);
      return [{ change: "activate", kid: chosen.kid, activeAt: now }];
    case "revoke active":
      return revoke([activeKey(ring, "ES256", now)?.kid ?? ""]);
    case "revoke some":
      return revoke([signing[pick % signing.length]?.kid ?? ""]);
    case "revoke all":
      return revoke(living.map(({ kid }) => kid));
  }
}

t.test(
  "whatever operators do and when: one key signs, it was published long enough, and nothing is retired while its tokens live",
  async () => {
    fc.assert(
      fc.property(fc.array(wish, { maxLength: 40, size: "max" }), (wishes) => {
        let ring = firstRing();
        let now = START;
        const forced = new Set(ring.keys.map(({ kid }) => kid));
        /** Until when tokens of a key may be met: its last signature, its lifetime, and who learns of the change late. */
        const neededUntil = new Map<string, number>();
        const everRevoked = new Set<string>();
        for (const each of wishes) {
          const before = ring;
          const from = now;
          now += each.wait;
          // Between two changes, time alone moves on: tokens are signed up to the last moment.
          for (const moment of [
            from,
            ...before.keys.flatMap(({ activeAt }) => (activeAt === undefined ? [] : [activeAt - 1, activeAt])),
            now,
          ].filter((moment) => moment >= from && moment <= now)) {
            const signing = activeKey(before, "ES256", moment);
            if (signing === undefined) throw new Error("nothing signs");
            if (!forced.has(signing.kid) && moment < signing.publishedAt + AGED)
              throw new Error("a key signs that was not published long enough");
            neededUntil.set(signing.kid, moment + signing.longestLifetimeMillis);
          }
          const known = new Set(ring.keys.map(({ kid }) => kid));
          ring = changed(ring, wished(ring, each, now, forced), now);
          // A new key that has to sign at once because nothing else is left.
          for (const key of ring.keys) if (!known.has(key.kid) && key.activeAt === now) forced.add(key.kid);
          for (const key of ring.keys) if (key.revokedAt !== undefined) everRevoked.add(key.kid);
          for (const algorithm of POLICY.algorithms) {
            const states = ring.keys.filter((key) => key.algorithm === algorithm).map((key) => keyTimes(ring, key, now, POLICY).state);
            if (states.filter((state) => state === "active").length !== 1) throw new Error(`not one active ${algorithm}`);
            if (!states.includes("staged")) throw new Error(`no staged ${algorithm}`);
          }
          if (everRevoked.has(activeKey(ring, "ES256", now)?.kid ?? "")) throw new Error("a revoked key signs");
          const published = new Set(publishedKeys(ring, now, POLICY).keys.map(({ kid }) => kid));
          for (const [kid, until] of neededUntil) {
            const isNeeded = now < until + POLICY.jwksMaxAgeMillis + POLICY.clockSkewMillis + 5_000;
            if (isNeeded && !everRevoked.has(kid) && !published.has(kid)) throw new Error("retired while its tokens live");
            if (everRevoked.has(kid) && published.has(kid)) throw new Error("a revoked key is published");
          }
          const macs = ring.keys.flatMap(({ macVersion }) => (macVersion === undefined ? [] : [macVersion]));
          if (new Set(macs).size !== macs.length) throw new Error("a MAC version was used twice");
        }
      }),
      { numRuns: runs(150) },
    );
  },
);

t.test("a store's ring that has it all is followed as it is", async (t) => {
  const ring = firstRing();
  t.equal(repairedRing(ring, ring, POLICY, START), undefined);
  t.equal(repairedRing(changed(ring, planRotation(ring, ["ES256"], POLICY, START), START), ring, POLICY, START), undefined);
  t.equal(repairedRing(ring, EMPTY_RING, POLICY, START), undefined);
});

t.test("a ring that is missing, older or has lost a revocation is replaced by the union under a higher version", async (t) => {
  const ring = firstRing(BY_HAND);
  const now = START + 2 * DAY;
  const revoked = changed(ring, planRevocation(ring, [active(ring, now).kid], BY_HAND, now), now, BY_HAND);
  const emptied = repairedRing(EMPTY_RING, revoked, POLICY, now);
  t.same(emptied, { version: revoked.version + 1, keys: revoked.keys });
  const back = repairedRing(ring, revoked, POLICY, now);
  t.equal(back?.version, revoked.version + 1);
  t.same(back?.keys, revoked.keys);
  t.match(
    repairedRing({ ...revoked, version: 1 }, revoked, POLICY, now),
    { version: revoked.version + 1 },
    "the same keys, an older version",
  );
  const ahead = repairedRing({ ...ring, version: 99 }, revoked, POLICY, now);
  t.equal(ahead?.version, 100, "lost although the version is newer");
  t.equal(ahead && active(ahead, now).kid, active(revoked, now).kid);
});

t.test("a repair raises a lost lifetime again and takes none away", async (t) => {
  const ring = firstRing();
  const { kid } = active(ring, START);
  const raised = raiseLongestLifetime(ring, kid, DAY);
  t.equal(repairedRing(ring, raised, POLICY, START)?.keys.find((key) => key.kid === kid)?.longestLifetimeMillis, DAY);
  t.equal(repairedRing(raised, ring, POLICY, START), undefined);
});

t.test("records of retired keys that were dropped on purpose don't come back", async (t) => {
  const ring = firstRing(BY_HAND);
  const now = START + 2 * DAY;
  const rotated = changed(ring, planRotation(ring, ["ES256"], BY_HAND, now), now, BY_HAND);
  const old = active(ring, now).kid;
  const dropped = { version: rotated.version + 1, keys: rotated.keys.filter(({ kid }) => kid !== old) };
  t.equal(repairedRing(dropped, rotated, BY_HAND, now + DAY), undefined);
  t.ok(
    repairedRing(dropped, rotated, BY_HAND, now + MINUTE)?.keys.some(({ kid }) => kid === old),
    "one that still proves tokens does",
  );
});

t.test("a copy from before many rotations brings back no key whose record was dropped, but each revocation", async (t) => {
  const first = firstRing();
  const stagedThen = staged(first, START);
  const revoked = applied(first, [{ change: "revoke", kid: active(first, START).kid, at: START }], START);
  let ring = first;
  let now = START;
  for (let turn = 0; turn < 60; turn++) {
    now += 5 * DAY;
    ring = changed(ring, planRotation(ring, ["ES256"], BY_HAND, now), now, BY_HAND);
    ring = withoutOldRecords(ring, BY_HAND, now);
  }
  t.notOk(
    ring.keys.some(({ kid }) => kid === stagedThen.kid),
    "its record was dropped",
  );
  t.equal(repairedRing(ring, first, BY_HAND, now), undefined);
  const repaired = repairedRing(ring, revoked, BY_HAND, now);
  t.same(
    repaired?.keys.filter(({ kid }) => !ring.keys.some((key) => key.kid === kid)).map(({ revokedAt }) => revokedAt),
    [START],
  );
});

t.test("whatever old copy the store went back to: the union loses nothing, moves no time later, and is found once", async () => {
  const history = fc.array(wish, { minLength: 1, maxLength: 15, size: "max" });
  fc.assert(
    fc.property(history, history, fc.nat(15), (common, after, more) => {
      let ring = firstRing();
      let now = START;
      const versions = [ring];
      const go = (from: Ring, each: Wish): Ring => changed(from, wished(from, each, (now += each.wait), new Set()), now);
      for (const each of common) versions.push((ring = go(ring, each)));
      const copy = ring;
      // The store goes back to one of the older rings, and others go on from there before this node looks.
      let stored = versions[more % versions.length] ?? ring;
      for (const each of after) stored = go(stored, each);
      const repaired = repairedRing(stored, copy, POLICY, now);
      const union = repaired ?? stored;
      for (const source of [stored, copy]) {
        for (const key of source.keys) {
          const kept = union.keys.find(({ kid }) => kid === key.kid);
          if (kept === undefined) {
            if (keyTimes(source, key, now, POLICY).state !== "retired") throw new Error("a key was lost");
            continue;
          }
          if (kept.publishedAt !== key.publishedAt) throw new Error("publishedAt moved");
          if ((kept.activeAt ?? Infinity) > (key.activeAt ?? Infinity)) throw new Error("activeAt moved later");
          if ((kept.revokedAt ?? Infinity) > (key.revokedAt ?? Infinity)) throw new Error("a revocation was lost or moved later");
          if (kept.longestLifetimeMillis < key.longestLifetimeMillis) throw new Error("a lifetime fell");
        }
      }
      if (new Set(union.keys.map(({ kid }) => kid)).size !== union.keys.length) throw new Error("a key twice");
      if (repaired !== undefined && repaired.version <= Math.max(stored.version, copy.version)) throw new Error("the version did not rise");
      if (repairedRing(union, copy, POLICY, now) !== undefined) throw new Error("repaired twice");
      if (repairedRing(union, stored, POLICY, now) !== undefined) throw new Error("the repaired ring is not followed");
      const signing = activeKey(changed(union, [], now), "ES256", now);
      if (signing?.revokedAt !== undefined) throw new Error("a revoked key signs");
    }),
    { numRuns: runs(200) },
  );
});
