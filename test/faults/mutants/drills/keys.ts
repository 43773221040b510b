/** Keys rotate every few seconds, and access tokens live for less. */

import { RING_LAG_MILLIS } from "../../../../src/domain/ring.ts";
import { pause } from "../../../../scripts/figures/support/wait.ts";
import { withDrill } from "../../drill/drill.ts";
import { OF_A_DRILL } from "../../rows/invariants.ts";
import type { Row } from "../../rows/row.ts";
import { redisSetup } from "../../support/redis-setup.ts";
import { SHORT_WINDOW } from "./common.ts";

const STAGE_MILLIS = 1_000;
/** As soon as the next key has aged. */
const ROTATE_MILLIS = STAGE_MILLIS + RING_LAG_MILLIS;
const LIFETIME_MILLIS = 3_000;
/** The first key signs for that long, and the second for half of it. */
const ROUND_MILLIS = ROTATE_MILLIS * 1.5;
const SPARE_MILLIS = 1_500;
const CROWD = { owners: 4, lossy: 0, browsers: [], robbed: 0, revokers: 1, passwordUsers: 0, thinkMillis: 150 };
const SETTINGS = {
  keys: { algorithms: ["ES256"], rotateEvery: `${ROTATE_MILLIS}ms`, stageFor: `${STAGE_MILLIS}ms`, jwksMaxAge: "1s" },
  accessToken: { lifetime: `${LIFETIME_MILLIS}ms` },
} as const;

export const keys: Row = {
  id: "keys",
  title: "keys rotate, tokens expire",
  minutes: 1,
  invariants: OF_A_DRILL,
  rounds: 1,
  quickRounds: 1,
  async run(context) {
    const { redis: _, ...store } = await redisSetup();
    const rules = { ...SHORT_WINDOW, stageForMillis: STAGE_MILLIS };
    await withDrill(context, { store, crowd: CROWD, rules, settings: SETTINGS, written: store.written }, async (drill) => {
      await pause(ROUND_MILLIS * context.rounds);
      await drill.quieten();
      await pause(LIFETIME_MILLIS + drill.rules.clockSkewMillis + SPARE_MILLIS);
      const calls = drill.prober("late");
      for (const session of drill.ledger.sessions) await calls.introspectAccessToken(session, session.accessToken);
    });
  },
};
