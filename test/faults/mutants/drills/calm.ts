/** Nothing fails but networks and honesty: F23 on a small scale. */

import { pause } from "../../../../scripts/figures/support/wait.ts";
import { withDrill } from "../../drill/drill.ts";
import { OF_A_DRILL } from "../../rows/invariants.ts";
import type { Row } from "../../rows/row.ts";
import { redisSetup } from "../../support/redis-setup.ts";
import { SHORT_WINDOW } from "./common.ts";

/** A theft takes three: a window, exchanges before it, and the time that does not count after the start of an issuer. */
const ROUND_MILLIS = 4_500;
const CROWD = { owners: 2, lossy: 3, browsers: [10], robbed: 4, revokers: 3, passwordUsers: 0, thinkMillis: 150 };

export const calm: Row = {
  id: "calm",
  title: "tabs, losses, thieves and revocations, and no fault",
  minutes: 1,
  invariants: OF_A_DRILL,
  rounds: 3,
  quickRounds: 1,
  async run(context) {
    const { redis: _, ...store } = await redisSetup();
    const options = { store, crowd: CROWD, rules: SHORT_WINDOW, written: store.written };
    await withDrill(context, options, () => pause(ROUND_MILLIS * context.rounds));
  },
};
