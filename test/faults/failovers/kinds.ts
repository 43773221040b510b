/** The kinds of failovers that `npm run faults:failovers` counts. */

import { CLUSTER_FAILOVER_KINDS, runClusterFailover, runSentinelFailover, SENTINEL_FAILOVER_KINDS } from "../../support/failovers.ts";
import type { ClusterFailoverKind, Failover, SentinelFailoverKind } from "../../support/failovers.ts";
import { createNetwork, skipWithoutNamespaces } from "../../support/network.ts";
import { isSameAddress, replicationView } from "../../support/redis-replication.ts";
import { until } from "../../support/wait.ts";
import type { WritesLost } from "../history/lines.ts";
import { Skip } from "../rows/row.ts";
import { clusterSetup, sentinelSetup } from "../support/redis-setup.ts";
import type { StoreOptions } from "../support/redis-setup.ts";

export interface FailoverKind {
  /** e.g. `sentinel:kill9`. */
  readonly id: string;
  /** What such a failover may not lose. */
  readonly kept: WritesLost["kept"];
  /** Issuers are killed when the old primary can confirm nothing any more, and before they reach the new one: what they remember is gone. */
  readonly isForgotten: boolean;
  setUp(): Promise<Place>;
}

export interface Place {
  readonly options: StoreOptions;
  run(): Promise<Failover>;
  /** Resolves when no replica follows any more who is the primary now. */
  untilReplaced(): Promise<void>;
  /** After the store was removed. */
  remove?(): void;
}

const NEVER = (): Promise<void> => Promise.reject(new TypeError("nobody asks for it"));
const HOSTS = ["a", "b", "c"];

export const KINDS: readonly FailoverKind[] = [
  ...SENTINEL_FAILOVER_KINDS.map((kind) => ofSentinel(kind, false)),
  ...CLUSTER_FAILOVER_KINDS.map(ofCluster),
  ...(["kill9", "sentinel-failover"] as const).map((kind) => ofSentinel(kind, true)),
];

function ofSentinel(kind: SentinelFailoverKind, isForgotten: boolean): FailoverKind {
  // A primary that is told last is followed by a replica that is not the next one, and confirms what will be lost.
  const kept = isForgotten ? undefined : kind === "sentinel-failover" ? "ends" : "confirmed";
  const setUp = kind === "partition" ? partitioned : () => together(kind);
  return { id: `sentinel:${kind}${isForgotten ? ":forgotten" : ""}`, kept, isForgotten, setUp };
}

async function together(kind: SentinelFailoverKind): Promise<Place> {
  const { sentinel, options } = await sentinelSetup({ isHurried: true });
  return {
    options,
    run: () => runSentinelFailover(sentinel, kind),
    async untilReplaced() {
      const from = await sentinel.primary();
      const others = sentinel.servers.filter((server) => server !== from);
      const isLeft = async (): Promise<boolean> => {
        const views = await Promise.all(others.map((server) => replicationView(server).catch(() => undefined)));
        return views.every((view) => view !== undefined && !isSameAddress(view.follows, from));
      };
      await until("nobody follows the old primary", isLeft);
    },
  };
}

async function partitioned(): Promise<Place> {
  if (skipWithoutNamespaces !== false) throw new Skip(skipWithoutNamespaces);
  const network = await createNetwork(HOSTS);
  const { hosts } = network;
  const { sentinel, options } = await sentinelSetup({ isHurried: true, hosts: { servers: hosts, sentinels: hosts } });
  return { options, run: () => runSentinelFailover(sentinel, "partition", network), untilReplaced: NEVER, remove: () => network.remove() };
}

function ofCluster(kind: ClusterFailoverKind): FailoverKind {
  return {
    id: `cluster:${kind}`,
    kept: "confirmed",
    isForgotten: false,
    async setUp() {
      const { cluster, options } = await clusterSetup();
      let slot = 0;
      const nextShard = () => (slot = (slot + 5_462) % 16_384);
      return { options, run: () => runClusterFailover(cluster, kind, nextShard()), untilReplaced: NEVER };
    },
  };
}
