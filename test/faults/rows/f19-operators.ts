/**
 * F19: two operators change the keys at once: one of them wins, and both are told that it is done. Then commands are killed at every
 * step of their work: the ring is the old one or the new one, and the next command works.
 */

import type { Operator } from "../../../src/issuer/types.ts";
import type { Drill } from "../drill/drill.ts";
import { atOnce, keysFolder, killedAt, PAIRS, PROMOTE, ROTATE, ROTATE_MAC, STAGE, withOperators } from "../support/operators.ts";
import { orphans, ringState } from "../support/ring-state.ts";
import { OF_A_DRILL, RECOVER_MILLIS } from "./invariants.ts";
import { inRounds } from "./row.ts";
import type { Row, RowContext } from "./row.ts";

/** With fewer rounds some of the steps, spread over all of them, are enough. */
const EVERY_STEP_ROUNDS = 50;
const STRIDE = 23;
const STEPS_MAX = 500;

export const f19: Row = {
  id: "F19",
  title: "two operators at once; a command killed at each of its steps",
  minutes: 15,
  invariants: OF_A_DRILL,
  rounds: 100,
  quickRounds: 5,
  async run(context) {
    await withOperators(context, async (drill, operator) => {
      await inRounds(context, async (index) => {
        const pair = PAIRS[index % PAIRS.length];
        if (pair !== undefined) await atOnce(drill, operator, pair);
      });
      await killedAtEveryStep(context, drill, operator);
      await startedAgain(drill, operator);
    });
  },
};

async function killedAtEveryStep(context: RowContext, drill: Drill, operator: Operator): Promise<void> {
  const stride = context.rounds < EVERY_STEP_ROUNDS ? STRIDE : 1;
  const draw = context.draw("steps");
  for (const command of [ROTATE, STAGE, PROMOTE, ROTATE_MAC]) {
    context.say(`keys ${command.name}, killed at ${stride === 1 ? "each" : "some"} of its steps`);
    for (let step = 1 + draw(stride); step < STEPS_MAX; step += stride) {
      if (!(await killedAt(drill, operator, command, step))) break;
      drill.count("commands killed", 1);
    }
  }
}

/** A file that was written and never named is left where it is: no node publishes it or signs with it. */
async function startedAgain(drill: Drill, operator: Operator): Promise<void> {
  const before = orphans(await ringState(operator, keysFolder(drill)));
  const port = drill.issuers[0]?.port;
  await drill.during({ kind: "issuer started again", isCutting: true, isAway: true, recoverMillis: RECOVER_MILLIS }, async () => {
    await drill.stopNode(0);
    await drill.startNode(0, port === undefined ? {} : { port });
  });
  const after = await ringState(operator, keysFolder(drill));
  drill.expect(
    "a start leaves files that no ring names as they are, and in no ring",
    before.every((kid) => orphans(after).includes(kid)),
  );
  drill.count("unfinished files left", after.temporary.length);
}
