/** Waiting for what another process does in its own time. */

/** Asks until the answer is true. Rejects, naming `what`, after `limitMillis`. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, limitMillis = 60_000): Promise<void> {
  const end = performance.now() + limitMillis;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${limitMillis} ms`);
    await pause(25);
  }
}

export function pause(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}
