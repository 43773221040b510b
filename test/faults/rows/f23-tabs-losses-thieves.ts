/** F23: nothing fails but networks and honesty: 64 tabs share one token store, clients lose every fifth answer, thieves copy tokens. */

import { pause } from "../../../scripts/figures/support/wait.ts";
import { withDrill } from "../drill/drill.ts";
import { redisSetup } from "../support/redis-setup.ts";
import { OF_A_DRILL } from "./invariants.ts";
import { inRounds } from "./row.ts";
import type { Row } from "./row.ts";

const ROUND_MILLIS = 10_000;

export const f23: Row = {
  id: "F23",
  title: "64 tabs over one token store; every fifth answer lost; a thief at a random time",
  minutes: 5,
  invariants: OF_A_DRILL,
  rounds: 30,
  quickRounds: 3,
  async run(context) {
    const { redis: _, ...store } = await redisSetup();
    const crowd = { owners: 4, lossy: 10, browsers: [64], robbed: 8, revokers: 2, thinkMillis: 250 };
    await withDrill(context, { store, crowd, written: store.written }, () => inRounds(context, () => pause(ROUND_MILLIS)));
  },
};
