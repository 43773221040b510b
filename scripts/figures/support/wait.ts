/** Waiting. */

/** Asks until the answer is true. Rejects, naming `what`, when the time is over. */
export async function until(what: string, isSo: () => Promise<boolean>, limitMillis: number): Promise<void> {
  const end = performance.now() + limitMillis;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${limitMillis} ms`);
    await pause(20);
  }
}

export function pause(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}
