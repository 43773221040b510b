/** What a Sentinel says of the primary it watches. */

import type { RedisAddress } from "./redis-command.ts";
import type { RedisServer } from "./redis-process.ts";
import { list, pairs } from "./redis-replies.ts";

export interface SentinelView {
  readonly primary: RedisAddress;
  /** e.g. `master`, `s_down`, `failover_in_progress`. */
  readonly flags: readonly string[];
  /** Rises with every failover: of two Sentinels that differ, the higher one is right. */
  readonly configEpoch: number;
  readonly otherSentinels: number;
  readonly replicas: readonly ReplicaSeen[];
}

interface ReplicaSeen extends RedisAddress {
  readonly flags: readonly string[];
  readonly isLinkUp: boolean;
}

function addressIn(fields: Readonly<Record<string, string>>): RedisAddress {
  return { host: fields["ip"] ?? "", port: Number(fields["port"]) };
}

function flagsIn(fields: Readonly<Record<string, string>>): string[] {
  return (fields["flags"] ?? "").split(",");
}

export async function sentinelView(sentinel: RedisServer, name: string): Promise<SentinelView> {
  const primary = pairs(await sentinel.ask("sentinel", "master", name));
  const replicas = list(await sentinel.ask("sentinel", "replicas", name)).map(pairs);
  return {
    primary: addressIn(primary),
    flags: flagsIn(primary),
    configEpoch: Number(primary["config-epoch"]),
    otherSentinels: Number(primary["num-other-sentinels"]),
    replicas: replicas.map((fields) => ({ ...addressIn(fields), flags: flagsIn(fields), isLinkUp: fields["master-link-status"] === "ok" })),
  };
}

/** Undefined where the Sentinel sees everybody in place and nothing going on; else what is missing. */
export function sentinelFault(
  view: SentinelView,
  expected: { primary: RedisAddress; replicas: number; sentinels: number },
): string | undefined {
  const { host, port } = expected.primary;
  if (view.primary.host !== host || view.primary.port !== port) return `it takes ${view.primary.port} for the primary, not ${port}`;
  if (view.flags.join() !== "master") return `it sees the primary as ${view.flags.join()}`;
  if (view.otherSentinels !== expected.sentinels - 1) return `it knows ${view.otherSentinels} other Sentinels`;
  const ready = view.replicas.filter((replica) => replica.flags.join() === "slave" && replica.isLinkUp);
  return ready.length === expected.replicas && view.replicas.length === expected.replicas
    ? undefined
    : `it sees ${ready.length} replicas in order`;
}
