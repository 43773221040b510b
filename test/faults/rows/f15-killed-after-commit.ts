/**
 * F15: an issuer is killed after Redis has committed what it asked for and before it could answer its client. The client asks
 * the other issuer, and gets the same successor.
 */

import { between } from "../../../scripts/figures/support/random.ts";
import { pause } from "../../../scripts/figures/support/wait.ts";
import { withDrill } from "../drill/drill.ts";
import { proxied } from "../support/proxied.ts";
import { passAll } from "../support/redis-proxy.ts";
import type { Command, RedisProxy } from "../support/redis-proxy.ts";
import { redisSetup } from "../support/redis-setup.ts";
import { OF_A_DRILL, RECOVER_MILLIS } from "./invariants.ts";
import { inRounds } from "./row.ts";
import type { Row } from "./row.ts";

const SUBJECT_KEYS = "mintmark:s";

export const f15: Row = {
  id: "F15",
  title: "issuer killed between the store's commit and its answer",
  minutes: 4,
  invariants: OF_A_DRILL,
  rounds: 20,
  quickRounds: 3,
  async run(context) {
    const { proxies, options } = await proxied(await redisSetup({ appendfsync: "everysec" }));
    const draw = context.draw("kills");
    await withDrill(context, options, async (drill) => {
      await inRounds(context, async () => {
        const node = draw(proxies.length);
        const { [node]: issuer } = drill.issuers;
        const { [node]: proxy } = proxies;
        if (issuer === undefined || proxy === undefined) throw new Error("it was started again");
        await pause(between(draw, 300, 1_500));
        await drill.during({ kind: "killed after the commit", isCutting: true, isAway: true, recoverMillis: RECOVER_MILLIS }, async () => {
          await afterCommit(proxy, () => drill.killNode(node));
          await drill.startNode(node, { port: issuer.port });
        });
        await pause(1_000);
      });
    });
  },
};

/** Resolves when the next swap of a subject was done, and `kill` after it, before the reply went on. */
function afterCommit(proxy: RedisProxy, kill: () => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    proxy.decide = (command) => {
      if (!isSwap(command)) return "pass";
      proxy.decide = passAll;
      return { held: () => kill().then(resolve, reject) };
    };
  });
}

/** By the server's own command or by a script. */
function isSwap({ name, words }: Command): boolean {
  const key = name === "set" ? words[1] : ["evalsha", "eval"].includes(name) ? words[3] : undefined;
  return key !== undefined && key.toString().startsWith(SUBJECT_KEYS);
}
