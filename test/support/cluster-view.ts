/** Who is who in a cluster, as each node says it of itself. */

import { clusterNodes, slotCount, SLOT_COUNT } from "./cluster-nodes.ts";
import type { ClusterNode } from "./cluster-nodes.ts";
import type { RedisServer } from "./redis-process.ts";
import { replicationFault, replicationView } from "./redis-replication.ts";
import { infoFields } from "./redis-replies.ts";

export interface ClusterMember {
  readonly server: RedisServer;
  /** What it says of itself: it is the first to know. */
  readonly self: ClusterNode;
  /** What it says of all, itself included. */
  readonly all: readonly ClusterNode[];
}

export interface ClusterShape {
  readonly primaries: number;
  readonly replicasEach: number;
}

export async function clusterMember(server: RedisServer): Promise<ClusterMember> {
  const all = clusterNodes(await server.ask("cluster", "nodes"));
  const self = all.find(({ flags }) => flags.includes("myself"));
  if (self === undefined) throw new Error(`${server.port} does not know itself`);
  return { server, self, all };
}

/** Those that answer. */
export async function clusterMembers(servers: readonly RedisServer[]): Promise<ClusterMember[]> {
  const members = await Promise.all(servers.map((server) => clusterMember(server).catch(() => undefined)));
  return members.filter((member) => member !== undefined);
}

export function isPrimary({ self }: ClusterMember): boolean {
  return self.flags.includes("master");
}

export function replicasOf(members: readonly ClusterMember[], primary: ClusterMember): ClusterMember[] {
  return members.filter(({ self }) => self.primaryId === primary.self.id);
}

/** What one node has wrong about the others. */
function viewFault({ server, all }: ClusterMember, members: readonly ClusterMember[]): string | undefined {
  if (all.length !== members.length) return `${server.port} knows ${all.length} nodes`;
  for (const { self } of members) {
    const seen = all.find(({ id }) => id === self.id);
    const isAgreed =
      seen?.isConnected === true &&
      seen.primaryId === self.primaryId &&
      JSON.stringify(seen.slots) === JSON.stringify(self.slots) &&
      !seen.flags.some((flag) => ["fail", "fail?", "handshake", "noaddr"].includes(flag));
    if (!isAgreed) return `${server.port} does not see ${self.port} as it is`;
  }
  return undefined;
}

async function shardFault(primary: ClusterMember, members: readonly ClusterMember[], replicasEach: number): Promise<string | undefined> {
  const replicas = replicasOf(members, primary);
  if (replicas.length !== replicasEach) return `${primary.server.port} has ${replicas.length} replicas`;
  const atPrimary = await replicationView(primary.server);
  return replicationFault(atPrimary, await Promise.all(replicas.map(({ server }) => replicationView(server))));
}

/** Undefined where all slots are served, every shard is complete and in sync, and all nodes agree; else what is missing. */
export async function clusterFault(
  servers: readonly RedisServer[],
  { primaries, replicasEach }: ClusterShape,
): Promise<string | undefined> {
  const members = await Promise.all(servers.map(clusterMember));
  const states = await Promise.all(servers.map(async (server) => infoFields(await server.ask("cluster", "info"))["cluster_state"]));
  const notOk = servers.find((_, index) => states[index] !== "ok");
  if (notOk !== undefined) return `${notOk.port} says that the cluster is not ok`;
  const found = members.filter(isPrimary);
  if (found.length !== primaries) return `${found.length} primaries`;
  if (slotCount(found.map(({ self }) => self)) !== SLOT_COUNT) return "some slots have no primary, or two";
  const faults = members.map((member) => viewFault(member, members));
  const ofShards = await Promise.all(found.map((primary) => shardFault(primary, members, replicasEach)));
  return [...faults, ...ofShards].find((fault) => fault !== undefined);
}
