/** src/platform: what the machine gives: clock, random bytes, digests, password hash, ring copy, outgoing HTTP, log and metrics. No decisions. */

export { auditListener } from "./audit.ts";
export { monotonicSeconds, systemClock } from "./clock.ts";
export { systemDigests } from "./digests.ts";
export { metricsListener } from "./event-metrics.ts";
export { createFetchDocument } from "./fetch-document.ts";
export type { FetchDocumentOptions } from "./fetch-document.ts";
export { createLogger } from "./log.ts";
export type { Logger, LogLevel, LogWrite } from "./log.ts";
export { coreCount, forkProcess, killForked, parentProcess } from "./cluster.ts";
export type { ForkedProcess, ParentProcess } from "./cluster.ts";
export { createMetrics } from "./metrics.ts";
export type { Metrics, MetricsSnapshot } from "./metrics.ts";
export { createMetricsSum } from "./metrics-sum.ts";
export { createPasswordHasher } from "./password.ts";
export type { PasswordHasherOptions } from "./password.ts";
export { systemRandom } from "./random.ts";
export { networkMatcher } from "./networks.ts";
export { openRingCopy } from "./ring-copy.ts";
export { packageVersion } from "./version.ts";
