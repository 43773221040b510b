/** F1: Redis is killed at any moment of the load and started again. Its append-only file is synced before every reply. */

import { between } from "../../../scripts/figures/support/random.ts";
import { pause } from "../../../scripts/figures/support/wait.ts";
import { withDrill } from "../drill/drill.ts";
import { redisSetup } from "../support/redis-setup.ts";
import { OF_A_DRILL, RECOVER_MILLIS } from "./invariants.ts";
import { inRounds } from "./row.ts";
import type { Row } from "./row.ts";

export const f01: Row = {
  id: "F1",
  title: "kill -9 of Redis during rotation load, AOF always; restart",
  minutes: 3,
  invariants: OF_A_DRILL,
  rounds: 20,
  quickRounds: 3,
  async run(context) {
    const { redis, ...store } = await redisSetup({ appendfsync: "always" });
    const draw = context.draw("kills");
    await withDrill(context, { store, written: store.written }, async (drill) => {
      await inRounds(context, async () => {
        await pause(between(draw, 500, 2_500));
        await drill.during({ kind: "redis killed", isAway: true, recoverMillis: RECOVER_MILLIS }, async () => {
          await redis.kill();
          await pause(between(draw, 100, 2_000));
          await redis.start();
        });
        await pause(RECOVER_MILLIS);
      });
    });
  },
};
