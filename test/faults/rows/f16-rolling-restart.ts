/**
 * F16: two issuers are restarted in turn under load, each time with another configuration. Clients go to the other one where
 * one takes no connection any more; not one request fails.
 */

import { pause } from "../../../scripts/figures/support/wait.ts";
import { withDrill } from "../drill/drill.ts";
import { redisSetup } from "../support/redis-setup.ts";
import { OF_A_DRILL } from "./invariants.ts";
import { inRounds } from "./row.ts";
import type { Row } from "./row.ts";

export const f16: Row = {
  id: "F16",
  title: "rolling restart of two issuers under load, with different configurations",
  minutes: 2,
  invariants: OF_A_DRILL,
  rounds: 10,
  quickRounds: 2,
  async run(context) {
    const { redis: _, ...store } = await redisSetup();
    await withDrill(context, { store, written: store.written }, async (drill) => {
      let version = 0;
      await inRounds(context, async () => {
        version += 1;
        drill.deployment.configure({ accessToken: { lifetime: `${10 + version}m` }, login: { minPasswordLength: 15 + (version % 2) } });
        for (const [node, issuer] of drill.issuers.entries()) {
          if (issuer === undefined) continue;
          issuer.child.signal("SIGTERM");
          drill.expect(`issuer ${node} drains and ends with exit 0`, (await issuer.child.ended) === 0);
          await drill.stopNode(node);
          await drill.startNode(node, { port: issuer.port });
          await pause(500);
        }
      });
      drill.count("connections refused", drill.targets.passedOver);
    });
  },
};
