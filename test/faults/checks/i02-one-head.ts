/** I2: a generation of a session has one token, and when nothing is under way at most one token of a session is current. */

import type { History, Operation } from "../history/read.ts";
import type { Check, Finding } from "./finding.ts";
import { grouped } from "./sessions.ts";

export const oneHead: Check = (history) => [...forks(history), ...heads(history)];

function forks({ operations }: History): readonly Finding[] {
  const granted = operations.filter(({ tokenOut, generationOut }) => tokenOut !== undefined && generationOut !== undefined);
  const generations = grouped(granted, ({ sid, generationOut }) => (sid === undefined ? undefined : `${sid} ${generationOut}`));
  return [...generations].flatMap(([name, answers]) => {
    const other = answers.find(({ tokenOut }) => tokenOut !== answers[0]?.tokenOut);
    return other === undefined ? [] : [{ what: `two tokens of session and generation ${name}`, lines: numbersOf(answers[0], other) }];
  });
}

/** Probes ask one after the other: first which token is current, then for the successor of each. */
function heads({ operations }: History): readonly Finding[] {
  const probes = grouped(
    operations.filter(({ isProbe, outcome }) => isProbe === true && outcome === "ok"),
    ({ sid }) => sid,
  );
  return [...probes].flatMap(([sid, own]) => {
    const current = own.filter(({ op, active, generationIn }) => op === "introspect" && active === true && generationIn !== undefined);
    // An owner whose store holds an older token (a late answer of another tab) is given the newest one first, which is not used yet.
    const successors = own.filter(({ op, role }) => op === "refresh" && role !== "owner");
    return [
      ...two(current, ({ tokenIn }) => tokenIn, `two tokens of session ${sid} are current`),
      ...two(successors, ({ tokenOut }) => tokenOut, `tokens of session ${sid} have two successors when nothing is under way`),
    ];
  });
}

function two(list: readonly Operation[], valueOf: (operation: Operation) => string | undefined, what: string): readonly Finding[] {
  const other = list.find((operation) => valueOf(operation) !== valueOf(list[0] ?? operation));
  return other === undefined ? [] : [{ what, lines: numbersOf(list[0], other) }];
}

function numbersOf(...operations: readonly (Operation | undefined)[]): readonly number[] {
  return operations.flatMap((operation) => (operation === undefined ? [] : [operation.number]));
}
