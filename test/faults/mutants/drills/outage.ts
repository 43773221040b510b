/** The store commits rotations, is away before it can answer, and stays away for longer than the retry window. */

import { pause } from "../../../../scripts/figures/support/wait.ts";
import type { Calls } from "../../clients/calls.ts";
import type { ClientSession } from "../../clients/session.ts";
import { windowMillisOf } from "../../history/lines.ts";
import { OF_A_DRILL, RECOVER_MILLIS } from "../../rows/invariants.ts";
import type { Row } from "../../rows/row.ts";
import { proxied } from "../../support/proxied.ts";
import { passAll } from "../../support/redis-proxy.ts";
import type { RedisProxy } from "../../support/redis-proxy.ts";
import { redisSetup } from "../../support/redis-setup.ts";
import { logInMany, NOBODY, SHORT_WINDOW, withUnprobedDrill } from "./common.ts";

const SESSIONS = 4;
const SUBJECT_KEYS = "mintmark:s";
const SPARE_MILLIS = 1_500;
const AGAIN_MILLIS = 200;
const SOON_MILLIS = 50;
/** Who comes meanwhile. */
const CROWD = { owners: 4, lossy: 0, browsers: [], robbed: 0, revokers: 1, passwordUsers: 0, thinkMillis: 100 };

export const outage: Row = {
  id: "outage",
  title: "the store commits, answers nothing, and is away for longer than the retry window",
  minutes: 1,
  invariants: OF_A_DRILL,
  rounds: 1,
  quickRounds: 1,
  async run(context) {
    const { proxies, options } = await proxied(await redisSetup({ appendfsync: "everysec" }));
    await withUnprobedDrill(context, { ...options, crowd: NOBODY, rules: SHORT_WINDOW }, async (drill) => {
      const calls = drill.prober("somebody").as("owner");
      const sessions = await logInMany(drill, calls, SESSIONS);
      // The server knows the script of a swap from now on: a reply that is lost below is not one that asks for it.
      for (const session of sessions) await rotate(calls, session);
      const load = await drill.during({ kind: "committed, and away", isAway: true, recoverMillis: RECOVER_MILLIS }, async () => {
        for (const session of sessions) await refreshUnanswered(proxies, calls, session);
        for (const proxy of proxies) {
          proxy.isRefusing = true;
          proxy.cut();
        }
        const coming = drill.load(CROWD, "later-");
        await pause(windowMillisOf(drill.rules) + SPARE_MILLIS);
        for (const session of sessions) await calls.refresh(session, session.current);
        for (const proxy of proxies) proxy.isRefusing = false;
        return coming;
      });
      await Promise.all(sessions.map((session) => insist(calls, session)));
      await pause(RECOVER_MILLIS);
      await load.stop();
    });
  },
};

async function rotate(calls: Calls, session: ClientSession): Promise<void> {
  const { token, accessToken } = await calls.refresh(session, session.current);
  if (token !== undefined && accessToken !== undefined) session.take(token, accessToken, undefined);
}

/** Again and again until there is an answer, as clients do: whoever comes only after the window is late. */
async function insist(calls: Calls, session: ClientSession): Promise<void> {
  for (let left = RECOVER_MILLIS; left > 0; left -= AGAIN_MILLIS) {
    if ((await calls.refresh(session, session.current)).outcome !== "unknown") return;
    await pause(AGAIN_MILLIS);
  }
}

/** Once the store has taken the rotation nobody hears of it. */
async function refreshUnanswered(proxies: readonly RedisProxy[], calls: Calls, session: ClientSession): Promise<void> {
  const seen = { isCommitted: false };
  for (const proxy of proxies) {
    proxy.decide = ({ words }) => {
      // A GET is its name and a key; what swaps is longer.
      const isSwap = words.length > 2 && words.some((word) => word.toString("latin1").startsWith(SUBJECT_KEYS));
      if (!isSwap) return "pass";
      seen.isCommitted = true;
      return "lose reply";
    };
  }
  // An issuer that has just lost its connection has nothing to send on for a moment.
  for (let left = RECOVER_MILLIS; left > 0 && !seen.isCommitted; left -= SOON_MILLIS) {
    await calls.refresh(session, session.current);
    await pause(SOON_MILLIS);
  }
  for (const proxy of proxies) proxy.decide = passAll;
}
