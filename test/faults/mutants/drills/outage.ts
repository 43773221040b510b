/** The store commits, and is away before it can answer, for longer than the retry window. */

import { pause } from "../../../../scripts/figures/support/wait.ts";
import { windowMillisOf } from "../../history/lines.ts";
import { OF_A_DRILL, RECOVER_MILLIS } from "../../rows/invariants.ts";
import type { Row } from "../../rows/row.ts";
import { proxied } from "../../support/proxied.ts";
import { passAll } from "../../support/redis-proxy.ts";
import type { RedisProxy } from "../../support/redis-proxy.ts";
import { redisSetup } from "../../support/redis-setup.ts";
import { SHORT_WINDOW, withUnprobedDrill } from "./common.ts";

const WRITES = ["evalsha", "eval", "set"];
/** Long enough for most clients to have a write under way. */
const HELD_MILLIS = 300;
const SPARE_MILLIS = 1_500;
const CROWD = { owners: 8, lossy: 0, browsers: [], robbed: 0, revokers: 1, passwordUsers: 0, thinkMillis: 100 };

export const outage: Row = {
  id: "outage",
  title: "the store commits, answers nothing, and is away for longer than the retry window",
  minutes: 1,
  invariants: OF_A_DRILL,
  rounds: 1,
  quickRounds: 1,
  async run(context) {
    const { proxies, options } = await proxied(await redisSetup({ appendfsync: "everysec" }));
    await withUnprobedDrill(context, { ...options, crowd: CROWD, rules: SHORT_WINDOW }, async (drill) => {
      for (let left = context.rounds; left > 0; left -= 1) {
        await drill.during({ kind: "committed, and away", isAway: true, recoverMillis: RECOVER_MILLIS }, async () => {
          for (const proxy of proxies) cutAfterCommit(proxy);
          await pause(HELD_MILLIS + windowMillisOf(drill.rules) + SPARE_MILLIS);
          for (const proxy of proxies) {
            proxy.decide = passAll;
            proxy.isRefusing = false;
          }
        });
        await pause(RECOVER_MILLIS);
      }
    });
  },
};

function cutAfterCommit(proxy: RedisProxy): void {
  const cut = async (): Promise<void> => {
    await pause(HELD_MILLIS);
    proxy.isRefusing = true;
    proxy.cut();
  };
  proxy.decide = ({ name }) => (WRITES.includes(name) ? { held: cut } : "pass");
}
