/** What set-ups of several Redis servers share. */

import type { RedisServer } from "./redis-process.ts";
import { until } from "./wait.ts";

const HEALTHY_MILLIS_MAX = 120_000;

/** What is not in order, for a message; undefined where everything is. Never rejects: a server that doesn't answer is a fault too. */
export type FaultOf = () => Promise<string | undefined>;

/** Waits until there is no fault. Rejects, naming the last one, after `limitMillis`. */
export async function untilHealthy(fault: FaultOf, limitMillis = HEALTHY_MILLIS_MAX): Promise<void> {
  let last: string | undefined;
  const isHealthy = async () => {
    last = await fault();
    return last === undefined;
  };
  await until("a healthy set-up", isHealthy, limitMillis).catch((error: unknown) => {
    throw new Error(`${String(error)}; last: ${last}`);
  });
}

/** The first answer in the order of the servers; rejects where none answers. */
export async function firstToAnswer<T>(servers: readonly RedisServer[], asked: (server: RedisServer) => Promise<T>): Promise<T> {
  let failure: unknown = new Error("nobody to ask");
  for (const server of servers) {
    try {
      return await asked(server);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}
