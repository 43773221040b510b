/** The closed-loop client of the benchmarks: each connection asks again as soon as it has its answer. */

import type { HttpClient } from "../scripts/figures/support/http.ts";
import { refresh } from "../scripts/figures/support/tokens.ts";
import { cpuTimeOf } from "./cpu.ts";

export interface Load {
  readonly refreshes: number;
  readonly errors: number;
  readonly seconds: number;
  /** Of the server process, all threads, user and system. */
  readonly cpuMicros: number;
  /** The shortest time after which a connection came back to its first session; Infinity where none did. */
  readonly shortestLapSeconds: number;
}

export interface Target {
  readonly client: HttpClient;
  readonly pid: number;
  /** The current token of each session; moves on. */
  readonly tokens: string[];
  /** Where in its share of the sessions each connection is, and when it was at its first. */
  readonly places: { at: number; begunSeconds: number }[];
}

export const CONNECTIONS = 16;

export function targetOf(client: HttpClient, pid: number, tokens: string[]): Target {
  if (tokens.length < CONNECTIONS) throw new TypeError(`each of the ${CONNECTIONS} connections needs a session`);
  return { client, pid, tokens, places: Array.from({ length: CONNECTIONS }, (_, at) => ({ at, begunSeconds: Number.NaN })) };
}

/** Refreshes for so long; every connection goes round a share of the sessions of its own, from where it last was. */
export async function drive({ client, pid, tokens, places }: Target, seconds: number): Promise<Load> {
  const start = performance.now();
  const end = start + seconds * 1000;
  const cpuBefore = cpuTimeOf(pid).all;
  let refreshes = 0;
  let errors = 0;
  let shortestLapSeconds = Infinity;
  const connection = async (place: Target["places"][number], first: number): Promise<void> => {
    while (performance.now() < end) {
      if (place.at === first) {
        const now = performance.now() / 1000;
        if (now - place.begunSeconds < shortestLapSeconds) shortestLapSeconds = now - place.begunSeconds;
        place.begunSeconds = now;
      }
      const answer = await refresh(client, tokens[place.at] ?? "");
      if (answer.tokens === undefined) errors += 1;
      else {
        tokens[place.at] = answer.tokens.refreshToken;
        refreshes += 1;
      }
      place.at = place.at + CONNECTIONS < tokens.length ? place.at + CONNECTIONS : first;
    }
  };
  await Promise.all(places.map(connection));
  const spent = (performance.now() - start) / 1000;
  return { refreshes, errors, seconds: spent, cpuMicros: cpuTimeOf(pid).all - cpuBefore, shortestLapSeconds };
}
