/** F9: Redis' memory is full, and it refuses writes; with a policy that would drop sessions instead, an issuer does not start. */

import { pause } from "../../../scripts/figures/support/wait.ts";
import { withDrill } from "../drill/drill.ts";
import { redisSetup } from "../support/redis-setup.ts";
import { OF_A_DRILL, RECOVER_MILLIS } from "./invariants.ts";
import { inRounds } from "./row.ts";
import type { Row } from "./row.ts";

const FULL_MILLIS = 3_000;
const DROPPING = ["allkeys-lru", "volatile-lru", "volatile-ttl", "allkeys-random"];
/** As `serve` ends where it can't be run as it is configured. */
const REFUSED = "the issuer ended with 2";

export const f09: Row = {
  id: "F9",
  title: "maxmemory reached under noeviction; a policy that evicts",
  minutes: 1,
  invariants: OF_A_DRILL,
  rounds: 5,
  quickRounds: 1,
  async run(context) {
    const { redis, ...store } = await redisSetup({ appendfsync: "everysec" });
    await withDrill(context, { store, written: store.written }, async (drill) => {
      await inRounds(context, async () => {
        await drill.during({ kind: "memory full", isAway: true, recoverMillis: RECOVER_MILLIS }, async () => {
          await redis.command("config", "set", "maxmemory", "1mb");
          await pause(FULL_MILLIS);
          await redis.command("config", "set", "maxmemory", "0");
        });
        await pause(RECOVER_MILLIS);
      });
      for (const policy of context.rounds > 1 ? DROPPING : DROPPING.slice(0, 1)) {
        await redis.command("config", "set", "maxmemory-policy", policy);
        const start = await drill.deployment.startIssuer().then(
          (issuer) => issuer.stop().then(() => "it started"),
          (error: unknown) => String(error),
        );
        drill.expect(`no issuer starts where Redis evicts by ${policy}`, start.includes(REFUSED));
      }
      await redis.command("config", "set", "maxmemory-policy", "noeviction");
    });
  },
};
