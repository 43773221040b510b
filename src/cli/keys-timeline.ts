/** The key ring drawn for a person: one line per key, with a bar that shows its life around now. */

import type { KeysPolicy } from "../domain/policy.ts";
import { agedAt, type KeyState } from "../domain/ring.ts";
import type { KeyListing } from "../issuer/types.ts";
import type { Context, Style } from "./context.ts";
import { durationText } from "./text.ts";

const CELLS: Readonly<Record<KeyState, string>> = { staged: "░", active: "█", retiring: "▒", retired: "·", revoked: "×" };
const STYLES: Readonly<Record<KeyState, Style>> = { staged: "cyan", active: "green", retiring: "yellow", retired: "dim", revoked: "red" };

const DAY_MILLIS = 86_400_000;
const SHOWN_PAST_MILLIS = 45 * DAY_MILLIS;
const LEAST_SPAN_MILLIS = 60_000;
const [BAR_MIN, BAR_MAX] = [16, 48];
/** Where even short kids leave it no more. */
const BAR_LEAST = 8;
const SHORT_KID = 10;
const GAP = "  ";

interface Span {
  readonly from: number;
  readonly to: number;
  readonly cells: number;
}

/** Draws to stdout; says where the whole kids are when they had to be cut. */
export function drawKeys(context: Context, keys: readonly KeyListing[], policy: KeysPolicy): void {
  const now = context.dependencies.clock();
  const { isTTY, columns = 80 } = context.streams.stdout;
  // Where all keys are in files, saying so is no news.
  const isElsewhere = keys.some(({ custody }) => custody !== "file");
  const rows = keys
    .toSorted((a, b) => (a.alg === b.alg ? firstMoment(a) - firstMoment(b) : a.alg < b.alg ? -1 : 1))
    .map((key) => {
      const custody = isElsewhere ? [key.custody] : [];
      return { key, cells: [key.alg, key.state, ...custody, durationText(now - key.publishedAt), nextTransition(key, now, policy)] };
    });

  const headings = ["ALG", "STATE", ...(isElsewhere ? ["IN"] : []), "AGE", "NEXT"];
  const widths = headings.map((heading, column) => Math.max(heading.length, ...rows.map(({ cells }) => cells[column]?.length ?? 0)));
  const kidLength = Math.max(...keys.map(({ kid }) => kid.length));
  const fixed = widths.reduce((sum, width) => sum + width + GAP.length, GAP.length);
  const isCut = isTTY === true && fixed + kidLength + BAR_MIN > columns;
  const kidWidth = isCut ? Math.min(kidLength, SHORT_KID + 1) : kidLength;
  const room = isTTY === true ? columns - fixed - kidWidth : BAR_MAX;
  const span = spanOf(keys, now, policy, Math.max(BAR_LEAST, Math.min(BAR_MAX, room)));

  const line = (kid: string, cells: readonly string[], bar: string): string =>
    [kid.padEnd(kidWidth), ...cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)), bar].join(GAP).trimEnd();
  context.print(line("KID", headings, ruler(span, now)));
  for (const { key, cells } of rows) {
    const kid = isCut && key.kid.length > kidWidth ? `${key.kid.slice(0, SHORT_KID)}…` : key.kid;
    context.print(context.paint(STYLES[key.state], line(kid, cells, bar(key, span))));
  }
  context.print(
    Object.entries(CELLS)
      .map(([state, cell]) => `${cell} ${state}`)
      .concat("▼ now")
      .join(GAP),
  );
  if (isCut) context.say("whole kids: mintmark keys list --json, or a wider terminal");
}

function firstMoment(key: KeyListing): number {
  return key.activeAt ?? key.publishedAt + Number.MAX_SAFE_INTEGER / 2;
}

/** What happens to a key next, and when. */
function nextTransition(key: KeyListing, now: number, policy: KeysPolicy): string {
  const inTime = (at: number): string => `in ${durationText(at - now)}`;
  switch (key.state) {
    case "staged": {
      if (key.activeAt !== undefined) return `active ${inTime(key.activeAt)}`;
      const readyAt = agedAt(key, policy);
      return readyAt > now ? `ready ${inTime(readyAt)}` : "ready to sign";
    }
    case "active": {
      if (key.retiringAt !== undefined) return `retiring ${inTime(key.retiringAt)}`;
      if (policy.rotateEveryMillis === undefined) return "until it is rotated";
      const dueAt = (key.activeAt ?? key.publishedAt) + policy.rotateEveryMillis;
      return dueAt > now ? `rotates ${inTime(dueAt)}` : "rotation is due";
    }
    case "retiring":
      return key.retiredAt === undefined ? "-" : `retired ${inTime(key.retiredAt)}`;
    case "retired":
      return key.retiredAt === undefined ? "-" : `since ${durationText(now - key.retiredAt)}`;
    case "revoked":
      return key.revokedAt === undefined ? "-" : `since ${durationText(now - key.revokedAt)}`;
  }
}

function spanOf(keys: readonly KeyListing[], now: number, policy: KeysPolicy, cells: number): Span {
  const starts = keys.map(({ publishedAt }) => publishedAt);
  const ends = keys.flatMap(({ activeAt, retiringAt, retiredAt }) => [activeAt, retiringAt, retiredAt]).filter((at) => at !== undefined);
  const from = Math.min(now, Math.max(Math.min(...starts), now - SHOWN_PAST_MILLIS));
  const to = Math.max(now + policy.stageForMillis, ...ends.filter((at) => at < now + 2 * SHOWN_PAST_MILLIS));
  return { from, to: Math.max(to, from + LEAST_SPAN_MILLIS), cells };
}

function cellOf(at: number, { from, to, cells }: Span): number {
  return Math.max(0, Math.min(cells - 1, Math.floor(((at - from) / (to - from)) * cells)));
}

/** How far back and ahead the bar goes, with now between. */
function ruler(span: Span, now: number): string {
  const [past, future] = [`-${durationText(now - span.from)}`, `+${durationText(span.to - now)}`];
  const at = cellOf(now, span);
  const cells: string[] = Array.from({ length: span.cells }, () => " ");
  const put = (text: string, start: number): void => void cells.splice(start, text.length, ...Array.from(text));
  if (past.length < at) put(past, 0);
  if (at + 1 + future.length < span.cells) put(future, span.cells - future.length);
  put("▼", at);
  return cells.join("");
}

function bar(key: KeyListing, span: Span): string {
  const width = (span.to - span.from) / span.cells;
  return Array.from({ length: span.cells }, (_, cell) => {
    // The middle of the cell, so that a bar starts where most of the cell is over.
    const state = stateAt(key, span.from + (cell + 0.5) * width);
    return state === undefined ? " " : CELLS[state];
  }).join("");
}

function stateAt(key: KeyListing, at: number): KeyState | undefined {
  if (at < key.publishedAt) return undefined;
  if (at >= (key.revokedAt ?? Infinity)) return "revoked";
  if (at >= (key.retiredAt ?? Infinity)) return "retired";
  if (at >= (key.retiringAt ?? Infinity)) return "retiring";
  return at >= (key.activeAt ?? Infinity) ? "active" : "staged";
}
