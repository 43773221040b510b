/** CPU time of other processes, as Linux counts it. */

import { readdirSync, readFileSync } from "node:fs";

export interface CpuTime {
  /** Of all threads, user and system, microseconds. */
  readonly all: number;
  /** Of the main thread alone: where JavaScript runs, and Redis its commands. */
  readonly main: number;
}

/** proc_pid_schedstat(5): nanoseconds on a core, per thread. /proc/<pid>/stat counts in hundredths of a second. */
export function cpuTimeOf(pid: number): CpuTime {
  const threads = readdirSync(`/proc/${pid}/task`).map((thread) => ({
    thread,
    micros: Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]) / 1_000,
  }));
  return {
    all: threads.reduce((sum, { micros }) => sum + micros, 0),
    main: threads.find(({ thread }) => Number(thread) === pid)?.micros ?? Number.NaN,
  };
}

export function cpuBetween(before: CpuTime, after: CpuTime): CpuTime {
  return { all: after.all - before.all, main: after.main - before.main };
}
