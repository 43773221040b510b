/** Moves a slot from one primary of a cluster to another, step by step: half-way, clients are told ASK. */

import { clusterMember } from "./cluster-view.ts";
import type { ClusterMember } from "./cluster-view.ts";
import type { RedisAuth } from "./redis-command.ts";
import type { RedisServer } from "./redis-process.ts";
import { list } from "./redis-replies.ts";

export interface SlotMove {
  readonly slot: number;
  readonly from: RedisServer;
  readonly to: RedisServer;
  /** Moves at most so many keys, all where nothing is said; resolves with how many it moved. New keys of the slot go to the new primary by then. */
  migrate(countMax?: number): Promise<number>;
  /** Moves what is left and says to all primaries whose the slot is. */
  finish(): Promise<void>;
}

const KEYS_PER_STEP = 100;
const MIGRATE_MILLIS_MAX = 5000;

function authArgs({ username, password }: RedisAuth): string[] {
  if (password === undefined) return [];
  return username === undefined ? ["AUTH", password] : ["AUTH2", username, password];
}

/** Marks the slot as on its way; the new primary first, so that nobody is sent to one that refuses. */
export async function beginMove(
  slot: number,
  owner: ClusterMember,
  to: RedisServer,
  auth: RedisAuth,
  primaries: () => Promise<RedisServer[]>,
): Promise<SlotMove> {
  const from = owner.server;
  const target = (await clusterMember(to)).self.id;
  await to.command("cluster", "setslot", slot, "importing", owner.self.id);
  await from.command("cluster", "setslot", slot, "migrating", target);

  const migrate = async (countMax = Number.POSITIVE_INFINITY) => {
    let moved = 0;
    while (moved < countMax) {
      const wanted = Math.min(KEYS_PER_STEP, countMax - moved);
      const keys = list(await from.command("cluster", "getkeysinslot", slot, wanted)).map(String);
      if (keys.length === 0) return moved;
      await from.command("migrate", to.host, to.port, "", 0, MIGRATE_MILLIS_MAX, ...authArgs(auth), "KEYS", ...keys);
      moved += keys.length;
    }
    return moved;
  };
  return {
    slot,
    from,
    to,
    migrate,
    async finish() {
      await migrate();
      const others = (await primaries()).filter((server) => server !== from && server !== to);
      for (const server of [to, from, ...others]) await server.command("cluster", "setslot", slot, "node", target);
    },
  };
}
