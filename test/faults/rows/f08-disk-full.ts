/** F8: the disk under Redis is full for a while. With everysec it refuses writes; with always it ends, and is started again. */

import { pause, until } from "../../../scripts/figures/support/wait.ts";
import { withDrill } from "../drill/drill.ts";
import { redisSetup } from "../support/redis-setup.ts";
import { smallDisk } from "../support/small-disk.ts";
import type { SmallDisk } from "../support/small-disk.ts";
import type { RedisServer } from "../../support/redis.ts";
import { OF_A_DRILL, RECOVER_MILLIS } from "./invariants.ts";
import { inRounds } from "./row.ts";
import type { Row, RowContext } from "./row.ts";

/** What a few minutes of load write fits on it. */
const DISK_BYTES = 64_000_000;
const FULL_MILLIS = 3_000;
const NOTICED_MILLIS = 30_000;

export const f08: Row = {
  id: "F8",
  title: "disk full under Redis, AOF everysec and always; freed later",
  minutes: 2,
  invariants: OF_A_DRILL,
  rounds: 3,
  quickRounds: 1,
  async run(context) {
    await onSmallDisk(context, "everysec", async (disk, redis) => {
      disk.fill();
      await until("Redis says that it can't write", async () => !(await isWriting(redis)), NOTICED_MILLIS);
      await pause(FULL_MILLIS);
      disk.free();
      await until("Redis writes again", () => isWriting(redis), NOTICED_MILLIS);
    });
    await onSmallDisk(context, "always", async (disk, redis) => {
      disk.fill();
      await until("Redis ends itself", async () => !isRunning(redis.pid), NOTICED_MILLIS);
      await pause(FULL_MILLIS);
      disk.free();
      await redis.start();
    });
  },
};

type Filled = (disk: SmallDisk, redis: RedisServer) => Promise<void>;

async function onSmallDisk(context: RowContext, appendfsync: string, whileFull: Filled): Promise<void> {
  const disk = smallDisk(DISK_BYTES);
  try {
    const { redis, ...store } = await redisSetup({ appendfsync, dir: disk.folder });
    await withDrill(context, { part: appendfsync, store }, async (drill) => {
      await inRounds(context, async () => {
        const fault = { kind: `disk full, ${appendfsync}`, isAway: true, recoverMillis: RECOVER_MILLIS };
        await drill.during(fault, () => whileFull(disk, redis));
        await pause(RECOVER_MILLIS);
      });
    });
  } finally {
    disk.remove();
  }
}

async function isWriting(redis: RedisServer): Promise<boolean> {
  return String(await redis.command("info", "persistence")).includes("aof_last_write_status:ok");
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
