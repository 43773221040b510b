/**
 * F11: between issuer and Redis, requests are lost before they arrive and replies after the command was run. Nobody knows what
 * happened, and all the same each exchange is one rotation.
 */

import { pause } from "../../../scripts/figures/support/wait.ts";
import type { Draw } from "../../../scripts/figures/support/random.ts";
import { withDrill } from "../drill/drill.ts";
import { proxied } from "../support/proxied.ts";
import { passAll } from "../support/redis-proxy.ts";
import type { Command, Verdict } from "../support/redis-proxy.ts";
import { redisSetup } from "../support/redis-setup.ts";
import { OF_A_DRILL, RECOVER_MILLIS } from "./invariants.ts";
import { inRounds } from "./row.ts";
import type { Row } from "./row.ts";

/** A round each. */
const LOSSES = ["lose reply", "lose request", "half reply", "reset", "silence"] as const;
const LOSSY_MILLIS = 4_000;
/** One in so many: each loss costs the issuer its connection, and all that is under way on it. */
const ONE_IN = 60;

/** Reads are lost too, but what is not known then is not much. */
const WRITES = ["evalsha", "eval", "set"];

export const f11: Row = {
  id: "F11",
  title: "between issuer and Redis: request lost, reply lost, half a reply, RST, silence; by command",
  minutes: 5,
  invariants: OF_A_DRILL,
  rounds: 20,
  quickRounds: 5,
  async run(context) {
    const { proxies, options } = await proxied(await redisSetup({ appendfsync: "everysec" }));
    const draw = context.draw("losses");
    await withDrill(context, options, async (drill) => {
      await inRounds(context, async (round) => {
        const loss = LOSSES[round % LOSSES.length] ?? "lose reply";
        await drill.during({ kind: loss, isAway: true, recoverMillis: RECOVER_MILLIS }, async () => {
          for (const proxy of proxies) proxy.decide = losing(loss, draw);
          await pause(LOSSY_MILLIS);
          for (const proxy of proxies) proxy.decide = passAll;
        });
        await pause(RECOVER_MILLIS);
      });
    });
  },
};

function losing(loss: Verdict, draw: Draw): (command: Command) => Verdict {
  return ({ name }) => {
    const oneIn = WRITES.includes(name) ? ONE_IN : ONE_IN * 4;
    return draw(oneIn) === 0 ? loss : "pass";
  };
}
