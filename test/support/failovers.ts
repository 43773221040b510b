/** Failovers of a Redis with Sentinels and of a Redis Cluster, as crashes, operators and networks bring them about. */

import type { Network } from "./network.ts";
import type { RedisCluster } from "./redis-cluster.ts";
import type { RedisServer } from "./redis-process.ts";
import { replicationView } from "./redis-replication.ts";
import type { SentinelSetup } from "./redis-sentinel.ts";
import { until } from "./wait.ts";

/** Times are in milliseconds since the epoch. */
export interface Failover {
  readonly from: RedisServer;
  readonly to: RedisServer;
  readonly beganAt: number;
  /** When the new primary was named as such and took a write. */
  readonly servedAt: number;
  /** When it had all replicas in sync, the former primary among them, and nobody saw anything wrong. */
  readonly healthyAt: number;
}

/** What brings it about, and what is done to the former primary once there is a new one. */
interface Way {
  begin(from: RedisServer): Promise<void>;
  end?(from: RedisServer, to: RedisServer): Promise<void>;
}

/**
 * - `kill9`: a crash; the former primary is started again, as it was.
 * - `pause`: it stands still, and wakes up as one who believes to be the primary.
 * - `partition`: its host is cut off from the hosts of the others, with the Sentinel there.
 * - `sentinel-failover`: `SENTINEL FAILOVER`. The former primary takes writes until it is told, and may have replicas meanwhile.
 * - `planned`: the same without loss: writes wait until the replicas have everything, and the former primary is told at once.
 * - `failover-command`: `FAILOVER`, of which Sentinels 7.0 learn nothing: for about half a minute they name the former primary, which is a replica now;
 *   then they take it for down and promote a replica of their own choice, perhaps a third.
 */
export const SENTINEL_FAILOVER_KINDS = ["kill9", "pause", "partition", "sentinel-failover", "planned", "failover-command"] as const;
export type SentinelFailoverKind = (typeof SENTINEL_FAILOVER_KINDS)[number];

/** `cluster-failover`: `CLUSTER FAILOVER`, for which the primary stops taking writes until the replica has everything. */
export const CLUSTER_FAILOVER_KINDS = ["kill9", "pause", "cluster-failover"] as const;
export type ClusterFailoverKind = (typeof CLUSTER_FAILOVER_KINDS)[number];

/** `WRITE` pauses end by themselves, if everything goes wrong. */
const WRITE_PAUSE_MILLIS = 30_000;
const FAILOVER_MILLIS_MAX = 120_000;

const kill9: Way = { begin: (from) => from.kill(), end: (from) => from.start() };
const pause: Way = { begin: async (from) => from.pause(), end: async (from) => from.resume() };

/** What an operator does with a client on the primary. Clients that wait are told READONLY, and look for the new primary. */
function plannedWay(setup: SentinelSetup, sentinelFailover: Way): Way {
  return {
    async begin(from) {
      await from.command("client", "pause", WRITE_PAUSE_MILLIS, "write");
      const { offset } = await replicationView(from);
      const replicas = await setup.replicas();
      const haveAll = async () => (await Promise.all(replicas.map(replicationView))).every((replica) => replica.offset >= offset);
      await until("the replicas to have everything", haveAll);
      await sentinelFailover.begin(from);
    },
    async end(from, to) {
      await from.command("replicaof", to.host, to.port);
      await from.command("client", "unpause");
    },
  };
}

/** Only the servers and Sentinels are cut off from each other: clients elsewhere still reach both sides. */
function partitionWay(network: Network | undefined): Way {
  if (network === undefined) throw new TypeError("a partition needs a network");
  return {
    begin: async (from) => {
      const alone = network.hosts.filter(({ address }) => address === from.host);
      await network.partition(
        alone,
        network.hosts.filter((host) => !alone.includes(host)),
      );
    },
    end: () => network.heal(),
  };
}

function sentinelWay(setup: SentinelSetup, kind: SentinelFailoverKind, network: Network | undefined): Way {
  const sentinelFailover: Way = { begin: async () => void (await setup.sentinels[0]?.command("sentinel", "failover", setup.name)) };
  switch (kind) {
    case "kill9":
      return kill9;
    case "pause":
      return pause;
    case "partition":
      return partitionWay(network);
    case "sentinel-failover":
      return sentinelFailover;
    case "planned":
      return plannedWay(setup, sentinelFailover);
    case "failover-command":
      return { begin: async (from) => void (await from.command("failover")) };
  }
}

interface Place {
  readonly from: RedisServer;
  /** Who is the primary now; may reject for a while. */
  current(): Promise<RedisServer>;
  /** A key that it would keep. */
  readonly key: string;
  waitUntilHealthy(): Promise<void>;
}

async function run({ from, current, key, waitUntilHealthy }: Place, way: Way): Promise<Failover> {
  let to = from;
  const serves = async () => {
    to = await current().catch(() => from);
    return to !== from && (await to.ask("set", key, "", "px", 1000).catch(() => "")) === "OK";
  };
  const beganAt = Date.now();
  await way.begin(from);
  await until("a new primary that takes writes", serves, FAILOVER_MILLIS_MAX);
  const servedAt = Date.now();
  await way.end?.(from, to);
  await waitUntilHealthy();
  return { from, to, beganAt, servedAt, healthyAt: Date.now() };
}

/**
 * Of a healthy set-up; resolves when it is healthy again. Sentinels begin none by themselves within twice the failover timeout of the one before,
 * so one soon after another takes as long. `network` is wanted for a partition only: one host for each server and Sentinel, or one for a pair.
 */
export async function runSentinelFailover(setup: SentinelSetup, kind: SentinelFailoverKind, network?: Network): Promise<Failover> {
  const from = await setup.primary();
  const place = { from, current: setup.primary, key: "failover-probe", waitUntilHealthy: () => setup.waitUntilHealthy() };
  return run(place, sentinelWay(setup, kind, network));
}

/** Of the shard that has the slot. */
export async function runClusterFailover(cluster: RedisCluster, kind: ClusterFailoverKind, slot = 0): Promise<Failover> {
  const from = await cluster.ownerOfSlot(slot);
  const [replica] = await cluster.replicasOf(from);
  if (replica === undefined) throw new TypeError("a shard without a replica has no failover");
  const ways: Record<ClusterFailoverKind, Way> = { kill9, pause, "cluster-failover": { begin: () => cluster.failover(replica) } };
  const current = () => cluster.ownerOfSlot(slot);
  return run({ from, current, key: await keyAt(cluster, from), waitUntilHealthy: () => cluster.waitUntilHealthy() }, ways[kind]);
}

/** One that this primary keeps. */
async function keyAt(cluster: RedisCluster, primary: RedisServer): Promise<string> {
  for (let number = 0; ; number += 1) {
    const key = `failover-probe-${number}`;
    if ((await cluster.ownerOf(key)) === primary) return key;
  }
}
