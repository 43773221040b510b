/** F3: the primary is killed, the Sentinels name another, and the killed one comes back as a replica. */

import { between } from "../../../scripts/figures/support/random.ts";
import { pause } from "../../../scripts/figures/support/wait.ts";
import { runSentinelFailover } from "../../support/failovers.ts";
import { withDrill } from "../drill/drill.ts";
import { failOver } from "../support/failover-fault.ts";
import { sentinelSetup } from "../support/redis-setup.ts";
import { OF_A_DRILL, RECOVER_MILLIS } from "./invariants.ts";
import { inRounds } from "./row.ts";
import type { Row } from "./row.ts";

/** From the kill until the new primary takes writes: one second until it is noticed, an election, and a machine that is busy. */
const SERVED_MILLIS_MAX = 15_000;

export const f03: Row = {
  id: "F3",
  title: "Sentinel: kill -9 of the primary under load; it comes back as a replica",
  minutes: 3,
  invariants: OF_A_DRILL,
  rounds: 10,
  quickRounds: 2,
  async run(context) {
    const { sentinel, options } = await sentinelSetup();
    const draw = context.draw("kills");
    await withDrill(context, options, async (drill) => {
      await inRounds(context, async () => {
        await pause(between(draw, 500, 2_500));
        const { beganAt, servedAt } = await failOver(drill, { kind: "primary killed", kept: "confirmed" }, () =>
          runSentinelFailover(sentinel, "kill9"),
        );
        if (context.isTimed) drill.expect("a new primary serves within 15 s", servedAt - beganAt < SERVED_MILLIS_MAX);
        await pause(RECOVER_MILLIS);
      });
    });
  },
};
