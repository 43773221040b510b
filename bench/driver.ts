/** The closed-loop client of the benchmarks: each session asks again as soon as it has its answer. */

import { readFileSync } from "node:fs";
import type { HttpClient } from "../scripts/figures/support/http.ts";
import { refresh } from "../scripts/figures/support/tokens.ts";

export interface Load {
  readonly refreshes: number;
  readonly errors: number;
  readonly seconds: number;
  /** Of the server process, all threads, user and system. */
  readonly cpuMillis: number;
}

export interface Target {
  readonly client: HttpClient;
  readonly pid: number;
  /** The current token of each session; moves on. */
  readonly tokens: string[];
}

/** Refreshes all sessions at once, each in order, for so long. */
export async function drive({ client, pid, tokens }: Target, seconds: number): Promise<Load> {
  const start = performance.now();
  const end = start + seconds * 1000;
  const cpuBefore = cpuMillisOf(pid);
  let refreshes = 0;
  let errors = 0;
  const session = async (index: number): Promise<void> => {
    while (performance.now() < end) {
      const answer = await refresh(client, tokens[index] ?? "");
      if (answer.tokens === undefined) {
        errors += 1;
        continue;
      }
      tokens[index] = answer.tokens.refreshToken;
      refreshes += 1;
    }
  };
  await Promise.all(tokens.map((_, index) => session(index)));
  return { refreshes, errors, seconds: (performance.now() - start) / 1000, cpuMillis: cpuMillisOf(pid) - cpuBefore };
}

/** What Linux counts in: USER_HZ is 100 on every architecture Node.js runs on. */
const TICK_MILLIS = 10;

/** proc_pid_stat(5): fields 14 and 15, utime and stime of all threads. The name in field 2 may hold spaces. */
function cpuMillisOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MILLIS;
}
