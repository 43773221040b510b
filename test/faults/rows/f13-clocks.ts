/**
 * F13: the clock of one issuer, then Redis' clock, is wrong by 10 s, which `clockSkew` allows, and by an hour, with which no
 * token is given and nobody is taken for a thief.
 */

import { pause } from "../../../scripts/figures/support/wait.ts";
import { withDrill } from "../drill/drill.ts";
import type { DrillOptions } from "../drill/options.ts";
import { fakedClock } from "../support/faked-clock.ts";
import type { FakedClock } from "../support/faked-clock.ts";
import { fakedRedis } from "../support/faked-redis.ts";
import { redisSetup } from "../support/redis-setup.ts";
import { OF_A_DRILL, RECOVER_MILLIS } from "./invariants.ts";
import { inRounds } from "./row.ts";
import type { Row, RowContext } from "./row.ts";

const OFFSETS_SECONDS = [10, -10, 3_600, -3_600];
const WRONG_MILLIS = 4_000;
const RULES = { clockSkewMillis: 10_000, clockErrorMillis: 11_000 };

export const f13: Row = {
  id: "F13",
  title: "clocks: an issuer's, then Redis', wrong by 10 s and by an hour, both ways",
  minutes: 4,
  invariants: OF_A_DRILL,
  rounds: 2,
  quickRounds: 1,
  async run(context) {
    const clock = fakedClock();
    try {
      await ofAnIssuer(context, clock);
      await ofRedis(context, clock);
    } finally {
      clock.remove();
    }
  },
};

async function ofAnIssuer(context: RowContext, clock: FakedClock): Promise<void> {
  const { redis: _, ...store } = await redisSetup();
  const envOf = (node: number) => (node === 1 ? clock.env : {});
  await wrongClock(context, clock, { part: "issuer", store, written: store.written, envOf });
}

async function ofRedis(context: RowContext, clock: FakedClock): Promise<void> {
  await wrongClock(context, clock, { part: "redis", store: await fakedRedis(clock) });
}

async function wrongClock(context: RowContext, clock: FakedClock, options: DrillOptions): Promise<void> {
  await withDrill(context, { ...options, rules: RULES }, async (drill) => {
    await inRounds(context, async () => {
      for (const offset of OFFSETS_SECONDS) {
        await drill.during({ kind: `clock of ${options.part ?? ""} ${offset} s off`, recoverMillis: RECOVER_MILLIS }, async () => {
          clock.set(offset);
          await pause(WRONG_MILLIS);
          // What was used is still known to be, whatever the clocks say.
          await drill.presentAssertions();
          clock.set(0);
        });
        await pause(RECOVER_MILLIS);
        await drill.presentAssertions();
      }
    });
  });
}
