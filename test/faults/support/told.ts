/** Histories by hand: short calls for the lines that tests of the checks are made of. */

import type {
  Fact,
  FaultLine,
  InvariantId,
  JwksLine,
  Line,
  OperationLine,
  OperationName,
  Outcome,
  Rules,
  RunLine,
} from "../history/lines.ts";
import { INVARIANTS } from "../history/lines.ts";
import { historyOf } from "../history/read.ts";
import type { History } from "../history/read.ts";

const SECOND = 1_000;

export const RULES: Rules = {
  retryWindowMillis: 3 * SECOND,
  keyedRetryWindowMillis: 3_600 * SECOND,
  clockSkewMillis: SECOND,
  idleLifetimeMillis: 86_400 * SECOND,
  absoluteLifetimeMillis: 10 * 86_400 * SECOND,
  commandTimeoutMillis: SECOND,
  stageForMillis: 60 * SECOND,
  clockErrorMillis: 0,
  isTimed: true,
};

/** The wall clock at time 0: a whole second, so that `iat` is easy to tell. */
export const WALL = 1_800_000_000_000;

/** A history of these lines, after its first; times in seconds. */
export function told(lines: readonly Line[], rules: Partial<Rules> = {}, invariants: readonly InvariantId[] = INVARIANTS): History {
  const run: RunLine = { line: "run", row: "F0", part: "", seed: 1, rounds: 1, invariants, wallClock: WALL, rules: { ...RULES, ...rules } };
  return historyOf([run, ...lines]);
}

/** An operation that took 10 ms. */
export function operation(at: number, op: OperationName, outcome: Outcome, more: Partial<OperationLine> = {}): OperationLine {
  const status = { ok: 200, refused: 400, unknown: 503 }[outcome];
  const invokedAt = at * SECOND;
  return {
    line: "operation",
    invokedAt,
    doneAt: invokedAt + 10,
    client: "someone",
    role: "owner",
    op,
    node: 0,
    outcome,
    status,
    ...(outcome === "refused" ? { error: "invalid_grant" } : {}),
    ...more,
  };
}

let jtis = 0;

/** Of session S and its subject. */
export function login(at: number, more: Partial<OperationLine> = {}): OperationLine {
  return operation(at, "login", "ok", { sid: "S", sub: "someone", tokenOut: "S1", generationOut: 1, jti: `jti ${(jtis += 1)}`, ...more });
}

/** A generation of session S presented, which gives the next one. */
export function refresh(at: number, generation: number, more: Partial<OperationLine> = {}): OperationLine {
  const granted = { tokenOut: `S${generation + 1}`, generationOut: generation + 1, jti: `jti ${(jtis += 1)}` };
  return operation(at, "refresh", "ok", { sid: "S", tokenIn: `S${generation}`, generationIn: generation, ...granted, ...more });
}

export function refused(at: number, generation: number, more: Partial<OperationLine> = {}): OperationLine {
  return operation(at, "refresh", "refused", { sid: "S", tokenIn: `S${generation}`, generationIn: generation, ...more });
}

export function fact(at: number, one: Fact): Line {
  return { line: "fact", at: at * SECOND, ...one };
}

export function fault(from: number, to: number, more: Partial<FaultLine> = {}): readonly Line[] {
  const common = { line: "fault" as const, fault: from, kind: "something broke", recoverMillis: 2 * SECOND, ...more };
  return [
    { ...common, at: from * SECOND, phase: "begin" },
    { ...common, at: to * SECOND, phase: "end" },
  ];
}

export function jwks(at: number, kids: readonly string[], maxAge: number): JwksLine {
  return { line: "jwks", at: at * SECOND, node: 0, kids, maxAgeMillis: maxAge * SECOND };
}
