/** The issuer in several processes: this one forks the workers, watches them, and shows what they count and whether they are ready. */

import { setTimeout as sleep } from "node:timers/promises";
import { Fleet } from "../cli/index.ts";
import type { Server, WorkerProcess } from "../cli/index.ts";
import { monotonicSeconds, openFirstProcess } from "../compose.ts";
import type { Config } from "../config.ts";
import { buildOpsApp } from "../http/ops.ts";
import { addressOf } from "./one-process.ts";

/** What a worker that is killed has counted since is lost. */
const COLLECT_EVERY_MILLIS = 1_000;

/** @param command what a worker runs */
export function openSeveralProcesses(config: Config, count: number, command: string): Server {
  const { http, metrics, fork, watcher } = openFirstProcess(command);
  const fleet = new Fleet({
    count,
    // Metrics and health are shown here.
    config: { ...config, ops: undefined, workers: 1 },
    fork: fork as () => WorkerProcess,
    watcher,
    millis: () => monotonicSeconds() * 1_000,
    sleep: (millis, signal) => sleep(millis, undefined, { signal }).catch(() => undefined),
  });
  let isStopping = false;
  let hasAccounts = true;
  let collecting: NodeJS.Timeout | undefined;
  const opsApp = config.ops === undefined ? undefined : buildOpsApp({ ...http, issuer: { readiness }, metrics: { ...metrics, text } });

  async function readiness() {
    return isStopping ? { ready: false, missing: ["shutting down"] } : fleet.readiness();
  }

  async function text(): Promise<string> {
    await fleet.collectMetrics();
    return metrics.text();
  }

  return {
    async listen() {
      const first = await fleet.start();
      hasAccounts = first.hasAccounts;
      if (config.ops === undefined || opsApp === undefined) return { http: first.http, ops: undefined };
      await opsApp.listen({ ...config.ops });
      collecting = setInterval(() => void fleet.collectMetrics(), COLLECT_EVERY_MILLIS);
      return { http: first.http, ops: addressOf(opsApp.server) };
    },
    hasAccounts: async () => hasAccounts,
    async close() {
      isStopping = true;
      await fleet.stop();
      clearInterval(collecting);
      await opsApp?.close();
    },
  };
}
