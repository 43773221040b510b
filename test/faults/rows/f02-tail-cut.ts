/**
 * F2: Redis is killed and loses the last second of its append-only file, which is what `appendfsync everysec` gives away when
 * a machine dies. Rotations come back by `healed`; logins and ends of that second are lost, and counted apart.
 */

import { between } from "../../../scripts/figures/support/random.ts";
import { pause } from "../../../scripts/figures/support/wait.ts";
import { withDrill } from "../drill/drill.ts";
import { AppendOnlyFile } from "../support/append-only-file.ts";
import { redisSetup } from "../support/redis-setup.ts";
import { OF_A_DRILL, RECOVER_MILLIS } from "./invariants.ts";
import { inRounds } from "./row.ts";
import type { Row } from "./row.ts";

const LOST_MILLIS = 1_000;

export const f02: Row = {
  id: "F2",
  title: "kill -9 of Redis, AOF everysec, and the last second of its file is lost",
  minutes: 4,
  invariants: OF_A_DRILL,
  rounds: 20,
  quickRounds: 3,
  async run(context) {
    const { redis, ...store } = await redisSetup({ appendfsync: "everysec", "aof-load-truncated": "yes" });
    const draw = context.draw("kills");
    await withDrill(context, { store, written: store.written }, async (drill) => {
      const { recorder } = drill;
      const file = new AppendOnlyFile(redis, () => recorder.now());
      await inRounds(context, async () => {
        await pause(between(draw, 1_500, 3_500));
        await drill.during({ kind: "redis killed, tail cut", isAway: true, recoverMillis: RECOVER_MILLIS }, async () => {
          await redis.kill();
          const killedAt = recorder.now();
          const kept = file.before(killedAt - LOST_MILLIS);
          if (kept === undefined) throw new Error("nobody looked at the file for a second");
          file.cutTo(kept);
          recorder.fact({ fact: "writes_lost", from: kept.at, to: killedAt, note: "the last second of the append-only file" });
          await pause(between(draw, 100, 1_000));
          await redis.start();
        });
        await pause(RECOVER_MILLIS);
      }).finally(() => file.close());
    });
  },
};
