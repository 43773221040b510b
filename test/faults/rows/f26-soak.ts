/** F26: half an hour at half of what the machine can do, then silence: everything that was taken is given back. */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { pause } from "../../../scripts/figures/support/wait.ts";
import type { RedisServer } from "../../support/redis.ts";
import { withDrill } from "../drill/drill.ts";
import type { Drill } from "../drill/drill.ts";
import { redisSetup } from "../support/redis-setup.ts";
import { OF_A_DRILL } from "./invariants.ts";
import { inRounds } from "./row.ts";
import type { Row } from "./row.ts";

const MINUTE_MILLIS = 60_000;
/** Sessions end so soon after their last use that what they leave is gone before the last look. */
const LIFETIME_MILLIS = 20_000;
const ASSERTION_MILLIS = 60_000;
/** A heap that grows to what it needs is no leak: the base is taken when it has. */
const WARM_UP_MILLIS = 60_000;
const MEMORY_SPARE_BYTES = 64 * 1024 * 1024;
const SOCKETS_SPARE = 4;

interface Held {
  readonly memoryBytes: number;
  readonly sockets: number;
}

export const f26: Row = {
  id: "F26",
  title: "soak at half load, then a look for leaks; a round is a minute",
  minutes: 35,
  invariants: [...OF_A_DRILL, "I14"],
  rounds: 30,
  quickRounds: 2,
  async run(context) {
    const { redis, ...store } = await redisSetup();
    const millis = `${LIFETIME_MILLIS}ms`;
    const settings = { accessToken: { lifetime: millis } };
    const rules = { idleLifetimeMillis: LIFETIME_MILLIS, keyedRetryWindowMillis: LIFETIME_MILLIS };
    await withDrill(context, { store, settings, rules, written: store.written }, async (drill) => {
      const keysBefore = await keysOf(redis);
      await pause(WARM_UP_MILLIS);
      const before = heldBy(drill);
      await inRounds(context, () => pause(MINUTE_MILLIS));
      await drill.quieten();
      // Assertions are remembered longest; the keys of sessions go with their lifetime.
      context.say("waiting for what expires");
      await pause(LIFETIME_MILLIS + ASSERTION_MILLIS);
      const after = heldBy(drill);
      for (const [node, held] of after.entries()) leakOf(drill, node, before[node] ?? held, held);
      const keysAfter = await keysOf(redis);
      drill.count("keys left", keysAfter.length);
      drill.told("I14", `${keysAfter.length} keys in Redis, ${keysBefore.length} at the start`, keysAfter.length <= keysBefore.length);
    });
  },
};

function leakOf(drill: Drill, node: number, before: Held, after: Held): void {
  const text = (one: Held): string => `${Math.round(one.memoryBytes / 1024 / 1024)} MiB, ${one.sockets} sockets`;
  drill.told("I14", `issuer ${node}: ${text(before)} before, ${text(after)} after`, isGivenBack(before, after));
}

function isGivenBack(before: Held, after: Held): boolean {
  return after.memoryBytes <= before.memoryBytes + MEMORY_SPARE_BYTES && after.sockets <= before.sockets + SOCKETS_SPARE;
}

/** By the system's own account (Linux). */
function heldBy({ issuers }: Drill): readonly Held[] {
  return issuers.flatMap((issuer) => (issuer === undefined ? [] : [heldByProcess(issuer.child.pid)]));
}

function heldByProcess(pid: number): Held {
  const kibibytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  return { memoryBytes: kibibytes * 1024, sockets: socketsOf(pid) };
}

function socketsOf(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((name) => isSocket(`${folder}/${name}`)).length;
}

function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith("socket:");
  } catch {
    // Closed meanwhile.
    return false;
  }
}

/** But for used assertions, which are kept an hour longer than they are good for. */
async function keysOf(redis: RedisServer): Promise<readonly string[]> {
  const names = (await redis.command("keys", "*")) as string[];
  return names.filter((name) => !name.startsWith("mintmark:j"));
}
