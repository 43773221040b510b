/** The tables of docs/interop.md. */

import { ALGORITHMS } from "./types.ts";
import { ALTERATIONS } from "./trial.ts";
import type { Facts } from "./trial.ts";
import type { Missing, Verdict } from "./types.ts";
import type { Verifier } from "./verifiers.ts";

const START = "<!-- npm run interop writes from here … -->";
const END = "<!-- … to here -->";
const WHY_CHARACTERS_MAX = 90;

export interface Row {
  readonly verifier: Verifier;
  readonly outcome: Facts | Missing;
}

export interface Run {
  readonly rows: readonly Row[];
  /** An RFC 3339 date. */
  readonly date: string;
  /** Name and version: mintmark, Node.js, the system. */
  readonly on: readonly string[];
  readonly stageForSeconds: number;
}

/** The document with the tables of this run between its marks. Throws where it has no marks. */
export function rewritten(document: string, run: Run): string {
  const [before, rest] = document.split(START);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error("the document has no marks for the tables");
  return `${before}${START}\n\n${tables(run)}\n${END}${after}`;
}

export function tables({ rows, date, on, stageForSeconds }: Run): string {
  const asked = rows.filter(({ outcome }) => !("missing" in outcome));
  const said = `Run on ${date}: ${on.join(", ")}; keys staged for ${stageForSeconds} s; ${asked.length} of ${rows.length} verifiers.`;
  const matrix = table(
    [
      "verifier",
      "version",
      ...ALGORITHMS.map((alg) => `\`${alg}\``),
      ...ALTERATIONS,
      "over two rotations",
      "a revoked key",
      "what to know",
    ],
    rows.map(({ verifier, outcome }) => [verifier.name, ...cells(outcome, verifier.byHand === true), notes(verifier)]),
  );
  const reasons = table(
    ["verifier", "algorithm", ...ALTERATIONS],
    rows.flatMap(({ verifier, outcome }) => ("missing" in outcome ? [] : [[verifier.name, ...refusals(outcome)]])),
  );
  return `${said}\n\n${matrix}\n\n### How they say no\n\n${reasons}\n`;
}

function notes({ byHand, note }: Verifier): string {
  return [...(byHand === true ? ["has no JWK Set client: the set was fetched for it"] : []), ...(note === undefined ? [] : [note])].join(
    "; ",
  );
}

function cells(outcome: Row["outcome"], byHand: boolean): readonly string[] {
  if ("missing" in outcome)
    return [`not run: ${outcome.missing}`, ...Array.from({ length: ALGORITHMS.length + ALTERATIONS.length + 2 }, () => "")];
  const { version, good, altered, rotation, revoked } = outcome;
  return [
    version,
    ...ALGORITHMS.map((alg) => (good[alg].ok ? "ok" : "refuses")),
    ...ALTERATIONS.map((alteration) => seenRefused(altered[alteration])),
    seenOverRotation(rotation),
    byHand || revoked === undefined
      ? ""
      : revoked.over
        ? `refused within ${revoked.seconds} s`
        : `accepted for ${revoked.seconds} s and more`,
  ];
}

function seenOverRotation({ presented, refusals }: Facts["rotation"]): string {
  if (presented === 0) return "";
  return refusals.length === 0 ? `ok, ${presented} tokens` : `**refused ${refusals.length} of ${presented}**`;
}

function seenRefused(verdicts: readonly Verdict[]): string {
  if (verdicts.length === 0) return "";
  return verdicts.some(({ ok }) => ok) ? "**accepts**" : "refuses";
}

/** The reasons it gave, each once. */
function refusals({ good, altered }: Facts): readonly string[] {
  const algorithm = ALGORITHMS.filter((alg) => !good[alg].ok).map((alg) => `${alg}: ${reasons([good[alg]])}`);
  return [algorithm.join("; "), ...ALTERATIONS.map((alteration) => reasons(altered[alteration]))];
}

function reasons(verdicts: readonly Verdict[]): string {
  return [...new Set(verdicts.flatMap((verdict) => (verdict.ok ? [] : [brief(verdict.why)])))].join("; ");
}

/** One line without what changes from run to run: addresses, key ids, times. */
function brief(why: string): string {
  const line = why
    .replaceAll(/\s+/g, " ")
    .replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, "‹issuer›")
    .replaceAll(/https:\/\/other-\w+\.example\.com/g, "‹other audience›")
    .replaceAll(/https:\/\/\w+\.example\.com/g, "‹audience›")
    .replaceAll(/[A-Za-z0-9_-]{43}/g, "‹kid›")
    .replaceAll(/\d{4}-\d\d-\d\d[T ][\d:.]+( ?[+-]\d\d:?\d\d)?( UTC|Z)?/g, "‹time›")
    .replaceAll(/\b\d{10}\b/g, "‹time›")
    .trim();
  return line.length > WHY_CHARACTERS_MAX ? `${line.slice(0, WHY_CHARACTERS_MAX)} …` : line;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
