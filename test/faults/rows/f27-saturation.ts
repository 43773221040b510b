/** F27: more and more clients until more of them get no more answers, then few again. Late answers and 503 come before any collapse. */

import { pause } from "../../../scripts/figures/support/wait.ts";
import { withDrill } from "../drill/drill.ts";
import type { Load } from "../drill/load.ts";
import { redisSetup } from "../support/redis-setup.ts";
import { OF_A_DRILL, RECOVER_MILLIS } from "./invariants.ts";
import { inRounds } from "./row.ts";
import type { Row } from "./row.ts";

/** Clients that come at each step. */
const STEPS = [20, 40, 80, 160];
const STEP_MILLIS = 10_000;
/** Answers that take seconds are late for a short window: this is the usual one, in which no thief can be told from a tab here. */
const RULES = { retryWindowMillis: 30_000, clockSkewMillis: 10_000 };
const HURRIED = { lossy: 0, browsers: [], robbed: 0, revokers: 0, passwordUsers: 0, thinkMillis: 10 };

export const f27: Row = {
  id: "F27",
  title: "load ramp to saturation, and back",
  minutes: 3,
  invariants: OF_A_DRILL,
  rounds: 2,
  quickRounds: 1,
  async run(context) {
    const { redis: _, ...store } = await redisSetup();
    await withDrill(context, { store, written: store.written, rules: RULES, crowd: { robbed: 0 } }, async (drill) => {
      await inRounds(context, async (round) => {
        await drill.during({ kind: "saturation", recoverMillis: RECOVER_MILLIS }, async () => {
          const loads: Load[] = [];
          for (const [step, owners] of STEPS.entries()) {
            loads.push(drill.load({ ...HURRIED, owners }, `ramp-${round}-${step}-`));
            await pause(STEP_MILLIS);
          }
          await Promise.all(loads.map((load) => load.stop()));
        });
        await pause(2 * RECOVER_MILLIS);
      });
    });
  },
};
