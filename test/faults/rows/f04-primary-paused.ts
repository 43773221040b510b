/** F4: the primary stands still for five seconds and wakes up when there is another, believing that it still is the one. */

import { between } from "../../../scripts/figures/support/random.ts";
import { pause } from "../../../scripts/figures/support/wait.ts";
import { withDrill } from "../drill/drill.ts";
import { failOver } from "../support/failover-fault.ts";
import { sentinelSetup } from "../support/redis-setup.ts";
import { OF_A_DRILL, RECOVER_MILLIS } from "./invariants.ts";
import { inRounds } from "./row.ts";
import type { Row } from "./row.ts";

const STANDS_STILL_MILLIS = 5_000;

export const f04: Row = {
  id: "F4",
  title: "Sentinel: primary paused for 5 s, wakes up as a zombie",
  minutes: 3,
  invariants: OF_A_DRILL,
  rounds: 8,
  quickRounds: 2,
  async run(context) {
    const { sentinel, options } = await sentinelSetup();
    const draw = context.draw("pauses");
    await withDrill(context, options, async (drill) => {
      await inRounds(context, async () => {
        await pause(between(draw, 500, 2_500));
        await failOver(drill, { kind: "primary stands still, and wakes up", kept: "confirmed" }, async () => {
          const zombie = await sentinel.primary();
          zombie.pause();
          await pause(STANDS_STILL_MILLIS);
          zombie.resume();
          await sentinel.waitUntilHealthy();
          drill.expect("there is another primary", (await sentinel.primary()) !== zombie);
        });
        await pause(RECOVER_MILLIS);
      });
    });
  },
};
