/** Configuration → store, keys, clock → issuer: the only file that names adapters. */

import type { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { openCustody } from "./compose/custody.ts";
import type { Config } from "./config.ts";
import type { Listener } from "./domain/events.ts";
import type { Store } from "./domain/ports.ts";
import { createIssuer, createOperator, type Issuer, type Operator, type Ports } from "./issuer/index.ts";
import {
  auditListener,
  coreCount,
  createFetchDocument,
  createLogger,
  createMetrics,
  createMetricsSum,
  createPasswordHasher,
  type ForkedProcess,
  forkProcess,
  type Logger,
  type Metrics,
  type MetricsSnapshot,
  metricsListener,
  monotonicSeconds,
  networkMatcher,
  openRingCopy,
  packageVersion,
  systemClock,
  systemDigests,
  systemRandom,
} from "./platform/index.ts";
import { openEmbeddedStore } from "./stores/embedded/index.ts";
import { openRedisStore } from "./stores/redis/index.ts";

export { killForked, monotonicSeconds, packageVersion, parentProcess, systemClock, systemRandom } from "./platform/index.ts";

/** The most that the configuration takes, for machines with more cores. */
const WORKERS_MAX = 64;

/** What every listener needs. */
export interface ListenerParts {
  readonly random: typeof systemRandom;
  readonly version: string;
  readonly log: (failure: object) => void;
  readonly onResponse: (route: string, status: number) => void;
}

export interface OpenedServer {
  readonly issuer: Issuer;
  readonly http: ListenerParts & { readonly isTrustedProxy: (address: string) => boolean };
  readonly metrics: Pick<Metrics, "contentType" | "text" | "snapshot">;
  hasAccounts(): Promise<boolean>;
  /** Closes store and custodians; after `issuer.stop`. */
  close(): Promise<void>;
}

/** What no configuration says; for tests that don't want to wait. */
export type Timing = Pick<Ports, "fetchesFlushMillis">;

/** Opens what serving needs; starts nothing. `output` gets the audit log, one JSON object per line. Throws `StoreError`, `KeyError`. */
export async function openServer(config: Config, output: Writable = process.stdout, timing: Timing = {}): Promise<OpenedServer> {
  const logger = createLogger(output, "info");
  const metrics = createMetrics();
  metrics.gauge("mintmark_store_emptied", {}, 0);
  const store = await openStore(config, logger);
  const ports = portsOf(config, store, logger, both(auditListener(logger), metricsListener(metrics)));
  const { issuer, hasAccounts } = createIssuer(config.policy, {
    ...ports,
    ...timing,
    meter: {
      seconds: monotonicSeconds,
      took: (op, seconds) => metrics.observe("mintmark_store_seconds", { op }, seconds),
      failed: (outcome) => metrics.count("mintmark_store_errors_total", { outcome }),
    },
  });
  return {
    issuer,
    hasAccounts,
    http: { ...listenerParts(logger, metrics), isTrustedProxy: networkMatcher(config.trustedProxies) },
    metrics,
    close: () => closeAll(ports),
  };
}

/** What the first of several processes has: no store and no keys, but the one listener for metrics, and its workers. */
export interface OpenedFirstProcess {
  readonly http: ListenerParts;
  /** The sums over all processes, as far as they were told. */
  readonly metrics: Pick<Metrics, "contentType" | "text">;
  fork(): ForkedProcess;
  readonly watcher: {
    ended(worker: object): void;
    restarted(pid: number): void;
    metrics(worker: number, snapshot: object): void;
    gone(worker: number): void;
  };
}

/** `command` is what a worker runs; `output` gets the log. */
export function openFirstProcess(command: string, output: Writable = process.stdout): OpenedFirstProcess {
  const logger = createLogger(output, "info");
  const metrics = createMetrics();
  const sum = createMetricsSum();
  return {
    http: listenerParts(logger, metrics),
    metrics: { contentType: metrics.contentType, text: async () => sum.text(await metrics.snapshot()) },
    fork: () => forkProcess(command),
    watcher: {
      ended: (worker) => logger.warn("worker_ended", { ...worker }),
      restarted(pid) {
        metrics.count("mintmark_worker_restarts_total", {});
        logger.info("worker_restarted", { pid });
      },
      metrics: (worker, snapshot) => sum.take(worker, snapshot as MetricsSnapshot),
      gone: (worker) => sum.gone(worker),
    },
  };
}

/** How many processes are to serve. */
export function workerCount({ workers }: Pick<Config, "workers">): number {
  return workers === "auto" ? Math.min(coreCount(), WORKERS_MAX) : workers;
}

/** Opens the operator's side of the same store and keys. Its audit lines go to `output`. Throws `StoreError`, `KeyError`. */
export async function openOperator(config: Config, output: Writable = process.stderr): Promise<Operator> {
  // A person at a terminal reads what the command says; a pipe gets the audit lines as well.
  const logger = createLogger(output, "isTTY" in output && output.isTTY === true ? "warn" : "info");
  const store = await openStore(config, logger);
  const ports = portsOf(config, store, logger, auditListener(logger));
  try {
    return await createOperator(config.policy, ports);
  } catch (error) {
    await closeAll(ports);
    throw error;
  }
}

async function closeAll({ store, custodian }: Ports): Promise<void> {
  await Promise.all([store.close(), custodian.close()]);
}

export function sha256Hex(text: string): string {
  return Buffer.from(systemDigests.sha256(Buffer.from(text))).toString("hex");
}

function listenerParts(logger: Logger, metrics: Metrics): ListenerParts {
  return {
    random: systemRandom,
    version: packageVersion(),
    log: (failure) => logger.error("http_failure", { ...failure }),
    onResponse: (route, status) => metrics.count("mintmark_http_responses_total", { route, status: String(status) }),
  };
}

function openStore(config: Config, logger: Logger): Promise<Store> {
  if (config.store.kind === "embedded") return openEmbeddedStore({ directory: config.store.directory, clock: systemClock });
  return openRedisStore({
    ...config.store,
    clock: systemClock,
    random: systemRandom,
    production: config.production,
    onError: (message) => logger.warn("store", { message }),
  });
}

function portsOf(config: Config, store: Store, logger: Logger, emit: Listener): Ports {
  return {
    store,
    clock: systemClock,
    random: systemRandom,
    digests: systemDigests,
    custodian: openCustody(config.keys, {
      clock: systemClock,
      random: systemRandom,
      strictPermissions: config.production,
      onWarning: (message) => logger.warn("keys", { message }),
    }),
    ringCopy: openRingCopy(config.keys.directory),
    passwords: createPasswordHasher(),
    sleep: (millis, signal) => sleep(millis, undefined, signal === undefined ? {} : { signal }).catch(() => undefined),
    fetchDocument: createFetchDocument({ allowedNetworks: config.allowedNetworks }),
    emit,
  };
}

function both(first: Listener, second: Listener): Listener {
  return (event) => {
    first(event);
    second(event);
  };
}
