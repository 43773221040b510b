/** A Redis of a set-up of several: it keeps its settings in a file that it may rewrite, so that it comes back as what it has become. */

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "./host.ts";
import type { RedisAuth } from "./redis-command.ts";
import { configArgs, startRedisProcess } from "./redis-process.ts";
import type { RedisConfig, RedisPlace, RedisServer } from "./redis-process.ts";

/** When an acknowledged write is on the disk. */
export type AppendFsync = "always" | "everysec" | "no";

export interface RedisNodeOptions {
  readonly config: RedisConfig;
  readonly appendfsync?: AppendFsync;
  /** Whoever connects must give it, the other servers too. With a username the default user is off. */
  readonly auth?: RedisAuth;
  /** More ACL users, e.g. `mintmark on >password ~mintmark:* +@all`. */
  readonly users?: readonly string[];
  readonly on?: Host;
  readonly findPort?: () => Promise<number>;
}

/** What we recommend to operators, but for the addresses: durable within a second, nothing evicted, replicas noticed soon. */
const recommended: RedisConfig = {
  appendonly: "yes",
  save: '""',
  "maxmemory-policy": "noeviction",
  "repl-diskless-sync": "yes",
  "repl-diskless-sync-delay": "0",
  "repl-ping-replica-period": "1",
};

/** The lines that let nobody in without these, for servers and Sentinels alike. */
export function authLines({ username, password }: RedisAuth): string[] {
  if (password === undefined) return [];
  return username === undefined ? [`requirepass ${password}`] : [`user ${username} on >${password} ~* &* +@all`, "user default off"];
}

export function configLines(config: RedisConfig): string[] {
  return Object.entries(config).map(([name, value]) => `${name} ${value}`);
}

/** Where it listens. Who may connect is said by `auth`, also beyond the loopback. */
export function placeLines({ host, port, folder }: RedisPlace): string[] {
  return configLines({ bind: host, port: String(port), dir: folder, "protected-mode": "no" });
}

/** Writes a file of settings unless it is there, rewritten perhaps; returns its path. */
export function settingsFile({ folder }: RedisPlace, lines: readonly string[]): string {
  const path = join(folder, "redis.conf");
  if (!existsSync(path)) writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

export function startRedisNode({
  config,
  appendfsync = "everysec",
  auth = {},
  users = [],
  ...where
}: RedisNodeOptions): Promise<RedisServer> {
  const { username, password } = auth;
  const toOthers = {
    ...(username === undefined ? {} : { masteruser: username }),
    ...(password === undefined ? {} : { masterauth: password }),
  };
  const lines = [
    ...configLines({ ...recommended, appendfsync, ...toOthers, ...config }),
    ...authLines(auth),
    ...users.map((user) => `user ${user}`),
  ];
  return startRedisProcess({
    ...where,
    auth,
    args: (place, changed) => [settingsFile(place, [...placeLines(place), ...lines]), ...configArgs(changed)],
  });
}
