/** All documents of a prefix, in pages. */

import { StoreError } from "../../domain/ports.ts";
import type { RedisConnection } from "./connection.ts";

/** How many keys the server looks at for a page. */
const PAGE = 500;

export type Page = [key: string, value: Buffer][];

/**
 * Pages of what is stored as text under `keyPrefix` + `prefix`; logs are streams and are left out. Throws `StoreError`
 * where the connection was lost in the middle: the cursor means nothing to a server that restarted or to another one.
 */
export async function* scan(connection: RedisConnection, keyPrefix: string, prefix: string): AsyncGenerator<Page> {
  const pattern = `${(keyPrefix + prefix).replace(/[*?[\]\\]/g, "\\$&")}*`;
  const { epoch } = connection;
  let cursor = "0";
  do {
    const reply = await connection.read("scan", [cursor, "MATCH", pattern, "COUNT", String(PAGE), "TYPE", "string"], "utf8");
    if (connection.epoch !== epoch) throw new StoreError("unavailable", "the connection to the Redis server was lost during a scan");
    const { next, keys } = scanned(reply);
    cursor = next;
    if (keys.length > 0) yield await documents(connection, keyPrefix, keys);
  } while (cursor !== "0");
}

function scanned(reply: unknown): { next: string; keys: string[] } {
  if (Array.isArray(reply) && typeof reply[0] === "string" && Array.isArray(reply[1])) return { next: reply[0], keys: reply[1] };
  throw new StoreError("unavailable", "the Redis server gave an answer that SCAN does not have");
}

async function documents(connection: RedisConnection, keyPrefix: string, keys: string[]): Promise<Page> {
  const values = await connection.read("mget", keys);
  if (!Array.isArray(values)) throw new StoreError("unavailable", "the Redis server gave an answer that MGET does not have");
  const page: Page = [];
  for (const [index, value] of values.entries()) {
    const key = keys[index];
    if (key !== undefined && Buffer.isBuffer(value)) page.push([key.slice(keyPrefix.length), value]);
  }
  return page;
}
