/**
 * F12: Redis forgets its scripts, wants another password, is a replica, loads, can't persist, lacks replicas, has a cluster
 * that is down, and at last is emptied. What it refuses is answered 503, and nobody is logged out by an empty store.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { pause } from "../../../scripts/figures/support/wait.ts";
import { freePort } from "../../support/redis.ts";
import type { RedisServer } from "../../support/redis.ts";
import { withDrill } from "../drill/drill.ts";
import type { Drill } from "../drill/drill.ts";
import { AppendOnlyFile } from "../support/append-only-file.ts";
import { proxied } from "../support/proxied.ts";
import { passAll } from "../support/redis-proxy.ts";
import type { RedisProxy } from "../support/redis-proxy.ts";
import { redisSetup } from "../support/redis-setup.ts";
import { OF_A_DRILL, RECOVER_MILLIS } from "./invariants.ts";
import { inRounds } from "./row.ts";
import type { Row } from "./row.ts";

const WRONG_MILLIS = 2_000;
const SCRIPT_FLUSHES = 10;
const WRITES = ["evalsha", "eval", "set"];

interface Trouble {
  readonly kind: string;
  begin(): Promise<unknown>;
  end(): Promise<unknown>;
}

export const f12: Row = {
  id: "F12",
  title: "SCRIPT FLUSH, wrong password, READONLY, NOREPLICAS, LOADING, MISCONF, CLUSTERDOWN, FLUSHALL",
  minutes: 4,
  invariants: OF_A_DRILL,
  rounds: 3,
  quickRounds: 1,
  async run(context) {
    const setup = await redisSetup({ appendfsync: "everysec" });
    const { proxies, options } = await proxied(setup);
    const admin = new Redis(setup.redis.port, "127.0.0.1");
    try {
      await withDrill(context, options, async (drill) => {
        const troubles = [...(await ofRedis(admin)), ...ofProxies(proxies)];
        await inRounds(context, async () => {
          // No fault at all: what the server has forgotten it is told again.
          for (let left = SCRIPT_FLUSHES; left > 0; left -= 1) await admin.script("FLUSH").then(() => pause(100));
          for (const { kind, begin, end } of troubles) {
            await drill.during({ kind, isAway: true, recoverMillis: RECOVER_MILLIS }, async () => {
              await begin();
              await pause(WRONG_MILLIS);
              await end();
            });
            await pause(RECOVER_MILLIS);
          }
        });
        await emptied(drill, setup.redis, context.folder);
      });
    } finally {
      admin.disconnect();
    }
  },
};

async function ofRedis(admin: Redis): Promise<readonly Trouble[]> {
  const config = (name: string, value: string) => admin.config("SET", name, value);
  const nobody = await freePort();
  return [
    {
      kind: "another password",
      begin: async () => {
        await config("requirepass", "another password");
        await admin.call("client", "kill", "type", "normal", "skipme", "yes");
      },
      end: () => config("requirepass", ""),
    },
    { kind: "READONLY", begin: () => admin.replicaof("127.0.0.1", nobody), end: () => admin.replicaof("NO", "ONE") },
    { kind: "NOREPLICAS", begin: () => config("min-replicas-to-write", "1"), end: () => config("min-replicas-to-write", "0") },
  ];
}

function ofProxies(proxies: readonly RedisProxy[]): readonly Trouble[] {
  const answering = (kind: string, text: string, names?: readonly string[]): Trouble => ({
    kind,
    async begin() {
      for (const proxy of proxies)
        proxy.decide = ({ name }) => (names === undefined || names.includes(name) ? { answer: `-${kind} ${text}` } : "pass");
    },
    async end() {
      for (const proxy of proxies) proxy.decide = passAll;
    },
  });
  return [
    answering("LOADING", "Redis is loading the dataset in memory"),
    answering("MISCONF", "Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.", WRITES),
    answering("CLUSTERDOWN", "The cluster is down"),
  ];
}

/** The operator gets it back from the append-only file, but for what was written since. */
async function emptied(drill: Drill, redis: RedisServer, folder: string): Promise<void> {
  const { recorder } = drill;
  const file = new AppendOnlyFile(redis, () => recorder.now());
  const fault = { kind: "FLUSHALL", isAway: true, recoverMillis: RECOVER_MILLIS };
  await drill
    .during(fault, async () => {
      const before = file.sample();
      await redis.command("flushall");
      await pause(WRONG_MILLIS * 3);
      await redis.kill();
      file.cutTo(before);
      recorder.fact({ fact: "writes_lost", from: before.at, to: recorder.now(), note: "emptied, and taken back from the file" });
      await redis.start();
    })
    .finally(() => file.close());
  for (const node of drill.issuers.keys()) {
    const log = readFileSync(join(folder, `drill-issuer-${node}.log`), "utf8");
    drill.expect(`issuer ${node} has raised an alarm: the store was emptied`, log.includes('"event":"store_emptied"'));
  }
}
