/**
 * F17: keys rotate every few seconds under load, the MAC keys of refresh tokens with them, by the server and by the operator.
 * Every JWK Set that was served is in the history: I6 and I7 are about each of them.
 */

import { pause, until } from "../../../scripts/figures/support/wait.ts";
import type { Operator } from "../../../src/issuer/types.ts";
import { withDrill } from "../drill/drill.ts";
import type { Drill } from "../drill/drill.ts";
import { activeKid, FAST_KEYS, fastRules, mustRun } from "../support/fast-keys.ts";
import { redisSetup } from "../support/redis-setup.ts";
import { OF_A_DRILL } from "./invariants.ts";
import { inRounds } from "./row.ts";
import type { Row } from "./row.ts";

const CHANGE_MILLIS_MAX = 60_000;
const JWKS_EVERY_MILLIS = 100;
const SPARE_MILLIS = 1_500;
const ALGORITHMS = ["ES256", "EdDSA"] as const;

export const f17: Row = {
  id: "F17",
  title: "key rotation under load in fast time, MAC keys too",
  minutes: 5,
  invariants: OF_A_DRILL,
  rounds: 30,
  quickRounds: 3,
  async run(context) {
    const { redis: _, ...store } = await redisSetup();
    const settings = { keys: { ...FAST_KEYS.settings, rotateEvery: "8s" }, accessToken: FAST_KEYS.accessToken };
    const options = { store, written: store.written, rules: fastRules(), settings, jwksEveryMillis: JWKS_EVERY_MILLIS };
    await withDrill(context, options, async (drill) => {
      const operator = await drill.deployment.operator();
      await inRounds(context, () => oneCycle(drill, operator));
      drill.expect("every key that signed in turn was another one", (await changeOvers(operator)) >= context.rounds);
      await lateIntrospection(drill);
    });
  },
};

/** A change-over of each algorithm, and one of the MAC key that the operator asks for, in the middle of retries. */
async function oneCycle(drill: Drill, operator: Operator): Promise<void> {
  const before = await Promise.all([...ALGORITHMS, "HS256" as const].map((algorithm) => activeKid(operator, algorithm)));
  await mustRun(drill, ["keys", "rotate", "--mac"]);
  for (const [index, algorithm] of [...ALGORITHMS, "HS256" as const].entries()) {
    await until(
      `another ${algorithm} key is active`,
      async () => (await activeKid(operator, algorithm)) !== before[index],
      CHANGE_MILLIS_MAX,
    );
    drill.count(`change-overs of ${algorithm}`, 1);
  }
}

/** Of the signing algorithm with the fewest. */
async function changeOvers(operator: Operator): Promise<number> {
  const keys = await operator.listKeys(false);
  const over = (algorithm: string): number => keys.filter(({ alg, retiringAt }) => alg === algorithm && retiringAt !== undefined).length;
  return Math.min(...ALGORITHMS.map(over));
}

/** What has expired is taken by nobody (I8), also where its key is still published. */
async function lateIntrospection(drill: Drill): Promise<void> {
  await drill.quieten();
  await pause(FAST_KEYS.lifetimeMillis + drill.rules.clockSkewMillis + SPARE_MILLIS);
  const calls = drill.prober("late");
  for (const session of drill.ledger.sessions) await calls.introspectAccessToken(session, session.accessToken);
}
