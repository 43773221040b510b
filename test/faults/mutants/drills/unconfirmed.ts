/**
 * A replica is connected and takes nothing. What was written meanwhile is lost, as when that replica takes over, and with it
 * all issuers end. So nothing that needs a replica may have been acknowledged.
 */

import { pause, until } from "../../../../scripts/figures/support/wait.ts";
import { startRedis } from "../../../support/redis.ts";
import { withDrill } from "../../drill/drill.ts";
import { OF_A_DRILL, RECOVER_MILLIS } from "../../rows/invariants.ts";
import type { Row } from "../../rows/row.ts";
import { AppendOnlyFile } from "../../support/append-only-file.ts";
import { redisSetup } from "../../support/redis-setup.ts";
import { logInMany, NOBODY, SHORT_WINDOW, tryAgain } from "./common.ts";

const SESSIONS = 6;
const CONNECT_MILLIS_MAX = 30_000;

export const unconfirmed: Row = {
  id: "unconfirmed",
  title: "a replica is stopped, and the primary loses what the replica has not",
  minutes: 1,
  invariants: OF_A_DRILL,
  rounds: 1,
  quickRounds: 1,
  async run(context) {
    // Its file has what was acknowledged: with `everysec` a write may wait for an fsync, and its reply does not.
    const { redis, ...setup } = await redisSetup({ appendfsync: "always", "aof-load-truncated": "yes" });
    const replica = await startRedis();
    const remove = (): Promise<void> => replica.remove().then(() => setup.remove());
    const store = { ...setup, settings: { redis: { waitReplicas: 1 } }, remove };
    await replica.command("replicaof", redis.host, String(redis.port));
    const isThere = async (): Promise<boolean> => String(await redis.command("info", "replication")).includes("state=online");
    await until("the replica", isThere, CONNECT_MILLIS_MAX);
    const rules = { ...SHORT_WINDOW, commandTimeoutMillis: 1_000 };
    await withDrill(context, { store, crowd: NOBODY, rules }, async (drill) => {
      const calls = drill.prober("somebody");
      const file = new AppendOnlyFile(redis, () => drill.recorder.now());
      const sessions = await logInMany(drill, calls, SESSIONS);
      const kept = file.sample();
      const ports = drill.issuers.map((issuer) => issuer?.port ?? 0);
      const fault = { kind: "replica stopped, then taken for the primary", isAway: true, isCutting: true, recoverMillis: RECOVER_MILLIS };
      await drill
        .during(fault, async () => {
          replica.pause();
          await Promise.all(sessions.map((session) => calls.revoke(session, session.current.text)));
          for (const node of ports.keys()) await drill.killNode(node);
          await redis.kill();
          file.cutTo(kept);
          replica.resume();
          await redis.start();
          await until("the replica", isThere, CONNECT_MILLIS_MAX);
          for (const [node, port] of ports.entries()) await drill.startNode(node, { port });
        })
        .finally(() => file.close());
      await pause(RECOVER_MILLIS);
      await tryAgain(drill, calls, sessions);
    });
  },
};
