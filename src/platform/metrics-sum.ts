/** The metrics of several processes as one: sums that only rise, whoever comes and goes. */

import { AggregatorRegistry } from "@prometheus-io/client";
import type { MetricsSnapshot } from "./metrics.ts";

export interface MetricsSum {
  /** What a process counts by now, in place of what it counted before. */
  take(process: number, snapshot: MetricsSnapshot): void;
  /** This process has ended: what it counted stays, what it measured of itself goes. */
  gone(process: number): void;
  /** The Prometheus text format of all that is known, with what is given. */
  text(more: MetricsSnapshot): Promise<string>;
}

/** What only ever rises; of everything else the last value of a process that is gone means nothing. */
const RISING: ReadonlySet<string> = new Set(["counter", "histogram"]);

/** Each metric is summed, or what its `aggregator` says. */
export function createMetricsSum(): MetricsSum {
  const living = new Map<number, MetricsSnapshot>();
  let past: MetricsSnapshot = [];

  return {
    take: (process, snapshot) => void living.set(process, snapshot),
    gone(process) {
      const last = living.get(process) ?? [];
      living.delete(process);
      const rising = last.filter(({ type }) => RISING.has(type));
      past = AggregatorRegistry.aggregate([past, rising].map(mutable)).getMetricsAsArray();
    },
    text: (more) => AggregatorRegistry.aggregate([more, past, ...living.values()].map(mutable)).metrics(),
  };
}

function mutable(snapshot: MetricsSnapshot): object[] {
  return [...snapshot];
}
