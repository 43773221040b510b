/** Numbers for people: three digits that count. */

const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const DECIMAL = ["", "k", "M", "G", "T"];

export function numberText(value: number): string {
  if (value === 0) return "0";
  if (value < 0.01) return "under 0.01";
  if (value >= 1_000) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}

export function bytesText(bytes: number): string {
  const step = stepOf(bytes, 1_024, BINARY.length);
  return `${numberText(bytes / 1_024 ** step)} ${BINARY[step]}`;
}

/** Per second. */
export function bitsText(bits: number): string {
  const step = stepOf(bits, 1_000, DECIMAL.length);
  return `${numberText(bits / 1_000 ** step)} ${DECIMAL[step]}bit/s`;
}

export function secondsText(seconds: number): string {
  if (seconds < 120) return `${numberText(seconds)} s`;
  return seconds < 7_200 ? `${numberText(seconds / 60)} min` : `${numberText(seconds / 3_600)} h`;
}

function stepOf(value: number, base: number, steps: number): number {
  let step = 0;
  while (step < steps - 1 && value / base ** step >= base) step += 1;
  return step;
}
