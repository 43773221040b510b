/** F10: Redis is slow, stands still, or is busy with a script. Requests are answered within the time that its commands may take. */

import { pause } from "../../../scripts/figures/support/wait.ts";
import type { RedisServer } from "../../support/redis.ts";
import { withDrill } from "../drill/drill.ts";
import { proxied } from "../support/proxied.ts";
import type { RedisProxy } from "../support/redis-proxy.ts";
import { redisSetup } from "../support/redis-setup.ts";
import { OF_A_DRILL, RECOVER_MILLIS } from "./invariants.ts";
import { inRounds } from "./row.ts";
import type { Row } from "./row.ts";

const COMMAND_TIMEOUT_MILLIS = 250;
const SLOW_MILLIS = 3_000;

interface Slowness {
  readonly kind: string;
  /** What was sent while it was slow may still be on its way. */
  readonly lagMillis: number;
  work(redis: RedisServer, proxies: readonly RedisProxy[]): Promise<void>;
}

const delayed = (millis: number): Slowness => ({
  kind: `every answer ${millis} ms late`,
  lagMillis: millis,
  async work(_redis, proxies) {
    // Half of it on the way there.
    for (const proxy of proxies) proxy.delayMillis = millis / 2;
    await pause(SLOW_MILLIS);
    for (const proxy of proxies) proxy.delayMillis = 0;
  },
});

const SLOW: readonly Slowness[] = [
  delayed(50),
  delayed(500),
  delayed(10_000),
  {
    kind: "redis stands still",
    lagMillis: 0,
    async work(redis) {
      redis.pause();
      await pause(SLOW_MILLIS);
      redis.resume();
    },
  },
  {
    kind: "redis busy with a script",
    lagMillis: 0,
    async work(redis) {
      await redis.command("config", "set", "busy-reply-threshold", "100");
      const busy = redis.command("eval", "while true do end", 0).catch(() => undefined);
      await pause(SLOW_MILLIS);
      await redis.command("script", "kill");
      await busy;
    },
  },
];

export const f10: Row = {
  id: "F10",
  title: "slow Redis: 50 ms, 500 ms, 10 s; stopped; a busy script",
  minutes: 4,
  invariants: OF_A_DRILL,
  rounds: 4,
  quickRounds: 1,
  async run(context) {
    const setup = await redisSetup({ appendfsync: "everysec" });
    const { proxies, options } = await proxied(setup);
    await withDrill(context, { ...options, rules: { commandTimeoutMillis: COMMAND_TIMEOUT_MILLIS } }, async (drill) => {
      await inRounds(context, async () => {
        for (const { kind, lagMillis, work } of SLOW) {
          const recoverMillis = RECOVER_MILLIS + lagMillis;
          await drill.during({ kind, isAway: true, recoverMillis }, () => work(setup.redis, proxies));
          await pause(recoverMillis);
        }
      });
    });
  },
};
