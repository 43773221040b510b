/** Reads tap's output line by line: passes on what a person wants to see and keeps the totals. */

export interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

export interface TapReport {
  /** Takes one line of TAP without its newline. */
  line(text: string): void;
  /** The totals tap printed; undefined where it never came to an end. */
  totals(): Totals | undefined;
  /** One text per skipped test: where, what and why. */
  skips(): readonly string[];
}

const fileEnd = /^(not )?ok \d+ - (.*?)(?: # (SKIP|TODO)\b ?(.*?))?(?: # time=([\d.]+)(ms|s))?$/;
const innerSkip = /^\s+ok \d+(?: - )?(.*?) # (?:SKIP|TODO)\b ?(.*)$/;
const totalsLine = /^# \{ total: \d+.*\}$/;

function countOf(line: string, name: string): number {
  return Number(new RegExp(`\\b${name}: (\\d+)`).exec(line)?.[1] ?? 0);
}

/** The block without the subtest that just passed at this depth; a passed assertion has left no lines. */
function withoutPassed(block: string[], indent: string): string[] {
  const isOutside = (line: string): boolean => line.trim() !== "" && !line.startsWith(`${indent} `);
  const start = block.findLastIndex(isOutside);
  return block[start]?.startsWith(`${indent}# Subtest:`) === true ? block.slice(0, start) : block;
}

/** Prints a line per passed file and the whole block of a failed one. `print` gets text without a newline. */
export function createTapReport(print: (text: string) => void): TapReport {
  let block: string[] = [];
  let inDiagnostics = false;
  let fileSkips: string[] = [];
  const skipped: string[] = [];
  let totals: Totals | undefined;

  function endFile(line: string, match: RegExpExecArray): void {
    const [, failed, name, skip, reason, time, unit] = match;
    skipped.push(...fileSkips.map((text) => `${name}: ${text}`));
    if (skip !== undefined) skipped.push(`${name}: ${reason === "" ? "no reason given" : reason}`);
    if (failed === undefined) print(`ok      ${name}${time === undefined ? "" : ` (${Math.round(Number(time))} ${unit})`}`);
    else print([`FAILED  ${name}`, ...block, line].join("\n"));
    inDiagnostics = failed !== undefined;
    block = [];
    fileSkips = [];
  }

  return {
    line(text) {
      const end = fileEnd.exec(text);
      if (end !== null) return endFile(text, end);
      if (totalsLine.test(text)) {
        totals = { passed: countOf(text, "pass"), failed: countOf(text, "fail"), skipped: countOf(text, "skip") + countOf(text, "todo") };
        return;
      }
      if (text.startsWith("Bail out!")) return print(text);
      // Between a failed file and the next subtest stand the file's own diagnostics (exit code, signal, timeout).
      if (inDiagnostics && text.startsWith("  ")) return print(text);
      inDiagnostics = false;
      const skip = innerSkip.exec(text);
      if (skip !== null) fileSkips.push(`${skip[1]}: ${skip[2] === "" ? "no reason given" : skip[2]}`);
      const passed = /^(\s+)ok \d+/.exec(text);
      if (text.trim() === "") return;
      if (passed === null) block.push(text);
      else block = withoutPassed(block, passed[1] ?? "");
    },
    totals: () => totals,
    skips: () => skipped,
  };
}

/** `N passed, N failed`, and `, N skipped` where there are any. */
export function totalsText({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
