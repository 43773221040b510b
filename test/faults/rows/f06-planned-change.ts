/** F6: an operator changes the primary, in each way that there is; the table has a line for each. */

import { between } from "../../../scripts/figures/support/random.ts";
import { pause } from "../../../scripts/figures/support/wait.ts";
import { runClusterFailover, runSentinelFailover } from "../../support/failovers.ts";
import type { Failover, SentinelFailoverKind } from "../../support/failovers.ts";
import { withDrill } from "../drill/drill.ts";
import type { WritesLost } from "../history/lines.ts";
import { failOver } from "../support/failover-fault.ts";
import { clusterSetup, sentinelSetup } from "../support/redis-setup.ts";
import type { StoreOptions } from "../support/redis-setup.ts";
import { OF_A_DRILL, RECOVER_MILLIS } from "./invariants.ts";
import { inRounds } from "./row.ts";
import type { Row, RowContext } from "./row.ts";

const WAYS = ["planned", "failover-command", "sentinel-failover"] as const satisfies readonly SentinelFailoverKind[];

export const f06: Row = {
  id: "F6",
  title: "planned change of primary: the steps of docs/operating.md, FAILOVER, SENTINEL FAILOVER, CLUSTER FAILOVER",
  minutes: 8,
  invariants: OF_A_DRILL,
  rounds: 4,
  quickRounds: 1,
  async run(context) {
    for (const way of WAYS) {
      const { sentinel, options } = await sentinelSetup();
      // The old primary goes on for a second, and a replica that follows it confirms what it takes: logins can be lost.
      await changes(context, way, options, way === "sentinel-failover" ? "ends" : "confirmed", () => runSentinelFailover(sentinel, way));
    }
    const { cluster, options } = await clusterSetup();
    await changes(context, "cluster-failover", options, "confirmed", () => runClusterFailover(cluster, "cluster-failover"));
  },
};

type Kept = WritesLost["kept"];

async function changes(context: RowContext, part: string, store: StoreOptions, kept: Kept, run: () => Promise<Failover>): Promise<void> {
  const draw = context.draw(part);
  await withDrill(context, { part, ...store }, async (drill) => {
    await inRounds(context, async () => {
      await pause(between(draw, 500, 2_500));
      await failOver(drill, { kind: part, kept }, run);
      await pause(RECOVER_MILLIS);
    });
  });
}
