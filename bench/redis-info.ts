/** Numbers of Redis' INFO. */

import type { RedisServer } from "../test/support/redis.ts";

export async function infoNumber(server: RedisServer, section: string, name: string): Promise<number> {
  const info = String(await server.command("info", section));
  const value = Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? Number.NaN);
  if (Number.isNaN(value)) throw new Error(`INFO ${section} has no number ${name}`);
  return value;
}
