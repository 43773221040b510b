/** What must be so before a row is sent, and what is put right again afterwards. */

import { cpSync } from "node:fs";
import { join } from "node:path";
import { logIn } from "../../support/client-calls.ts";
import type { RunningIssuer } from "../../support/issuer-process.ts";
import type { RedisServer } from "../../support/redis.ts";
import { until } from "../../support/wait.ts";
import { PASSWORD } from "./world.ts";
import type { World } from "./world.ts";

type Before = (world: World) => Promise<() => Promise<void>>;

async function isBack(issuer: RunningIssuer): Promise<void> {
  await until("the store is back", async () => (await logIn(issuer, "u", PASSWORD)).status === 200);
}

function redisOf({ redis }: World): RedisServer {
  if (redis === undefined) throw new TypeError("the row is about Redis");
  return redis;
}

export const before: Readonly<Record<string, Before>> = {
  "kill -9 redis": async (world) => {
    const redis = redisOf(world);
    await redis.kill();
    return async () => {
      await redis.start();
      await isBack(world.issuer);
      await isBack(world.usual);
    };
  },
  "SIGSTOP redis, SIGCONT after 10 s": async (world) => {
    const redis = redisOf(world);
    redis.pause();
    return async () => {
      redis.resume();
      await isBack(world.issuer);
      await isBack(world.usual);
    };
  },
  "active key file removed and process asked to reload": async ({ home, issuer }) => {
    // Another node has the keys of this one, and makes one that this one gets no file of.
    cpSync(home.keysFolder, join(home.folder, "keys-of-another-node"), { recursive: true });
    const there = async (...argv: readonly string[]): Promise<string> => {
      const { code, stdout, stderr } = await home.command(argv, { env: { MINTMARK_KEYS: "file:./keys-of-another-node" } });
      if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}: ${stderr}`);
      return stdout;
    };
    const staged = async (): Promise<readonly string[]> => {
      const { keys } = JSON.parse(await there("keys", "list", "--json")) as { keys: { kid: string; alg: string; state: string }[] };
      return keys.filter((key) => key.alg === "ES256" && key.state === "staged").map(({ kid }) => kid);
    };
    const own = await staged();
    await there("keys", "stage", "--alg", "ES256");
    const [made = ""] = (await staged()).filter((kid) => !own.includes(kid));
    await there("keys", "promote", made, "--force", "--reason", "a drill");
    await until("the key that can't sign is the active one", async () => (await issuer.send("/readyz")).status === 503);
    return async () => {
      await there("keys", "revoke", made, "--force", "--reason", "a drill");
      const isKey = (path: string): boolean => !path.endsWith("ring.json");
      cpSync(join(home.folder, "keys-of-another-node"), home.keysFolder, { recursive: true, filter: isKey });
    };
  },
};

/** Rows that only a store in a process of its own can have. */
export const NEEDS_REDIS: readonly string[] = Object.keys(before).filter((name) => name.includes("redis"));
