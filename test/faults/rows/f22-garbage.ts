/** F22: strangers send access tokens of unknown keys, refresh tokens that are none, and guesses. Redis is not asked for garbage. */

import { countCommands } from "../../../scripts/figures/support/commands.ts";
import type { Call, HttpClient } from "../../../scripts/figures/support/http.ts";
import { inLanes } from "../../../scripts/figures/support/lanes.ts";
import { pause } from "../../../scripts/figures/support/wait.ts";
import { withDrill } from "../drill/drill.ts";
import type { Drill } from "../drill/drill.ts";
import { garbageRefreshToken, guess, randomKid } from "../support/garbage.ts";
import { redisSetup } from "../support/redis-setup.ts";
import type { RedisSetup } from "../support/redis-setup.ts";
import { OF_A_DRILL, RECOVER_MILLIS } from "./invariants.ts";
import type { Row, RowContext } from "./row.ts";

/** Of each kind: rounds × this. */
const AT_ONCE = 100;
const LANES = 16;
const NOBODY = { owners: 0, lossy: 0, browsers: [], robbed: 0, revokers: 0, passwordUsers: 0 };
const REFUSED = [400, 401, 429];

export const f22: Row = {
  id: "F22",
  title: "10,000 random kids, 10,000 garbage refresh tokens, 10,000 logins from one address",
  minutes: 3,
  invariants: OF_A_DRILL,
  rounds: 100,
  quickRounds: 5,
  async run(context) {
    const setup = await redisSetup();
    const { redis: _, ...store } = setup;
    await withDrill(context, { part: "counted", store, crowd: NOBODY, issuers: 1 }, (drill) => counted(context, drill, setup));
    const { redis: __, ...another } = await redisSetup();
    // Who logs in with a password from the address of those who guess would be slowed too.
    const options = {
      part: "loaded",
      store: another,
      crowd: { passwordUsers: 0 },
      settings: { login: { failuresPerMinutePerAddress: 100 } },
    };
    await withDrill(context, options, (drill) => loaded(context, drill));
  },
};

async function counted({ rounds }: RowContext, drill: Drill, { redis }: RedisSetup): Promise<void> {
  const client = clientOf(drill);
  for (const [what, call] of kinds(drill).slice(0, 2)) {
    const { perStep } = await countCommands(redis, rounds, () => send(drill, client, what, call));
    drill.count(`Redis commands for 1,000 ${what}`, Math.round((perStep * 1_000) / AT_ONCE));
    drill.expect(`Redis is not asked for ${what}`, perStep / AT_ONCE < 0.01);
  }
}

async function loaded({ rounds }: RowContext, drill: Drill): Promise<void> {
  const client = clientOf(drill);
  // Beside it, what is usual.
  await drill.during({ kind: "nothing", recoverMillis: 0 }, () => pause(10_000));
  for (const [what, call] of kinds(drill)) {
    await drill.during({ kind: what, recoverMillis: RECOVER_MILLIS }, async () => {
      for (let round = 0; round < rounds; round += 1) await send(drill, client, what, call);
    });
    await pause(RECOVER_MILLIS);
  }
}

function kinds({ deployment }: Drill): readonly (readonly [what: string, call: () => Call])[] {
  return [
    ["random kids", () => randomKid(deployment.issuer)],
    ["garbage refresh tokens", garbageRefreshToken],
    ["guesses", guess],
  ];
}

async function send(drill: Drill, client: HttpClient, what: string, call: () => Call): Promise<void> {
  const statuses = new Set<number>();
  await inLanes(LANES, AT_ONCE, async () => void statuses.add((await client.send(call())).status));
  // A queue of password hashes that is full says so.
  const odd = [...statuses].filter((status) => !REFUSED.includes(status) && !(what === "guesses" && status === 503));
  if (odd.length > 0) drill.expect(`${what} are refused, not answered ${odd.join(", ")}`, false);
}

function clientOf({ issuers }: Drill): HttpClient {
  const [first] = issuers;
  if (first === undefined) throw new Error("there is an issuer");
  return first.client;
}
