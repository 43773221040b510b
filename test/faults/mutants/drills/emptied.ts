/** Redis is emptied, and gets its data back from the append-only file: nobody is logged out meanwhile. */

import { pause } from "../../../../scripts/figures/support/wait.ts";
import { OF_A_DRILL, RECOVER_MILLIS } from "../../rows/invariants.ts";
import type { Row } from "../../rows/row.ts";
import { AppendOnlyFile } from "../../support/append-only-file.ts";
import { redisSetup } from "../../support/redis-setup.ts";
import { SHORT_WINDOW, withUnprobedDrill } from "./common.ts";

const EMPTY_MILLIS = 2_000;
const CROWD = { owners: 6, lossy: 0, browsers: [], robbed: 0, revokers: 0, passwordUsers: 0, thinkMillis: 100 };

export const emptied: Row = {
  id: "emptied",
  title: "FLUSHALL, and the data come back",
  minutes: 1,
  invariants: OF_A_DRILL,
  rounds: 1,
  quickRounds: 1,
  async run(context) {
    // Its file has what was acknowledged: with `everysec` a write may wait for an fsync, and its reply does not.
    const { redis, ...store } = await redisSetup({ appendfsync: "always" });
    await withUnprobedDrill(context, { store, crowd: CROWD, rules: SHORT_WINDOW }, async (drill) => {
      const { recorder } = drill;
      const file = new AppendOnlyFile(redis, () => recorder.now());
      await drill
        .during({ kind: "FLUSHALL", isAway: true, recoverMillis: RECOVER_MILLIS }, async () => {
          const before = file.sample();
          await redis.command("flushall");
          await pause(EMPTY_MILLIS);
          await redis.kill();
          file.cutTo(before);
          recorder.fact({ fact: "writes_lost", from: before.at, to: recorder.now(), note: "emptied, and taken back from the file" });
          await redis.start();
        })
        .finally(() => file.close());
      await pause(RECOVER_MILLIS);
    });
  },
};
