/** All documents of a prefix, in pages. */

import { StoreError } from "../../domain/ports.ts";
import type { Primary } from "./primary.ts";
import type { Routes } from "./routes.ts";

/** How many keys the server looks at for a page. */
const PAGE = 500;

export type Page = [key: string, value: Buffer][];

/**
 * Pages of what is stored as text under `keyPrefix` + `prefix`; logs are streams and are left out. Throws `StoreError`
 * where a connection was lost in the middle (the cursor means nothing to a server that restarted or to another one), or where
 * keys may have moved from a server that was still to come to one that was over.
 */
export async function* scan(routes: Routes, keyPrefix: string, prefix: string): AsyncGenerator<Page> {
  const pattern = `${(keyPrefix + prefix).replace(/[*?[\]\\]/g, "\\$&")}*`;
  const primaries = await routes.all();
  const { version } = routes;
  for (const primary of primaries) {
    for await (const keys of keysOf(primary, pattern)) {
      const page = await documents(routes, keyPrefix, keys);
      if (page.length > 0) yield page;
    }
  }
  if (primaries.length > 1) await routes.all();
  if (routes.version !== version) throw new StoreError("unavailable", "keys were moved within the Redis Cluster during a scan");
}

async function* keysOf(primary: Primary, pattern: string): AsyncGenerator<string[]> {
  const { epoch } = primary;
  let cursor = "0";
  do {
    const reply = await primary.commands().read("scan", [cursor, "MATCH", pattern, "COUNT", String(PAGE), "TYPE", "string"], "utf8");
    if (primary.epoch !== epoch) throw new StoreError("unavailable", "the connection to the Redis server was lost during a scan");
    const { next, keys } = scanned(reply);
    cursor = next;
    yield keys;
  } while (cursor !== "0");
}

function scanned(reply: unknown): { next: string; keys: string[] } {
  if (Array.isArray(reply) && typeof reply[0] === "string" && Array.isArray(reply[1])) return { next: reply[0], keys: reply[1] };
  throw new StoreError("unavailable", "the Redis server gave an answer that SCAN does not have");
}

/** One GET each: keys of one server of a cluster may not be asked for together. */
async function documents(routes: Routes, keyPrefix: string, keys: readonly string[]): Promise<Page> {
  const values = await Promise.all(keys.map((key) => routes.on(key, (primary, isAsk) => primary.commands(isAsk).read("get", [key]))));
  return values.flatMap((value, index): Page => {
    const key = keys[index];
    return key !== undefined && Buffer.isBuffer(value) ? [[key.slice(keyPrefix.length), value]] : [];
  });
}
