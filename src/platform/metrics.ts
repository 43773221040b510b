/** The metrics: a fixed table of names and labels over the Prometheus client. */

import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "@prometheus-io/client";

const COUNTERS = {
  mintmark_refreshes_total: { help: "Refresh tokens presented, by outcome.", labels: ["outcome"] },
  mintmark_logins_total: { help: "Logins, by outcome.", labels: ["outcome"] },
  mintmark_session_ends_total: { help: "Sessions ended, by reason.", labels: ["reason"] },
  mintmark_store_errors_total: { help: "Store calls that failed, by outcome.", labels: ["outcome"] },
  mintmark_worker_restarts_total: { help: "Workers that ended unasked and were replaced.", labels: [] },
  mintmark_http_responses_total: { help: "HTTP responses, by route pattern and status.", labels: ["route", "status"] },
} as const;

const HISTOGRAMS = {
  mintmark_store_seconds: { help: "Duration of store calls.", labels: ["op"] },
} as const;

/** Every process sees the same keys and the same store: of several the largest number counts, not the sum. */
const GAUGES = {
  mintmark_keys: { help: "Keys on the key ring, by algorithm and state.", labels: ["algorithm", "state"] },
  mintmark_store_emptied: { help: "1 while the store's marker is missing: the store was emptied.", labels: [] },
} as const;

/** From the embedded store's microseconds to the longest command timeout anyone should set. */
const BUCKETS_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

type Table = Readonly<Record<string, { readonly help: string; readonly labels: readonly string[] }>>;
type Labels<T extends Table, N extends keyof T> = Readonly<Record<T[N]["labels"][number], string>>;

/** What a process counts and measures, in a form that can be sent to another. */
export type MetricsSnapshot = readonly { readonly name: string; readonly type: string }[];

/** Label values are words of the code (outcomes, route patterns, states), never of a request: each value is a time series. */
export interface Metrics {
  /** The Prometheus text format. */
  text(): Promise<string>;
  readonly contentType: string;
  snapshot(): Promise<MetricsSnapshot>;
  count<N extends keyof typeof COUNTERS>(name: N, labels: Labels<typeof COUNTERS, N>, by?: number): void;
  observe<N extends keyof typeof HISTOGRAMS>(name: N, labels: Labels<typeof HISTOGRAMS, N>, seconds: number): void;
  gauge<N extends keyof typeof GAUGES>(name: N, labels: Labels<typeof GAUGES, N>, value: number): void;
  /** Replaces all of `mintmark_keys`, so that a state no key is in any more is not shown with its last number. */
  resetKeys(counts: readonly { readonly algorithm: string; readonly state: string; readonly count: number }[]): void;
}

/** Metrics on a registry of their own, with the usual ones of the process (CPU, memory, event loop, file descriptors). */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const counters = each(COUNTERS, (name, { help, labels }) => new Counter({ name, help, labelNames: labels, registers }));
  const gauges = each(GAUGES, (name, { help, labels }) => new Gauge({ name, help, labelNames: labels, aggregator: "max", registers }));
  const histograms = each(
    HISTOGRAMS,
    (name, { help, labels }) => new Histogram({ name, help, labelNames: labels, buckets: BUCKETS_SECONDS, registers }),
  );

  return {
    text: () => registry.metrics(),
    contentType: registry.contentType,
    snapshot: async () => registry.getMetricsAsJSON(),
    count: (name, labels, by = 1) => named(counters, name).inc(labels, by),
    observe: (name, labels, seconds) => named(histograms, name).observe(labels, seconds),
    gauge: (name, labels, value) => named(gauges, name).set(labels, value),
    resetKeys(counts) {
      const gauge = named(gauges, "mintmark_keys");
      gauge.reset();
      for (const { algorithm, state, count } of counts) gauge.set({ algorithm, state }, count);
    },
  };
}

function each<M>(table: Table, make: (name: string, entry: Table[string]) => M): ReadonlyMap<string, M> {
  return new Map(Object.entries(table).map(([name, entry]) => [name, make(name, entry)]));
}

function named<M>(metrics: ReadonlyMap<string, M>, name: string): M {
  const metric = metrics.get(name);
  if (metric === undefined) throw new TypeError(`There is no metric ${name}.`);
  return metric;
}
