/** Redis takes commands and answers none for some time: nobody waits for it. The one drill that looks at the clock. */

import { pause } from "../../../../scripts/figures/support/wait.ts";
import { OF_A_DRILL, RECOVER_MILLIS } from "../../rows/invariants.ts";
import type { Row } from "../../rows/row.ts";
import { redisSetup } from "../../support/redis-setup.ts";
import { withUnprobedDrill } from "./common.ts";

/** More than any request may take. */
const STOPPED_MILLIS = 9_000;
const RULES = { isTimed: true, commandTimeoutMillis: 1_000 };
const CROWD = { owners: 6, lossy: 0, browsers: [], robbed: 0, revokers: 0, passwordUsers: 0, thinkMillis: 100 };

export const stopped: Row = {
  id: "stopped",
  title: "Redis is stopped for some seconds (SIGSTOP)",
  minutes: 1,
  invariants: OF_A_DRILL,
  rounds: 1,
  quickRounds: 1,
  async run(context) {
    const { redis, ...store } = await redisSetup();
    await withUnprobedDrill(context, { store, crowd: CROWD, rules: RULES }, async (drill) => {
      await drill.during({ kind: "SIGSTOP", isAway: true, recoverMillis: RECOVER_MILLIS }, async () => {
        redis.pause();
        await pause(STOPPED_MILLIS);
        redis.resume();
      });
      await pause(RECOVER_MILLIS);
    });
  },
};
