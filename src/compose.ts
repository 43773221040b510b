/** Configuration → store, keys, clock → issuer: the only file that names adapters. */

import type { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "./config.ts";
import type { Listener } from "./domain/events.ts";
import type { Store } from "./domain/ports.ts";
import { createIssuer, createOperator, type Issuer, type Operator, type Ports } from "./issuer/index.ts";
import {
  auditListener,
  createFetchDocument,
  createLogger,
  createMetrics,
  createPasswordHasher,
  type Logger,
  type Metrics,
  metricsListener,
  monotonicSeconds,
  networkMatcher,
  openRingCopy,
  packageVersion,
  systemClock,
  systemDigests,
  systemRandom,
} from "./platform/index.ts";
import { openLocalCustodian } from "./signers/local.ts";
import { openEmbeddedStore } from "./stores/embedded/index.ts";
import { openRedisStore } from "./stores/redis/index.ts";

export { packageVersion, systemClock, systemRandom } from "./platform/index.ts";

export interface OpenedServer {
  readonly issuer: Issuer;
  readonly http: {
    readonly random: typeof systemRandom;
    readonly version: string;
    readonly log: (failure: object) => void;
    readonly onResponse: (route: string, status: number) => void;
    readonly isTrustedProxy: (address: string) => boolean;
  };
  readonly metrics: Pick<Metrics, "contentType" | "text">;
  hasAccounts(): Promise<boolean>;
  /** Closes the store; after `issuer.stop`. */
  close(): Promise<void>;
}

/** Opens what serving needs; starts nothing. `output` gets the audit log, one JSON object per line. Throws `StoreError`, `KeyError`. */
export async function openServer(config: Config, output: Writable = process.stdout): Promise<OpenedServer> {
  const logger = createLogger(output, "info");
  const metrics = createMetrics();
  metrics.gauge("mintmark_store_emptied", {}, 0);
  const store = await openStore(config, logger);
  const { issuer, hasAccounts } = createIssuer(config.policy, {
    ...portsOf(config, store, logger, both(auditListener(logger), metricsListener(metrics))),
    meter: {
      seconds: monotonicSeconds,
      took: (op, seconds) => metrics.observe("mintmark_store_seconds", { op }, seconds),
      failed: (outcome) => metrics.count("mintmark_store_errors_total", { outcome }),
    },
  });
  return {
    issuer,
    hasAccounts,
    http: {
      random: systemRandom,
      version: packageVersion(),
      log: (failure) => logger.error("http_failure", { ...failure }),
      isTrustedProxy: networkMatcher(config.trustedProxies),
      onResponse: (route, status) => metrics.count("mintmark_http_responses_total", { route, status: String(status) }),
    },
    metrics,
    close: () => store.close(),
  };
}

/** Opens the operator's side of the same store and keys. Its audit lines go to `output`. Throws `StoreError`, `KeyError`. */
export async function openOperator(config: Config, output: Writable = process.stderr): Promise<Operator> {
  // A person at a terminal reads what the command says; a pipe gets the audit lines as well.
  const logger = createLogger(output, "isTTY" in output && output.isTTY === true ? "warn" : "info");
  const store = await openStore(config, logger);
  try {
    return await createOperator(config.policy, portsOf(config, store, logger, auditListener(logger)));
  } catch (error) {
    await store.close();
    throw error;
  }
}

export function sha256Hex(text: string): string {
  return Buffer.from(systemDigests.sha256(Buffer.from(text))).toString("hex");
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
  const { directory, encryptionKey } = config.keys;
  return {
    store,
    clock: systemClock,
    random: systemRandom,
    digests: systemDigests,
    custodian: openLocalCustodian({
      directory,
      ...(encryptionKey === undefined ? {} : { encryptionKey }),
      random: systemRandom,
      strictPermissions: config.production,
      onWarning: (message) => logger.warn("keys", { message }),
    }),
    ringCopy: openRingCopy(directory),
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
