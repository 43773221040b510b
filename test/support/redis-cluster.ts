/** A Redis Cluster of real processes on this machine or on hosts given. */

import { hasSlot, SLOT_COUNT } from "./cluster-nodes.ts";
import { beginMove } from "./cluster-move.ts";
import type { SlotMove } from "./cluster-move.ts";
import { clusterFault, clusterMember, clusterMembers, isPrimary, replicasOf } from "./cluster-view.ts";
import type { ClusterMember, ClusterShape } from "./cluster-view.ts";
import { freePort, isPortFree } from "./free-port.ts";
import { LOOPBACK } from "./host.ts";
import type { Host } from "./host.ts";
import type { RedisAuth } from "./redis-command.ts";
import { startRedisNode } from "./redis-node.ts";
import type { AppendFsync } from "./redis-node.ts";
import type { RedisConfig, RedisServer } from "./redis-process.ts";
import { firstToAnswer, untilHealthy } from "./redis-setup.ts";
import type { FaultOf } from "./redis-setup.ts";

export interface ClusterOptions {
  /** 3 where nothing is said. */
  readonly primaries?: number;
  /** Replicas of each primary; 1 where nothing is said. */
  readonly replicasEach?: number;
  readonly nodeTimeoutMillis?: number;
  readonly appendfsync?: AppendFsync;
  /** Before what is recommended. */
  readonly config?: RedisConfig;
  readonly auth?: RedisAuth;
  /** More ACL users, e.g. `mintmark on >password ~mintmark:* +@all`. */
  readonly users?: readonly string[];
  /** Where each node runs, the primaries first; on the loopback where nothing is said. */
  readonly hosts?: readonly Host[];
}

export interface RedisCluster {
  /** `redis+cluster://host:port,…` with the first primaries, without a password. */
  readonly url: string;
  /** The first primaries, then their replicas. */
  readonly nodes: readonly RedisServer[];
  slotOf(key: string): Promise<number>;
  /** The primary that says the slot is its own; of two, the one that took it last. */
  ownerOfSlot(slot: number): Promise<RedisServer>;
  ownerOf(key: string): Promise<RedisServer>;
  /** Of a primary, those that answer. */
  replicasOf(primary: RedisServer): Promise<RedisServer[]>;
  beginMove(slot: number, to: RedisServer): Promise<SlotMove>;
  moveSlot(slot: number, to: RedisServer): Promise<void>;
  /** `CLUSTER FAILOVER`: the replica takes its primary's place. FORCE where the primary is down, TAKEOVER where most primaries are. */
  failover(replica: RedisServer, how?: "FORCE" | "TAKEOVER"): Promise<void>;
  /** None where all slots are served, every shard is complete and in sync, and all nodes agree. */
  readonly fault: FaultOf;
  waitUntilHealthy(limitMillis?: number): Promise<void>;
  remove(): Promise<void>;
}

/** The port of the cluster's own messages is 10,000 higher: below those that the system gives out. */
async function freeClusterPort(): Promise<number> {
  for (;;) {
    const port = await freePort({ from: 20_000, below: 22_000 });
    if (await isPortFree(port + 10_000)) return port;
  }
}

async function startNodes(options: ClusterOptions, { primaries, replicasEach }: ClusterShape): Promise<RedisServer[]> {
  const { nodeTimeoutMillis = 1500, appendfsync = "everysec", auth = {}, users = [], hosts } = options;
  const config = {
    "cluster-enabled": "yes",
    "cluster-config-file": "nodes.conf",
    "cluster-node-timeout": String(nodeTimeoutMillis),
    // A shard that is down does not take the others with it, and replicas stay with their shard.
    "cluster-require-full-coverage": "no",
    "cluster-allow-replica-migration": "no",
    // With a single replica a shard could not be written to after a failover.
    ...(replicasEach > 1 ? { "min-replicas-to-write": "1", "min-replicas-max-lag": "2" } : {}),
    ...options.config,
  };
  const starts = Array.from({ length: primaries * (1 + replicasEach) }, (_, index) =>
    startRedisNode({ config, appendfsync, auth, users, on: hosts?.[index] ?? LOOPBACK, findPort: freeClusterPort }),
  );
  return Promise.all(starts);
}

async function giveSlots(primaries: readonly RedisServer[]): Promise<void> {
  for (const [index, primary] of primaries.entries()) {
    const first = Math.floor((index * SLOT_COUNT) / primaries.length);
    const end = Math.floor(((index + 1) * SLOT_COUNT) / primaries.length);
    // Not ADDSLOTSRANGE, which Redis 6 does not have.
    await primary.command("cluster", "addslots", ...Array.from({ length: end - first }, (_, slot) => first + slot));
  }
}

async function meet([first, ...others]: readonly RedisServer[]): Promise<void> {
  if (first === undefined) throw new TypeError("a cluster has at least one node");
  for (const other of others) await first.command("cluster", "meet", other.host, other.port);
}

/** Undefined where each knows all by their final names. */
async function acquaintanceFault(nodes: readonly RedisServer[]): Promise<string | undefined> {
  const members = await Promise.all(nodes.map(clusterMember));
  const lacking = members.find(({ all }) => all.length < nodes.length || all.some(({ flags }) => flags.includes("handshake")));
  return lacking === undefined ? undefined : `${lacking.server.port} does not know all nodes`;
}

async function build(nodes: readonly RedisServer[], { primaries: count }: ClusterShape): Promise<void> {
  const primaries = nodes.slice(0, count);
  for (const [index, node] of nodes.entries()) await node.command("cluster", "set-config-epoch", index + 1);
  await giveSlots(primaries);
  await meet(nodes);
  await untilHealthy(() => acquaintanceFault(nodes).catch(String));
  const ids = (await Promise.all(primaries.map(clusterMember))).map(({ self }) => self.id);
  for (const [index, replica] of nodes.slice(count).entries()) await replica.command("cluster", "replicate", ids[index % count] ?? "");
}

function ownerIn(members: readonly ClusterMember[], slot: number): ClusterMember {
  const claims = members.filter((member) => isPrimary(member) && hasSlot(member.self, slot));
  const [owner] = claims.toSorted((one, other) => other.self.configEpoch - one.self.configEpoch);
  if (owner === undefined) throw new Error(`no primary that answers has slot ${slot}`);
  return owner;
}

export async function startCluster(options: ClusterOptions = {}): Promise<RedisCluster> {
  const shape = { primaries: options.primaries ?? 3, replicasEach: options.replicasEach ?? 1 };
  const nodes = await startNodes(options, shape);
  await build(nodes, shape);

  const fault = () => clusterFault(nodes, shape).catch(String);
  const slotOf = async (key: string) => Number(await firstToAnswer(nodes, (node) => node.ask("cluster", "keyslot", key)));
  const owner = async (slot: number) => ownerIn(await clusterMembers(nodes), slot);
  const primaries = async () => (await clusterMembers(nodes)).filter(isPrimary).map(({ server }) => server);
  const begin = async (slot: number, to: RedisServer) => beginMove(slot, await owner(slot), to, options.auth ?? {}, primaries);
  const cluster: RedisCluster = {
    url: `redis+cluster://${nodes
      .slice(0, shape.primaries)
      .map(({ host, port }) => `${host}:${port}`)
      .join(",")}`,
    nodes,
    slotOf,
    ownerOfSlot: async (slot) => (await owner(slot)).server,
    ownerOf: async (key) => (await owner(await slotOf(key))).server,
    async replicasOf(primary) {
      const members = await clusterMembers(nodes);
      const found = members.find(({ server }) => server === primary);
      return found === undefined ? [] : replicasOf(members, found).map(({ server }) => server);
    },
    beginMove: begin,
    async moveSlot(slot, to) {
      const move = await begin(slot, to);
      await move.finish();
    },
    async failover(replica, how) {
      await replica.command("cluster", "failover", ...(how === undefined ? [] : [how]));
    },
    fault,
    waitUntilHealthy: (limitMillis) => untilHealthy(fault, limitMillis),
    async remove() {
      await Promise.all(nodes.map((node) => node.remove()));
    },
  };
  await cluster.waitUntilHealthy();
  return cluster;
}
