/** Times that a history tells of: when the store was away, and which writes it may have lost. */

import type { WriteKind, WritesLost } from "../history/lines.ts";
import type { History } from "../history/read.ts";

export interface Span {
  readonly from: number;
  readonly to: number;
}

/** An issuer counts itself as away from the last answer before a fault until it has caught up after it. */
const CATCH_UP_MILLIS = 3_000;
/** Between what the server took and the moment at which its client knew. */
const ANSWER_MILLIS = 1_000;

/** In order, and without overlaps. */
export function joined(spans: readonly Span[]): readonly Span[] {
  const result: { from: number; to: number }[] = [];
  for (const { from, to } of spans.toSorted((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else result.push({ from, to });
  }
  return result;
}

/** How much of any time the store may have been away for an issuer. */
export function awayTime({ faults, facts }: History): (from: number, to: number) => number {
  const away = faults.filter(({ isAway }) => isAway).map(({ from, to }) => ({ from: from - ANSWER_MILLIS, to: to + CATCH_UP_MILLIS }));
  const spans = joined([...away, ...facts.filter((fact) => fact.fact === "uncounted")]);
  return (from, to) => spans.reduce((sum, span) => sum + Math.max(0, Math.min(span.to, to) - Math.max(span.from, from)), 0);
}

const LOSES: Readonly<Record<WritesLost["kept"] & string, readonly WriteKind[]>> = { confirmed: ["rotation"], ends: ["rotation", "login"] };

/** Whether a write of this kind that was acknowledged at a time may be gone by another. */
export function lostWrites({ facts }: History, kind: WriteKind): (acknowledgedAt: number, by: number) => boolean {
  const spans = facts.filter((fact) => fact.fact === "writes_lost").filter(({ kept }) => kept === undefined || LOSES[kept].includes(kind));
  return (acknowledgedAt, by) =>
    spans.some(({ from, to, goneFrom = to }) => acknowledgedAt >= from && acknowledgedAt <= to + ANSWER_MILLIS && by >= goneFrom);
}
