/** A fault that nobody foresaw: its message may hold anything, so only its name is told. */
export function unexpectedText(error: unknown): string {
  return `unexpected ${error instanceof Error ? error.name : typeof error}`;
}
