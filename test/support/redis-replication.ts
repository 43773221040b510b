/** Whether a primary and its replicas agree on who is who, and hold the same. */

import type { RedisAddress } from "./redis-command.ts";
import type { RedisServer } from "./redis-process.ts";
import { infoFields } from "./redis-replies.ts";

/** What `INFO replication` says of a server. */
export interface ReplicationView extends RedisAddress {
  readonly role: string;
  /** Of a replica: whom it follows. */
  readonly follows: RedisAddress | undefined;
  readonly isLinkUp: boolean;
  readonly replicasConnected: number;
  /** Bytes of the replication stream: written by a primary, applied by a replica. */
  readonly offset: number;
}

export async function replicationView(server: RedisServer): Promise<ReplicationView> {
  const fields = infoFields(await server.ask("info", "replication"));
  const host = fields["master_host"];
  return {
    host: server.host,
    port: server.port,
    role: fields["role"] ?? "",
    follows: host === undefined ? undefined : { host, port: Number(fields["master_port"]) },
    isLinkUp: fields["master_link_status"] === "up" && fields["master_sync_in_progress"] === "0",
    replicasConnected: Number(fields["connected_slaves"] ?? "0"),
    offset: Number(fields["slave_repl_offset"] ?? fields["master_repl_offset"] ?? "0"),
  };
}

export function isSameAddress(one: RedisAddress | undefined, other: RedisAddress): boolean {
  return one?.host === other.host && one.port === other.port;
}

/** Undefined where the primary has exactly these replicas, and they had written all it had when it was asked before them; else what is missing. */
export function replicationFault(primary: ReplicationView, replicas: readonly ReplicationView[]): string | undefined {
  if (primary.role !== "master") return `${primary.port} is no primary`;
  if (primary.replicasConnected !== replicas.length) return `${primary.port} has ${primary.replicasConnected} replicas`;
  const lagging = replicas.find(
    (replica) =>
      replica.role !== "slave" || !isSameAddress(replica.follows, primary) || !replica.isLinkUp || replica.offset < primary.offset,
  );
  return lagging === undefined ? undefined : `${lagging.port} does not follow ${primary.port} yet`;
}
