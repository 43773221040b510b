/** What has to be undone when the process ends, also by a signal: other processes, network namespaces. */

const cleanups = new Set<() => void>();

/** The last registered first: what was made later may use what was made before. */
function cleanUp(): void {
  for (const cleanup of [...cleanups].reverse()) {
    try {
      cleanup();
    } catch {
      // The others are undone all the same.
    }
  }
  cleanups.clear();
}

process.once("exit", cleanUp);
// SIGALRM is tap's, for a file that takes too long.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGALRM"] as const) {
  // First, and gone by then: a listener that leaves the signal to others where there are some (tap's does) finds none.
  process.prependOnceListener(signal, () => {
    cleanUp();
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  });
}

/** Calls `cleanup`, which must be synchronous, at the end of the process. Returns what forgets it. */
export function atExit(cleanup: () => void): () => void {
  cleanups.add(cleanup);
  return () => void cleanups.delete(cleanup);
}
