/** A log as a stream: the position is the stream id, each entry carries when it is over. */

import type { LogEntry } from "../../domain/ports.ts";
import { StoreError } from "../../domain/ports.ts";
import type { Commands } from "./commands.ts";
import { appendScript } from "./scripts.ts";

/** Expired entries that one append drops at most: more than it adds, so that a log shrinks to what is alive. */
const TRIM_MAX = 16;

const POSITION = /^[0-9]{1,20}-[0-9]{1,20}$/;

export async function append(commands: Commands, key: string, entry: Buffer, expiry: string): Promise<string> {
  const position = await commands.run(appendScript, key, [entry, expiry, String(TRIM_MAX)]);
  if (!Buffer.isBuffer(position)) throw new StoreError("unknown", "the Redis server gave an answer that XADD does not have");
  return position.toString("latin1");
}

export async function read(commands: Commands, key: string, after: string | undefined, limit: number): Promise<LogEntry[]> {
  if (after !== undefined && !POSITION.test(after)) throw new TypeError("this is no position of a log");
  const from = after === undefined ? "-" : `(${after}`;
  const reply = await commands.read("xrange", [key, from, "+", "COUNT", String(limit)]);
  if (!Array.isArray(reply)) throw new StoreError("unavailable", "the Redis server gave an answer that XRANGE does not have");
  return reply.map(logEntry);
}

/** `[id, [x, expiresAt, e, entry]]`: see append.lua. */
function logEntry(row: unknown): LogEntry {
  if (Array.isArray(row) && Array.isArray(row[1])) {
    const [position, fields] = row;
    const entry: unknown = fields[3];
    if (Buffer.isBuffer(position) && Buffer.isBuffer(entry)) return { position: position.toString("latin1"), entry };
  }
  throw new StoreError("unavailable", "a log in the Redis server holds an entry that is not ours");
}
