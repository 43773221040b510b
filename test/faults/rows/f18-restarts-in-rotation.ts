/**
 * F18: in each phase of a rotation an issuer is restarted, by SIGTERM and by SIGKILL. Then one stands still across a change-over,
 * and one is cut off from its store across another: whoever missed it gives no token until it has looked at the ring again,
 * and serves the JWK Set all the time.
 */

import { pause, until } from "../../../scripts/figures/support/wait.ts";
import type { IssuerProcess } from "../../../scripts/figures/support/deployment.ts";
import type { Operator } from "../../../src/issuer/types.ts";
import { RING_LAG_MILLIS } from "../../../src/domain/ring.ts";
import { withDrill } from "../drill/drill.ts";
import type { Drill } from "../drill/drill.ts";
import { claimsOf } from "../clients/session.ts";
import { activeKid, FAST_KEYS, fastRules, keysOf } from "../support/fast-keys.ts";
import { proxied } from "../support/proxied.ts";
import type { RedisProxy } from "../support/redis-proxy.ts";
import { redisSetup } from "../support/redis-setup.ts";
import { OF_A_DRILL, RECOVER_MILLIS } from "./invariants.ts";
import { inRounds } from "./row.ts";
import type { Row } from "./row.ts";

const ROTATE_SECONDS = 12;
const CHANGE_MILLIS_MAX = 120_000;
const JWKS_EVERY_MILLIS = 100;
const JWKS = { method: "GET", path: "/.well-known/jwks.json" } as const;
/** From before the change-over until whoever missed it has an old view of the ring. */
const MISSED_FROM_MILLIS = -1_000;
const MISSED_FOR_MILLIS = RING_LAG_MILLIS + 3_000;

/** By when the staged key begins to sign, milliseconds. */
const PHASES = [
  { phase: "staged", at: -8_000 },
  { phase: "just before it signs", at: -300 },
  { phase: "just after it began to sign", at: 200 },
  { phase: "with the former one retiring", at: 3_000 },
] as const;

export const f18: Row = {
  id: "F18",
  title: "issuers restarted in each phase of a rotation; one that misses a change-over",
  minutes: 6,
  invariants: OF_A_DRILL,
  rounds: 2,
  quickRounds: 1,
  async run(context) {
    const { proxies, options } = await proxied(await redisSetup());
    const settings = { keys: { ...FAST_KEYS.settings, rotateEvery: `${ROTATE_SECONDS}s` }, accessToken: FAST_KEYS.accessToken };
    await withDrill(context, { ...options, rules: fastRules(), settings, jwksEveryMillis: JWKS_EVERY_MILLIS }, async (drill) => {
      const operator = await drill.deployment.operator();
      await inRounds(context, async (round) => {
        for (const [index, { phase, at }] of PHASES.entries()) {
          const node = (round + index) % drill.issuers.length;
          context.say(`SIGTERM ${phase}`);
          await nextChange(operator, at);
          await ended(drill, node);
          context.say(`SIGKILL ${phase}`);
          await nextChange(operator, at);
          await killed(drill, node, phase);
        }
        const node = round % drill.issuers.length;
        context.say("an issuer stands still across the change-over");
        await nextChange(operator, MISSED_FROM_MILLIS);
        await stopped(drill, operator, node);
        context.say("an issuer is without its store across the change-over");
        await nextChange(operator, MISSED_FROM_MILLIS);
        await cutOff(drill, operator, node, proxies[node]);
      });
    });
  },
};

/** Resolves so long after (or before) the next moment at which another key begins to sign. */
async function nextChange(operator: Operator, offsetMillis: number): Promise<void> {
  let due = 0;
  await until(
    "a change-over is planned",
    async () => {
      const planned = (await keysOf(operator, "ES256")).filter(({ state, activeAt }) => state === "staged" && activeAt !== undefined);
      due = Math.min(...planned.map(({ activeAt = Infinity }) => activeAt)) + offsetMillis;
      return Number.isFinite(due) && due > Date.now();
    },
    CHANGE_MILLIS_MAX,
  );
  await pause(due - Date.now());
}

function running(drill: Drill, node: number): IssuerProcess {
  const issuer = drill.issuers[node];
  if (issuer === undefined) throw new Error("it was started again");
  return issuer;
}

/** No fault at all. */
async function ended(drill: Drill, node: number): Promise<void> {
  const issuer = running(drill, node);
  issuer.child.signal("SIGTERM");
  drill.expect(`issuer ${node} drains and ends with exit 0`, (await issuer.child.ended) === 0);
  await drill.stopNode(node);
  await drill.startNode(node, { port: issuer.port });
}

async function killed(drill: Drill, node: number, phase: string): Promise<void> {
  const { port } = running(drill, node);
  await drill.during({ kind: `killed ${phase}`, isCutting: true, isAway: true, recoverMillis: RECOVER_MILLIS }, async () => {
    await drill.killNode(node);
    await drill.startNode(node, { port });
  });
  await pause(RECOVER_MILLIS);
}

async function stopped(drill: Drill, operator: Operator, node: number): Promise<void> {
  const issuer = running(drill, node);
  const before = await activeKid(operator, "ES256");
  // As a load balancer does with one that does not answer; what it has taken it answers first.
  drill.targets.set(node, undefined);
  await pause(500);
  await drill.during({ kind: "an issuer stands still", isAway: true, recoverMillis: RECOVER_MILLIS }, async () => {
    issuer.child.signal("SIGSTOP");
    await pause(MISSED_FOR_MILLIS);
    issuer.child.signal("SIGCONT");
    drill.targets.set(node, issuer.client);
    await missed(drill, node, before);
  });
  await pause(RECOVER_MILLIS);
}

async function cutOff(drill: Drill, operator: Operator, node: number, proxy: RedisProxy | undefined): Promise<void> {
  if (proxy === undefined) throw new TypeError("each issuer has a proxy");
  const before = await activeKid(operator, "ES256");
  await drill.during({ kind: "an issuer without its store", isAway: true, recoverMillis: RECOVER_MILLIS }, async () => {
    proxy.isRefusing = true;
    proxy.cut();
    await pause(MISSED_FOR_MILLIS);
    const kid = await missed(drill, node, before);
    drill.expect("without its store it gives no token", kid === undefined);
    proxy.isRefusing = false;
  });
  await pause(RECOVER_MILLIS);
}

/** What one says that has missed a change-over: its JWK Set, and no token of the key that signed before. The kid of its token. */
async function missed(drill: Drill, node: number, before: string | undefined): Promise<string | undefined> {
  const jwks = drill.targets.sendTo(node, JWKS);
  const { session, result } = await drill.proberOf(node).logIn("backend", "whoever asks it first");
  drill.expect("its JWK Set is there", (await jwks)?.status === 200);
  drill.expect("it gives a token or is unavailable for a while", result.outcome !== "refused");
  const kid = session === undefined ? undefined : claimsOf(session.accessToken).kid;
  drill.expect("it signs nothing by the key of before", kid === undefined || kid !== before);
  drill.count(kid === undefined ? "unavailable after a missed change-over" : "up to date after a missed change-over", 1);
  return kid;
}
