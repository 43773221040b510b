/** Bytes that requests move: between client and issuer, issuer and Redis, into the append-only file and to a replica. */

import type { RedisServer } from "../test/support/redis.ts";
import type { CountingProxy } from "./counting-proxy.ts";
import { infoNumber } from "./redis-info.ts";

/** Bytes of payload. */
export interface Traffic {
  readonly toIssuer: number;
  readonly fromIssuer: number;
  readonly toRedis: number;
  readonly fromRedis: number;
  readonly appendOnlyFile: number;
  /** To each. */
  readonly toReplica: number;
}

export interface Meters {
  readonly http: CountingProxy;
  readonly store: CountingProxy;
  readonly redis: RedisServer;
}

export async function readMeters({ http, store, redis }: Meters): Promise<Traffic> {
  return {
    toIssuer: http.bytes.sent,
    fromIssuer: http.bytes.answered,
    toRedis: store.bytes.sent,
    fromRedis: store.bytes.answered,
    appendOnlyFile: await infoNumber(redis, "persistence", "aof_current_size"),
    toReplica: await infoNumber(redis, "replication", "master_repl_offset"),
  };
}

/** `change` of each member by that of the other. */
export function combined(a: Traffic, b: Traffic, change: (a: number, b: number) => number): Traffic {
  return {
    toIssuer: change(a.toIssuer, b.toIssuer),
    fromIssuer: change(a.fromIssuer, b.fromIssuer),
    toRedis: change(a.toRedis, b.toRedis),
    fromRedis: change(a.fromRedis, b.fromRedis),
    appendOnlyFile: change(a.appendOnlyFile, b.appendOnlyFile),
    toReplica: change(a.toReplica, b.toReplica),
  };
}
