/** F14: an issuer under load is told to end, once and twice, and is killed. What it took it answers; what it can't it does not take. */

import { until, pause } from "../../../scripts/figures/support/wait.ts";
import type { IssuerProcess } from "../../../scripts/figures/support/deployment.ts";
import { withDrill } from "../drill/drill.ts";
import type { Drill } from "../drill/drill.ts";
import { redisSetup } from "../support/redis-setup.ts";
import { isTaken, unfinishedRequest } from "../support/unfinished-request.ts";
import { OF_A_DRILL, RECOVER_MILLIS } from "./invariants.ts";
import { inRounds } from "./row.ts";
import type { Row } from "./row.ts";

/** What an operator's process manager waits for before it kills. */
const GRACE_MILLIS = 10_000;
/** A signal that comes sooner is the same one, sent by npm and by the terminal. */
const SAME_SIGNAL_MILLIS = 2_300;
const NOTICED_MILLIS = 5_000;
const NODE = 0;

export const f14: Row = {
  id: "F14",
  title: "SIGTERM with requests in flight and kept connections; a second SIGTERM; SIGKILL",
  minutes: 2,
  invariants: OF_A_DRILL,
  rounds: 4,
  quickRounds: 1,
  async run(context) {
    const { redis: _, ...store } = await redisSetup();
    await withDrill(context, { store, written: store.written }, async (drill) => {
      await inRounds(context, async () => {
        for (const end of [toldToEnd, toldTwice, killed]) {
          const issuer = drill.issuers[NODE];
          if (issuer === undefined) throw new Error("it was started again");
          await end(drill, issuer);
          // Nobody looks for it while it is away, and it comes back where it was.
          await drill.startNode(NODE, { port: issuer.port });
          await pause(1_000);
        }
      });
    });
  },
};

/** No fault at all: every client that was taken is answered. */
async function toldToEnd(drill: Drill, issuer: IssuerProcess): Promise<void> {
  const request = await unfinishedRequest(issuer.port);
  await pause(100);
  const began = drill.recorder.now();
  issuer.child.signal("SIGTERM");
  await until("no new connection is taken", async () => !(await isTaken(issuer.port)), NOTICED_MILLIS);
  drill.expect("it waits for the request that it has taken", !issuer.child.hasEnded());
  const answer = await request.finish();
  drill.expect("the request that was under way is answered", /^HTTP\/1\.1 400 [^]*invalid_grant/.test(answer));
  drill.expect("its answer closes the connection", /^connection: close\r$/im.test(answer));
  drill.expect("SIGTERM is exit 0", (await issuer.child.ended) === 0);
  drill.expect("it is gone within the grace time", drill.recorder.now() - began < GRACE_MILLIS);
  await drill.stopNode(NODE);
}

async function toldTwice(drill: Drill, issuer: IssuerProcess): Promise<void> {
  const request = await unfinishedRequest(issuer.port);
  await pause(100);
  issuer.child.signal("SIGTERM");
  await pause(SAME_SIGNAL_MILLIS);
  drill.expect("it waits for the request that it has taken", !issuer.child.hasEnded());
  await drill.during({ kind: "SIGTERM again", isCutting: true, isAway: true, recoverMillis: RECOVER_MILLIS }, async () => {
    issuer.child.signal("SIGTERM");
    drill.expect("a second SIGTERM is exit 1", (await issuer.child.ended) === 1);
    await drill.stopNode(NODE);
  });
  request.destroy();
}

async function killed(drill: Drill): Promise<void> {
  await drill.during({ kind: "issuer killed", isCutting: true, isAway: true, recoverMillis: RECOVER_MILLIS }, () => drill.killNode(NODE));
}
