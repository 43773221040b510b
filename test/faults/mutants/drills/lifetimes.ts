/** Sessions that are used all the time end when they are too old. No invariant asks for it: the drill does itself. */

import { pause } from "../../../../scripts/figures/support/wait.ts";
import { withDrill } from "../../drill/drill.ts";
import { OF_A_DRILL } from "../../rows/invariants.ts";
import type { Row } from "../../rows/row.ts";
import { redisSetup } from "../../support/redis-setup.ts";
import { logInMany, NOBODY, SHORT_WINDOW } from "./common.ts";

const LIFETIME_MILLIS = 4_000;
const RULES = {
  ...SHORT_WINDOW,
  idleLifetimeMillis: LIFETIME_MILLIS,
  absoluteLifetimeMillis: LIFETIME_MILLIS,
  keyedRetryWindowMillis: LIFETIME_MILLIS,
};
const SPARE_MILLIS = 1_500;

export const lifetimes: Row = {
  id: "lifetimes",
  title: "sessions are refreshed for longer than their absolute lifetime",
  minutes: 1,
  invariants: OF_A_DRILL,
  rounds: 1,
  quickRounds: 1,
  async run(context) {
    const { redis: _, ...store } = await redisSetup();
    await withDrill(context, { store, crowd: NOBODY, rules: RULES }, async (drill) => {
      const calls = drill.prober("somebody");
      const [session] = await logInMany(drill, calls, 1);
      if (session === undefined) throw new Error("one session was begun");
      const began = drill.recorder.now();
      let grantedAt = began;
      while (drill.recorder.now() < began + LIFETIME_MILLIS + drill.rules.clockSkewMillis + SPARE_MILLIS) {
        await pause(200);
        const askedAt = drill.recorder.now();
        const { token, accessToken } = await calls.refresh(session, session.current);
        if (token === undefined || accessToken === undefined) continue;
        session.take(token, accessToken, undefined);
        grantedAt = askedAt;
      }
      drill.expect("no session outlives its absolute lifetime", grantedAt < began + LIFETIME_MILLIS + drill.rules.clockSkewMillis);
    });
  },
};
