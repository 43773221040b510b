/** Every check by hand-written histories: good ones that none minds, and bad ones that the one check finds and no other. */

import t from "tap";
import type { InvariantId, Line, Rules, WritesLost } from "./history/lines.ts";
import { findingsOf } from "./checks/index.ts";
import type { Named } from "./checks/index.ts";
import { fact, fault, jwks, login, operation, refresh, refused, told, WALL } from "./support/told.ts";

interface Case {
  readonly what: string;
  readonly lines: readonly Line[];
  readonly rules?: Partial<Rules>;
  /** Of the findings, how many only tell what the store's settings gave away. */
  readonly excused?: number;
}

const THEFT = fact(1, { fact: "stolen", sid: "S" });
const revoked = (at: number) => operation(at, "revoke", "ok", { sid: "S" });
const thief = { role: "thief", client: "thief" } as const;
const prober = { role: "prober", client: "prober", isProbe: true } as const;
const seconds = (at: number): number => WALL / 1_000 + at;
const token = (kid: string, iat: number, exp = iat + 60) => ({ kid, iat: seconds(iat), exp: seconds(exp) });
const lost = (from: number, to: number, more: Partial<WritesLost> = {}) =>
  fact(to, { fact: "writes_lost", from: from * 1_000, to: to * 1_000, note: "cut", ...more });

const good: readonly Case[] = [
  { what: "nothing happened", lines: [] },
  { what: "a session rotates, and ends", lines: [login(0), refresh(1, 1), refresh(2, 2), revoked(3), refused(4, 3), refused(5, 1)] },
  { what: "a refresh that was invoked before the end was acknowledged", lines: [login(0), revoked(1), refresh(1.005, 1)] },
  {
    what: "an end that nobody acknowledged",
    lines: [login(0), ...fault(1, 2), operation(1, "revoke", "unknown", { sid: "S" }), refresh(2, 1)],
  },
  {
    what: "a login after the end of all sessions",
    lines: [operation(0, "end_sessions", "ok", { sub: "someone", sid: "other" }), login(1), refresh(2, 1)],
  },
  {
    what: "retries within the window have the current token",
    lines: [login(0), refresh(1, 1), refresh(2, 2), refresh(4.5, 1, { tokenOut: "S3", generationOut: 3 })],
  },
  {
    what: "the store's absence lengthens the window",
    lines: [
      login(0),
      refresh(1, 1),
      refresh(2, 2),
      ...fault(3, 13, { isAway: true }),
      refresh(14, 1, { tokenOut: "S3", generationOut: 3 }),
    ],
  },
  {
    what: "an exchange that is repeated with its key, late",
    lines: [login(0), refresh(1, 1, { exchange: "E", outcome: "ok" }), refresh(100, 1, { exchange: "E" })],
  },
  { what: "a theft that ends the session", lines: [login(0), THEFT, refresh(1, 1), refresh(2, 2), refused(20, 1, thief), refused(21, 3)] },
  {
    what: "a session that was not used for too long",
    lines: [login(0), refresh(1, 1), refused(100, 2)],
    rules: { idleLifetimeMillis: 60_000 },
  },
  { what: "a session that is too old", lines: [login(0), refresh(55, 1), refused(61, 2)], rules: { absoluteLifetimeMillis: 60_000 } },
  {
    what: "a login that the store lost logs its client out",
    lines: [login(1), lost(0.5, 1.5), refused(2, 1)],
    excused: 1,
  },
  {
    what: "rotations that the store lost happen again",
    lines: [login(0), refresh(1, 1), refresh(1.2, 2), lost(0.5, 1.5), refresh(20, 1)],
    excused: 1,
  },
  {
    what: "an end that the store lost, and one that was repeated",
    lines: [
      login(0),
      revoked(1),
      lost(0.5, 1.5),
      refresh(2, 1),
      operation(3, "revoke", "ok", { sid: "S" }),
      refused(4, 2),
      operation(5, "introspect", "ok", { sid: "S", active: false }),
    ],
    excused: 1,
  },
  {
    what: "a rotation is lost while the store still answers, and what is confirmed is kept",
    lines: [login(0), refresh(1, 1), refresh(1.2, 2), lost(0.5, 30, { kept: "confirmed", goneFrom: 500 }), refresh(20, 1)],
    excused: 1,
  },
  {
    what: "a login is lost and ends are kept",
    lines: [login(1), lost(0.5, 1.5, { kept: "ends" }), refused(2, 1)],
    excused: 1,
  },
  {
    what: "probes: the newest is current, the one before gives the same",
    lines: [
      login(0),
      refresh(1, 1),
      operation(3, "introspect", "ok", { sid: "S", tokenIn: "S1", generationIn: 1, active: false, ...prober }),
      operation(3.1, "introspect", "ok", { sid: "S", tokenIn: "S2", generationIn: 2, active: true, ...prober }),
      refresh(3.2, 2, prober),
      refresh(3.3, 1, { ...prober, tokenOut: "S3", generationOut: 3 }),
    ],
  },
  {
    what: "a key that was published before it signed, and is until its last token has expired",
    lines: [
      jwks(0, ["a"], 10),
      ...[1, 20, 40, 60, 80].map((at) => jwks(at, ["a", "b"], 10)),
      login(70, token("b", 70, 75)),
      jwks(90, ["c"], 10),
    ],
  },
  {
    what: "a key that was revoked",
    lines: [
      jwks(0, ["a"], 5),
      login(1, token("a", 1)),
      fact(2, { fact: "key_revoked", kid: "a", staleMillis: 5_000 }),
      jwks(2.1, ["b"], 5),
      operation(3, "verify", "ok", token("a", 1)),
    ],
  },
  { what: "a token that is taken until it expires", lines: [operation(60, "verify", "ok", token("a", 0))] },
  { what: "introspection after the end", lines: [login(0), revoked(1), operation(2, "introspect", "ok", { sid: "S", active: false })] },
  {
    what: "an assertion that is refused the second time",
    lines: [login(0, { assertion: "A" }), operation(1, "login", "refused", { assertion: "A" })],
  },
  {
    what: "a fault: late within the store's time, cut by a kill, and well again",
    lines: [
      login(0),
      ...fault(1, 5, { isCutting: true }),
      operation(2, "refresh", "unknown", { doneAt: 4_900 }),
      operation(3, "refresh", "unknown", { status: 0, error: "cut" }),
      operation(6, "refresh", "unknown"),
      refresh(8, 1),
    ],
  },
  { what: "an answer that was lost on purpose", lines: [operation(1, "refresh", "unknown", { status: 0, error: "lost" })] },
  { what: "what a row expected", lines: [fact(1, { fact: "expected", invariant: "I11", what: "no canary", holds: true })] },
];

const bad: readonly (Case & { readonly only: Named })[] = [
  { only: "I1", what: "a refresh after a revocation", lines: [login(0), revoked(1), refresh(2, 1)] },
  {
    only: "I1",
    what: "a refresh after the end of all of the subject's sessions",
    lines: [login(0), operation(1, "end_sessions", "ok", { sub: "someone", sid: "other" }), refresh(2, 1)],
  },
  { only: "I1", what: "a revocation that was not among what the store lost", lines: [login(0), revoked(1), lost(5, 6), refresh(7, 1)] },
  {
    only: "I1",
    what: "an end that is kept whatever is lost",
    lines: [login(0), revoked(1), lost(0.5, 1.5, { kept: "ends" }), refresh(2, 1)],
  },
  { only: "I4", what: "a login that is confirmed is lost", lines: [login(1), lost(0.5, 1.5, { kept: "confirmed" }), refused(2, 1)] },
  {
    only: "I2",
    what: "two tokens of one generation",
    lines: [login(0), refresh(1, 1), refresh(1.1, 1, { tokenOut: "another" })],
  },
  {
    only: "I2",
    what: "two tokens are current",
    lines: [
      login(0),
      operation(3, "introspect", "ok", { sid: "S", tokenIn: "S1", generationIn: 1, active: true, ...prober }),
      operation(3.1, "introspect", "ok", { sid: "S", tokenIn: "S2", generationIn: 2, active: true, ...prober }),
    ],
  },
  {
    only: "I2",
    what: "a retry forks the session",
    lines: [
      login(0),
      refresh(1, 1),
      refresh(1.1, 1, { tokenOut: "S3", generationOut: 3 }),
      refresh(2, 2, { ...prober, tokenOut: "S4", generationOut: 4 }),
      refresh(2.1, 3, { ...prober, tokenOut: "S5", generationOut: 5 }),
    ],
  },
  {
    only: "I3",
    what: "a used token is accepted outside the window",
    lines: [login(0), refresh(1, 1), refresh(2, 2), refresh(20, 1, { ...thief, tokenOut: "S4", generationOut: 4 })],
  },
  {
    only: "I5",
    what: "a late retry without a key is accepted",
    lines: [login(0), refresh(1, 1), refresh(20, 1)],
  },
  { only: "I4", what: "a client that did nothing wrong is logged out", lines: [login(0), refresh(1, 1), refused(2, 2)] },
  { only: "I4", what: "a rotation that the store lost is not healed", lines: [login(0), refresh(2, 1), lost(1.5, 2.5), refused(3, 2)] },
  {
    only: "I5",
    what: "the session goes on after the theft was seen",
    lines: [login(0), THEFT, refresh(1, 1), refresh(2, 2), refused(20, 1, thief), refresh(21, 3)],
  },
  {
    only: "I6",
    what: "a key signs that verifiers do not know yet",
    lines: [jwks(0, ["a"], 10), jwks(50, ["a"], 10), jwks(55, ["a", "b"], 10), login(60, token("b", 60))],
  },
  {
    only: "I6",
    what: "a key signs that was published half a second too late",
    // A kid is to be there for 60 s; `iat` is the whole second in which the token was made.
    lines: [jwks(0, ["a"], 0), jwks(10.5, ["a"], 0), jwks(10.6, ["a", "b"], 0), login(70.2, token("b", 70, 75))],
  },
  {
    only: "I7",
    what: "a key signs while a JWK Set without it may still be kept",
    lines: [jwks(0, ["a"], 10), jwks(5, ["a"], 70), jwks(6, ["a", "b"], 70), login(70, token("b", 70, 75))],
  },
  {
    only: "I7",
    what: "a key is taken out of the JWK Set too early",
    lines: [jwks(0, ["a"], 10), login(1, token("a", 1)), jwks(30, ["b"], 10)],
  },
  { only: "I8", what: "an expired token is taken", lines: [operation(62, "verify", "ok", token("a", 0))] },
  {
    only: "I8",
    what: "a token of a revoked key is taken",
    lines: [fact(2, { fact: "key_revoked", kid: "a", staleMillis: 5_000 }), operation(8, "verify", "ok", token("a", 1))],
  },
  {
    only: "I9",
    what: "introspection calls a token of an ended session active",
    lines: [login(0), revoked(1), operation(2, "introspect", "ok", { sid: "S", active: true })],
  },
  { only: "I10", what: "one jti twice", lines: [login(0, { jti: "J" }), refresh(1, 1, { jti: "J" })] },
  {
    only: "I10",
    what: "an assertion is taken twice",
    lines: [login(0, { assertion: "A" }), login(1, { sid: "T", tokenOut: "T1", assertion: "A" })],
  },
  {
    only: "I12",
    what: "answers during a fault take longer than the store's time",
    lines: [...fault(1, 9), operation(2, "refresh", "unknown", { doneAt: 5_200 })],
  },
  {
    only: "I12",
    what: "a request has no answer",
    lines: [...fault(1, 9), operation(2, "refresh", "unknown", { status: 0, error: "late" })],
  },
  {
    only: "I12",
    what: "an answer is cut though nobody was killed",
    lines: [...fault(1, 9), operation(2, "refresh", "unknown", { status: 0, error: "cut" })],
  },
  { only: "I13", what: "errors go on after the fault", lines: [...fault(1, 5), operation(8, "refresh", "unknown")] },
  { only: "I13", what: "an error without a fault", lines: [operation(8, "refresh", "unknown")] },
  {
    only: "I11",
    what: "a canary was found",
    lines: [fact(1, { fact: "expected", invariant: "I11", what: "a token in a log", holds: false })],
  },
  { only: "I14", what: "memory is not given back", lines: [fact(1, { fact: "expected", invariant: "I14", what: "memory", holds: false })] },
  {
    only: "row",
    what: "what the row expects is not so",
    lines: [fact(1, { fact: "expected", invariant: "row", what: "exit 0", holds: false })],
  },
];

/** Which invariants find something that nothing excuses. */
function violated({ lines, rules = {} }: Case): readonly string[] {
  return [...findingsOf(told(lines, rules))]
    .filter(([, findings]) => findings.some(({ excuse }) => excuse === undefined))
    .map(([name]) => name);
}

function excused({ lines, rules = {} }: Case): number {
  return [...findingsOf(told(lines, rules)).values()].flat().filter(({ excuse }) => excuse !== undefined).length;
}

t.test("a good history is minded by no check", async (t) => {
  for (const one of good) {
    t.same(violated(one), [], one.what);
    t.equal(excused(one), one.excused ?? 0, one.what);
  }
});

t.test("a bad history is found by its check alone", async (t) => {
  for (const one of bad) t.same(violated(one), [one.only], one.what);
  const found = new Set<Named>(bad.map(({ only }) => only));
  const ids: readonly InvariantId[] = ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I12", "I13", "I14"];
  t.same(
    ids.filter((id) => !found.has(id)),
    [],
    "each invariant has one",
  );
});

t.test("a row is only held to its own invariants", async (t) => {
  const lines = [login(0), revoked(1), refresh(2, 1)];
  t.same([...findingsOf(told(lines, {}, ["I2"])).values()].flat(), []);
});

t.test("a finding names the lines that it is about", async (t) => {
  const findings = findingsOf(told([login(0), revoked(1), refresh(2, 1)]));
  t.same(
    findings.get("I1")?.map(({ lines }) => lines),
    [[3, 4]],
  );
});
