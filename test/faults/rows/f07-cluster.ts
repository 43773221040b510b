/** F7: a Cluster. The slot of a busy subject is moved back and forth, which no client may notice; then its primary is killed. */

import { pause } from "../../../scripts/figures/support/wait.ts";
import { subjectKeyOf } from "../../../src/domain/refresh-token.ts";
import { subjectDocumentKey } from "../../../src/issuer/subject-key.ts";
import { systemDigests } from "../../../src/platform/digests.ts";
import { runClusterFailover } from "../../support/failovers.ts";
import type { RedisCluster } from "../../support/redis-cluster.ts";
import { withDrill } from "../drill/drill.ts";
import { failOver } from "../support/failover-fault.ts";
import { clusterSetup } from "../support/redis-setup.ts";
import { OF_A_DRILL, RECOVER_MILLIS } from "./invariants.ts";
import { inRounds } from "./row.ts";
import type { Row } from "./row.ts";

/** Eight tabs share a token. */
const BUSY = "ext:browser-0";
const KEY_PREFIX = "mintmark:";
const MOVES = 4;
const HALF_WAY_MILLIS = 300;

export const f07: Row = {
  id: "F7",
  title: "Cluster: the slot of a busy subject moved back and forth, then kill -9 of its primary",
  minutes: 4,
  invariants: OF_A_DRILL,
  rounds: 8,
  quickRounds: 1,
  async run(context) {
    const { cluster, options } = await clusterSetup();
    await withDrill(context, options, async (drill) => {
      const subject = subjectKeyOf(drill.deployment.issuer, BUSY, systemDigests);
      const slot = await cluster.slotOf(KEY_PREFIX + subjectDocumentKey(subject));
      await inRounds(context, async () => {
        for (let move = 0; move < MOVES; move += 1) drill.count("keys moved", await moveOn(cluster, slot));
        await failOver(drill, { kind: "primary of the slot killed", kept: "confirmed" }, () => runClusterFailover(cluster, "kill9", slot));
        await pause(RECOVER_MILLIS);
      });
    });
  },
};

/** To another primary, with a rest half-way, before and after the keys have gone: meanwhile clients are told ASK. */
async function moveOn(cluster: RedisCluster, slot: number): Promise<number> {
  const owner = await cluster.ownerOfSlot(slot);
  const primaries = await Promise.all(SLOTS.map((other) => cluster.ownerOfSlot(other)));
  const to = primaries.find((primary) => primary !== owner);
  if (to === undefined) throw new Error("the cluster has one primary");
  const move = await cluster.beginMove(slot, to);
  await pause(HALF_WAY_MILLIS);
  const moved = await move.migrate();
  await pause(HALF_WAY_MILLIS);
  await move.finish();
  await cluster.waitUntilHealthy();
  return moved;
}

/** One of each shard, as they are at the start. */
const SLOTS = [0, 8_192, 16_383];
