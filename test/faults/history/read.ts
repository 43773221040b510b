/** Reads a history back, in order, each line with its number. */

import { readFileSync } from "node:fs";
import type { FactLine, FaultLine, JwksLine, Line, OperationLine, RunLine } from "./lines.ts";

/** Its line in the file; the first is 1. */
export interface Numbered {
  readonly number: number;
}

export type Operation = OperationLine & Numbered;
export type JwksFetch = JwksLine & Numbered;
export type RecordedFact = FactLine & Numbered;

/** A pair of fault lines. One that never ended lasts for ever. */
export interface Fault extends Numbered {
  readonly kind: string;
  readonly from: number;
  readonly to: number;
  readonly isAway: boolean;
  readonly isCutting: boolean;
  readonly recoverMillis: number;
}

export interface History {
  readonly run: RunLine;
  /** In the order in which they were invoked. */
  readonly operations: readonly Operation[];
  readonly faults: readonly Fault[];
  readonly jwks: readonly JwksFetch[];
  readonly facts: readonly RecordedFact[];
}

/** Throws `TypeError` where it is no history. */
export function readHistory(path: string): History {
  const text = readFileSync(path, "utf8").trimEnd();
  return historyOf(text.split("\n").map((line) => JSON.parse(line) as Line));
}

export function historyOf(lines: readonly Line[]): History {
  const numbered = lines.map((line, index) => ({ ...line, number: index + 1 }));
  const run = numbered.find((line) => line.line === "run");
  if (run === undefined) throw new TypeError("a history begins with the line of its run");
  return {
    run,
    operations: numbered.filter((line) => line.line === "operation").sort((a, b) => a.invokedAt - b.invokedAt),
    faults: faultsOf(numbered.filter((line) => line.line === "fault")),
    jwks: numbered.filter((line) => line.line === "jwks").sort((a, b) => a.at - b.at),
    facts: numbered.filter((line) => line.line === "fact"),
  };
}

function faultsOf(lines: readonly (FaultLine & Numbered)[]): readonly Fault[] {
  const ends = new Map(lines.filter(({ phase }) => phase === "end").map((line) => [line.fault, line.at]));
  return lines
    .filter(({ phase }) => phase === "begin")
    .map(({ number, kind, at, fault, isAway = false, isCutting = false, recoverMillis }) => ({
      number,
      kind,
      from: at,
      to: ends.get(fault) ?? Infinity,
      isAway,
      isCutting,
      recoverMillis,
    }))
    .sort((a, b) => a.from - b.from);
}
