/** How values are written for people. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const UNITS = [
  [DAY, "d"],
  [HOUR, "h"],
  [MINUTE, "m"],
  [SECOND, "s"],
] as const;

/** The two largest units of a duration in milliseconds: `3 h 20 m`, `12 d`, `45 s`. Negative ones count as 0. */
export function durationText(millis: number): string {
  const index = UNITS.findIndex(([unit]) => millis >= unit);
  const [large, small] = [UNITS[index], UNITS[index + 1]];
  if (large === undefined) return "0 s";
  const count = Math.floor(millis / large[0]);
  const rest = small === undefined ? 0 : Math.floor((millis % large[0]) / small[0]);
  return `${count} ${large[1]}${small === undefined || rest === 0 ? "" : ` ${rest} ${small[1]}`}`;
}

/** RFC 3339, UTC; null where there is none. */
export function timestamp(millis: number): string;
export function timestamp(millis: number | undefined): string | null;
export function timestamp(millis: number | undefined): string | null {
  return millis === undefined ? null : new Date(millis).toISOString();
}

/** The same to the second, for a table. */
export function shortTimestamp(millis: number): string {
  return `${new Date(millis).toISOString().slice(0, 19)}Z`;
}

/** Without what would steer a terminal or change the direction of the text (a stored user agent may hold anything). */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "\uFFFD").toWellFormed();
}

/** Columns as wide as their widest cell, two blanks between, headings first; cells are made printable. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headings, ...rows].map((row) => row.map(printable));
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})$/;

/** Milliseconds of an RFC 3339 time or of seconds since the epoch; undefined where it is neither. */
export function parseTime(text: string): number | undefined {
  if (/^(?:0|[1-9]\d{0,10})(?:\.\d{1,3})?$/.test(text)) return Math.round(Number(text) * 1_000);
  if (!RFC_3339.test(text)) return undefined;
  const millis = Date.parse(text.toUpperCase());
  const day = new Date(`${text.slice(0, 10)}T00:00:00Z`);
  if (Number.isNaN(millis) || Number.isNaN(day.getTime())) return undefined;
  // The engine reads 30 February as 1 March: what it read must be what was written.
  return day.toISOString().startsWith(text.slice(0, 10)) ? millis : undefined;
}
