import fc, { runs } from "../support/fast-check.ts";
import t from "tap";
import {
  type Interval,
  type Presentation,
  type PresentContext,
  type Presented,
  type PresentPolicy,
  present,
  type Session,
  sessionEndsAt,
} from "../../src/domain/session.ts";

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const DAY = 24 * HOUR;
const START = 1_790_000_000_000;
const KEY = Uint8Array.from({ length: 16 }, (_, index) => index);
const OTHER_KEY = Uint8Array.from({ length: 16 }, (_, index) => 255 - index);

/** INTERFACE's defaults. */
const POLICY: PresentPolicy = {
  rotates: true,
  retryWindowMillis: 30 * SECOND,
  keyedRetryWindowMillis: HOUR,
  idleLifetimeMillis: 30 * DAY,
  clockSkewMillis: 10 * SECOND,
  heal: true,
};

const FRESH: Session = {
  sid: "A".repeat(22),
  clientId: "app",
  createdAt: START,
  absoluteEndAt: START + 180 * DAY,
  generation: 1,
  generationAt: START,
  macVersion: 0,
  oldestInWindow: 1,
  checkpoints: [],
  userAgent: "",
  resources: [{ id: "https://api.example.com", scopes: ["read"] }],
};

function at(now: number, downtime: readonly Interval[] = []): PresentContext {
  return { now, macVersion: 0, downtime };
}

function show(
  session: Session | undefined,
  generation: number,
  context: PresentContext,
  policy = POLICY,
  exchangeKey?: Uint8Array,
): Presented {
  const presentation: Presentation = { clientId: "app", generation, exchangeKey };
  return present(session, presentation, policy, context);
}

function rotated(session: Session, now: number, policy = POLICY, exchangeKey?: Uint8Array): Session {
  const result = show(session, session.generation, at(now), policy, exchangeKey);
  if (result.outcome !== "rotated") throw new Error(`not rotated but ${result.outcome}`);
  return result.session;
}

/** Rotated at each of these times. */
function rotatedAt(times: readonly number[], policy = POLICY): Session {
  return times.reduce((session, time) => rotated(session, time, policy), FRESH);
}

t.test("no session is unknown, whatever else is wrong", async (t) => {
  t.same(present(undefined, { clientId: "other", generation: 9 }, POLICY, at(START + 999 * DAY)), { outcome: "unknown" });
});

t.test("another client's presentation leaves the session alone, even when it is over or a replay", async (t) => {
  const session = rotatedAt([START + 1, START + HOUR]);
  for (const generation of [1, 2, 3, 4])
    for (const now of [START + HOUR, START + 999 * DAY])
      t.same(present(session, { clientId: "other", generation }, POLICY, at(now)), { outcome: "client_mismatch" });
});

t.test("an old generation of a session that is over is expired, not a theft; so are the current and a newer one", async (t) => {
  const session = rotatedAt([START + 1, START + HOUR]);
  for (const generation of [1, 2, 3, 4]) t.same(show(session, generation, at(START + HOUR + 30 * DAY)), { outcome: "expired" });
});

t.test("the idle lifetime begins anew with each rotation; the last millisecond still counts", async (t) => {
  const session = rotatedAt([START + 20 * DAY]);
  t.equal(sessionEndsAt(session, POLICY.idleLifetimeMillis), START + 50 * DAY);
  t.equal(show(session, 2, at(START + 50 * DAY - 1)).outcome, "rotated");
  t.equal(show(session, 2, at(START + 50 * DAY)).outcome, "expired");
});

t.test("rotation never extends the absolute lifetime", async (t) => {
  const session = rotatedAt(Array.from({ length: 179 }, (_, day) => START + (day + 1) * DAY));
  t.equal(session.absoluteEndAt, START + 180 * DAY);
  t.equal(session.createdAt, START);
  t.equal(sessionEndsAt(session, POLICY.idleLifetimeMillis), START + 180 * DAY);
  t.equal(show(session, 180, at(START + 180 * DAY - 1)).outcome, "rotated");
  t.equal(show(session, 180, at(START + 180 * DAY)).outcome, "expired");
});

t.test("the current generation rotates: the next one is current, spelled with the MAC key of now", async (t) => {
  const result = present({ ...FRESH, exchangeKey: OTHER_KEY }, { clientId: "app", generation: 1 }, POLICY, {
    ...at(START + HOUR),
    macVersion: 7,
  });
  t.same(result, { outcome: "rotated", session: { ...FRESH, generation: 2, generationAt: START + HOUR, macVersion: 7 } });
});

t.test("a rotation remembers the key of its exchange and forgets the one before", async (t) => {
  const first = rotated(FRESH, START + 1, POLICY, KEY);
  t.same(first.exchangeKey, KEY);
  t.equal(rotated(first, START + 2).exchangeKey, undefined);
});

t.test("a retry within window and skew gives the stored session itself, as often as it comes; a moment later it is a theft", async (t) => {
  const session = rotatedAt([START + HOUR]);
  for (const age of [0, 1, 30_000, 40_000]) {
    const result = show(session, 1, at(START + HOUR + age));
    t.equal(result.outcome, "retried");
    t.equal("session" in result && result.session, session, "nothing to write");
  }
  t.same(show(session, 1, at(START + HOUR + 40_001)), { outcome: "replayed" });
});

t.test("a negative age counts as 0", async (t) => {
  t.equal(show(rotatedAt([START + HOUR]), 1, at(START)).outcome, "retried");
});

t.test("a window of 0 is off, skew or not", async (t) => {
  const policy = { ...POLICY, retryWindowMillis: 0 };
  const session = rotated(FRESH, START + HOUR, policy, KEY);
  t.equal(show(session, 1, at(START + HOUR), policy).outcome, "replayed");
  t.equal(show(session, 1, at(START + HOUR), policy, KEY).outcome, "retried", "with its key only");
  t.equal(show(session, 1, at(START + HOUR), { ...policy, keyedRetryWindowMillis: 0 }, KEY).outcome, "replayed");
});

t.test("the keyed retry is for the previous generation, with the key of the exchange it repeats, within its own window", async (t) => {
  const session = rotated(FRESH, START + HOUR, POLICY, KEY);
  const last = START + HOUR + HOUR + 10 * SECOND;
  t.equal(show(session, 1, at(last), POLICY, KEY).outcome, "retried");
  t.equal(show(session, 1, at(last + 1), POLICY, KEY).outcome, "replayed", "the window is over");
  t.equal(show(session, 1, at(last), POLICY, OTHER_KEY).outcome, "replayed", "another key");
  t.equal(show(session, 1, at(last), POLICY, KEY.subarray(0, 15)).outcome, "replayed", "the beginning of the key");
  t.equal(show(session, 1, at(last)).outcome, "replayed", "no key");
  t.equal(show(rotatedAt([START + HOUR]), 1, at(last), POLICY, KEY).outcome, "replayed", "an exchange without a key");
  const used = rotated(session, START + HOUR + 1, POLICY, KEY);
  t.equal(show(used, 1, at(START + HOUR + 41 * SECOND), POLICY, KEY).outcome, "replayed", "the successor was used");
});

t.test("a key makes no difference within the retry window", async (t) => {
  t.equal(show(rotated(FRESH, START, POLICY, KEY), 1, at(START + 40 * SECOND), POLICY, OTHER_KEY).outcome, "retried");
});

t.test("time without the store does not count, be it over, still going on or partly outside", async (t) => {
  const session = rotatedAt([START + HOUR]);
  const from = START + HOUR;
  const cases: [name: string, downtime: Interval[], lastAge: number][] = [
    ["within", [{ from: from + 10_000, to: from + 25_000 }], 55_000],
    ["begun before", [{ from: from - 60_000, to: from + 20_000 }], 60_000],
    [
      "two gaps",
      [
        { from: from + 1_000, to: from + 2_000 },
        { from: from + 3_000, to: from + 5_000 },
      ],
      43_000,
    ],
    [
      "found twice",
      [
        { from: from + 1_000, to: from + 9_000 },
        { from, to: from + 10_000 },
        { from: from + 5_000, to: from + 11_000 },
      ],
      51_000,
    ],
    ["before it", [{ from: from - 60_000, to: from }], 40_000],
    ["after it", [{ from: from + 60_000, to: from + 90_000 }], 40_000],
  ];
  for (const [name, downtime, lastAge] of cases) {
    t.equal(show(session, 1, at(from + lastAge, downtime)).outcome, "retried", name);
    t.equal(show(session, 1, at(from + lastAge + 1, downtime)).outcome, "replayed", `${name}, too late`);
  }
  for (const age of [41_000, 600_000, 5 * DAY])
    t.equal(show(session, 1, at(from + age, [{ from: from + 40_000, to: from + age }])).outcome, "retried", "still going on");
});

t.test("time without the store keeps older generations of the window through a rotation, too", async (t) => {
  const session = rotatedAt([START + HOUR, START + HOUR + 10 * SECOND]);
  const downtime = [{ from: START + HOUR + 20 * SECOND, to: START + 2 * HOUR }];
  const result = show(session, 3, at(START + 2 * HOUR + SECOND, downtime));
  t.equal(result.outcome, "rotated");
  if (!("session" in result)) return;
  // 20 s before the outage for generation 1, so 20 s after it.
  t.equal(show(result.session, 1, at(START + 2 * HOUR + 20 * SECOND, downtime)).outcome, "retried");
  t.equal(show(result.session, 1, at(START + 2 * HOUR + 20 * SECOND + 1, downtime)).outcome, "replayed");
});

t.test("each of several generations in one window is good until its own time is over", async (t) => {
  const session = rotatedAt([START + 10 * SECOND, START + 20 * SECOND, START + 30 * SECOND]);
  for (const [generation, until] of [
    [1, START + 50 * SECOND],
    [2, START + 60 * SECOND],
    [3, START + 70 * SECOND],
  ] as const) {
    t.equal(show(session, generation, at(until)).outcome, "retried");
    t.equal(show(session, generation, at(until + 1)).outcome, "replayed");
  }
});

t.test("a generation that was over at a rotation stays over, whatever clock looks next", async (t) => {
  const session = rotatedAt([START, START + 41 * SECOND]);
  t.equal(show(session, 1, at(START + 30 * SECOND)).outcome, "replayed");
  t.equal(show(session, 2, at(START + 30 * SECOND)).outcome, "retried");
});

t.test("a client that rotates for ever within the window keeps no ancient generation", async (t) => {
  for (const step of [30, 100, 999, 2_600, 39_000]) {
    let session = FRESH;
    let most = 0;
    for (let index = 1; index <= 2_000; index++) {
      session = rotated(session, START + index * step);
      most = Math.max(most, session.checkpoints.length);
    }
    const now = session.generationAt;
    // A quarter of window and skew for the thinning.
    const inWindow = Math.ceil((40_000 * (5 / 4)) / step) + 1;
    t.ok(most <= 10, `at most 10 checkpoints: ${most} for a rotation each ${step} ms`);
    for (const ago of [inWindow + 1, inWindow + 2, 1_999])
      if (session.generation - ago >= 1)
        t.equal(show(session, session.generation - ago, at(now)).outcome, "replayed", `${ago} generations ago, each ${step} ms`);
    t.equal(show(session, session.generation - Math.min(1_999, Math.floor(40_000 / step)), at(now)).outcome, "retried");
  }
});

t.test("outages between rotations stretch the window, not the number of checkpoints", async (t) => {
  const policy = { ...POLICY, retryWindowMillis: 1, keyedRetryWindowMillis: 0 };
  let session = FRESH;
  let now = START;
  const downtime: Interval[] = [];
  let most = 0;
  for (let index = 1; index <= 200; index++) {
    downtime.push({ from: now, to: now + 10 * SECOND });
    now += 10 * SECOND;
    const result = show(session, session.generation, at(now, downtime), policy);
    if (result.outcome !== "rotated") throw new Error(`not rotated but ${result.outcome}`);
    session = result.session;
    most = Math.max(most, session.checkpoints.length);
  }
  t.ok(most <= 10, `at most 10 checkpoints: ${most}`);
  t.equal(show(session, 1, at(now, downtime), policy).outcome, "retried", "no time has counted since it was current");
});

t.test("a generation newer than stored heals a store that went back: current and rotated at once", async (t) => {
  const session = rotatedAt([START + SECOND]);
  const now = START + HOUR;
  const result = show(session, 7, { ...at(now), macVersion: 3 }, POLICY, KEY);
  t.equal(result.outcome, "healed");
  if (!("session" in result)) return;
  t.match(result.session, { generation: 8, generationAt: now, macVersion: 3, exchangeKey: KEY, absoluteEndAt: FRESH.absoluteEndAt });
  t.equal(show(result.session, 8, at(now + HOUR)).outcome, "rotated");
  for (const generation of [7, 6, 2]) {
    t.equal(show(result.session, generation, at(now + 40 * SECOND)).outcome, "retried", "when they were superseded nobody knows any more");
    t.equal(show(result.session, generation, at(now + 40 * SECOND + 1)).outcome, "replayed");
  }
  t.equal(show(result.session, 1, at(now)).outcome, "replayed", "superseded before the roll-back");
});

t.test("where healing is switched off a newer generation is a theft", async (t) => {
  t.same(show(FRESH, 2, at(START), { ...POLICY, heal: false }), { outcome: "replayed" });
});

t.test("generations that never were are thefts", async (t) => {
  const session = rotatedAt([START]);
  for (const generation of [0, -1]) t.same(show(session, generation, at(START)), { outcome: "replayed" });
});

t.test("a decision changes nothing it was given", async (t) => {
  const session = Object.freeze({ ...FRESH, checkpoints: Object.freeze([]), resources: Object.freeze(FRESH.resources) });
  t.equal(show(session, 1, at(START)).outcome, "rotated");
  t.equal(session.generation, 1);
});

/** The naive model: when exactly each generation was superseded, for ever. */
interface Step {
  readonly wait: number;
  readonly probe: number;
  readonly down: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  wait: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 6_000 }), fc.integer({ min: 0, max: 60_000 })),
  probe: fc.oneof(fc.constant(0), fc.nat(4), fc.nat(60)),
  down: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 90_000 }) }),
});

t.test(
  "against a model that remembers every supersession: nothing honest is refused, nothing stale accepted beyond a quarter",
  async () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 150, size: "max" }),
        fc.integer({ min: 1, max: 60_000 }),
        (steps, retryWindowMillis) => {
          const policy = { ...POLICY, retryWindowMillis, keyedRetryWindowMillis: 0 };
          const window = retryWindowMillis + policy.clockSkewMillis;
          const superseded = new Map<number, number>();
          const downtime: Interval[] = [];
          const countedAge = (since: number, now: number): number =>
            now - since - downtime.reduce((sum, { from, to }) => sum + (to > since ? to - Math.max(from, since) : 0), 0);
          let session = FRESH;
          let now = START;
          for (const { wait, probe, down } of steps) {
            now += wait;
            if (down > 0) {
              downtime.push({ from: now, to: now + down });
              now += down;
            }
            const generation = Math.max(1, session.generation - probe);
            const result = present(session, { clientId: "app", generation }, policy, { now, macVersion: 0, downtime });
            const since = superseded.get(generation);
            if (since === undefined) {
              if (result.outcome !== "rotated") throw new Error(`the current generation was ${result.outcome}`);
              superseded.set(generation, now);
              session = result.session;
              if (session.checkpoints.length > 10) throw new Error("too many checkpoints");
              continue;
            }
            const age = countedAge(since, now);
            if (age <= window && result.outcome !== "retried") throw new Error(`an honest retry was ${result.outcome}`);
            if (result.outcome === "retried" && age > window * (5 / 4) + 1) throw new Error("a stale generation was accepted");
          }
        },
      ),
      { numRuns: runs(300) },
    );
  },
);

t.test("with clocks that differ by no more than the skew, an honest retry within the window is never a theft", async () => {
  const tick = fc.record({
    wait: fc.integer({ min: 0, max: 12_000 }),
    offset: fc.integer({ min: -5_000, max: 5_000 }),
    probe: fc.oneof(fc.constant(0), fc.nat(8)),
  });
  fc.assert(
    fc.property(fc.array(tick, { minLength: 1, maxLength: 80, size: "max" }), (ticks) => {
      const superseded = new Map<number, number>();
      let session = FRESH;
      let trueNow = START + HOUR;
      for (const { wait, offset, probe } of ticks) {
        trueNow += wait;
        const generation = Math.max(1, session.generation - probe);
        const result = show(session, generation, at(trueNow + offset));
        if (result.outcome === "rotated") {
          superseded.set(generation, trueNow);
          session = result.session;
        } else if (trueNow - (superseded.get(generation) ?? 0) <= POLICY.retryWindowMillis && result.outcome !== "retried") {
          throw new Error(`an honest retry was ${result.outcome}`);
        }
      }
    }),
    { numRuns: runs(300) },
  );
});

const NEVER: PresentPolicy = { ...POLICY, rotates: false };

t.test("without rotation the token stays, its idle lifetime begins anew, and the absolute end does not move", async (t) => {
  const used = show(FRESH, 1, at(START + 20 * DAY), NEVER);
  t.same(used, { outcome: "kept", session: { ...FRESH, generationAt: START + 20 * DAY, exchangeKey: undefined } });
  const session = "session" in used ? used.session : FRESH;
  t.equal(show(session, 1, at(START + 50 * DAY - 1), NEVER).outcome, "kept");
  t.equal(show(session, 1, at(START + 50 * DAY), NEVER).outcome, "expired");
  t.equal(session.absoluteEndAt, FRESH.absoluteEndAt);
});

t.test("a session that rotated before has no window left once it is used without rotation", async (t) => {
  const before = rotated(rotatedAt([START + HOUR]), START + HOUR + 1, POLICY, KEY);
  t.equal(show(before, 2, at(START + HOUR + 2), NEVER).outcome, "retried", "a retry that was on its way when the setting changed");
  const used = show(before, 3, at(START + 2 * HOUR), NEVER);
  const session = "session" in used ? used.session : FRESH;
  for (const generation of [1, 2]) {
    t.same(show(session, generation, at(START + 2 * HOUR + 1), NEVER, KEY), { outcome: "replayed" });
    t.same(show(session, generation, at(START + 2 * HOUR + 1), POLICY, KEY), { outcome: "replayed" }, "nor when it rotates again");
  }
  t.equal(show(session, 3, at(START + 2 * HOUR + 1)).outcome, "rotated");
});

t.test("a session without rotation that was rolled back is healed as it is", async (t) => {
  const before = rotatedAt([START + 1, START + 2]);
  const healed = show(before, 5, at(START + HOUR), NEVER);
  t.match(healed, { outcome: "healed", session: { generation: 5, generationAt: START + HOUR } });
  t.equal(show("session" in healed ? healed.session : FRESH, 5, at(START + 2 * HOUR), NEVER).outcome, "kept");
});

t.test("time in which a token waited for its turn here counts against no window", async (t) => {
  const session = rotated(FRESH, START);
  const late = START + 41 * SECOND;
  t.equal(show(session, 1, at(late)).outcome, "replayed");
  t.equal(show(session, 1, { ...at(late), presentedAt: START + 39 * SECOND }).outcome, "retried");
  t.equal(show(session, 1, { ...at(late), presentedAt: START + 41 * SECOND }).outcome, "replayed");
  t.equal(show(session, 1, { ...at(late), presentedAt: START - SECOND }).outcome, "retried", "it came before it was superseded");
});
