/**
 * The store forgets ends that were acknowledged, in their documents and in its log, and the issuer that was asked for them is
 * gone with it. Another has read of them before: they come back from there.
 */

import { pause } from "../../../../scripts/figures/support/wait.ts";
import { withDrill } from "../../drill/drill.ts";
import { OF_A_DRILL, RECOVER_MILLIS } from "../../rows/invariants.ts";
import type { Row } from "../../rows/row.ts";
import { AppendOnlyFile } from "../../support/append-only-file.ts";
import { redisSetup } from "../../support/redis-setup.ts";
import { atNode, logInMany, NOBODY, SHORT_WINDOW, tryAgain } from "./common.ts";

const SESSIONS = 6;
/** The log is read every second. */
const READ_MILLIS = 3_000;

export const rolledBack: Row = {
  id: "rolled-back",
  title: "Redis loses acknowledged ends, and the issuer that made them is killed",
  minutes: 1,
  invariants: OF_A_DRILL,
  rounds: 1,
  quickRounds: 1,
  async run(context) {
    // Its file has what was acknowledged: with `everysec` a write may wait for an fsync, and its reply does not.
    const { redis, ...store } = await redisSetup({ appendfsync: "always", "aof-load-truncated": "yes" });
    await withDrill(context, { store, crowd: NOBODY, rules: SHORT_WINDOW, written: store.written }, async (drill) => {
      const calls = drill.prober("somebody");
      const file = new AppendOnlyFile(redis, () => drill.recorder.now());
      const sessions = await logInMany(drill, calls, SESSIONS);
      const kept = file.sample();
      await atNode(drill, 0, () => Promise.all(sessions.map((session) => calls.revoke(session, session.current.text))));
      for (const session of sessions) session.isOver = true;
      await pause(READ_MILLIS);
      const port = drill.issuers[0]?.port ?? 0;
      const fault = { kind: "rolled back", isAway: true, isCutting: true, recoverMillis: RECOVER_MILLIS };
      await drill
        .during(fault, async () => {
          await drill.killNode(0);
          await redis.kill();
          file.cutTo(kept);
          await redis.start();
          await drill.startNode(0, { port });
        })
        .finally(() => file.close());
      await pause(RECOVER_MILLIS);
      await tryAgain(drill, calls, sessions);
    });
  },
};
