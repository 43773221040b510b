/** Real redis-server processes on free loopback ports, each in a folder of its own. */

import { skipWithout } from "../../scripts/system-program.ts";
import { REDIS_SERVER } from "../../scripts/test-programs.ts";
import { configArgs, startRedisProcess } from "./redis-process.ts";
import type { RedisConfig, RedisServer } from "./redis-process.ts";

export { freePort } from "./free-port.ts";
export type { RedisConfig, RedisServer } from "./redis-process.ts";

export interface RedisServerOptions {
  /** `save` and `appendonly` are off where nothing is said. */
  readonly config?: RedisConfig;
  /** For `command` where the server wants one. */
  readonly password?: string;
}

/** For tap's `skip`: the reason where no redis-server is there, else false. */
export const skipWithoutRedis: string | false = skipWithout(REDIS_SERVER);

export function startRedis({ config = {}, password }: RedisServerOptions = {}): Promise<RedisServer> {
  return startRedisProcess({
    args: ({ host, port, folder }, changed) =>
      configArgs({ bind: host, port: String(port), dir: folder, save: "", appendonly: "no", ...config, ...changed }),
    auth: password === undefined ? {} : { password },
  });
}
