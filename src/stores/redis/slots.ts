/** Keys, hash slots and who has them (Redis Cluster specification). */

import { StoreError } from "../../domain/ports.ts";
import { addressOf, type Node } from "./url.ts";

export const SLOTS = 16_384;

/** CRC16-CCITT (XMODEM) of the key, or of what stands between its first braces where that is not empty, modulo 16384. */
export function slotOf(key: string): number {
  const open = key.indexOf("{");
  const close = open < 0 ? -1 : key.indexOf("}", open + 1);
  const hashed = close > open + 1 ? key.slice(open + 1, close) : key;
  let crc = 0;
  for (const byte of Buffer.from(hashed)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  }
  return (crc & 0xffff) % SLOTS;
}

export interface SlotMap {
  /** The primary of each slot; undefined where nobody serves it. */
  readonly owners: readonly (Node | undefined)[];
  /** Each server that has slots, once. */
  readonly primaries: readonly Node[];
  /** Replicas, too: whom to ask when no primary answers. */
  readonly nodes: readonly Node[];
}

/** From the reply of CLUSTER SLOTS; a missing host is that of whoever was asked. Throws `StoreError`. */
export function slotMap(reply: unknown, asked: Node): SlotMap {
  if (!Array.isArray(reply)) throw unreadable();
  const owners: (Node | undefined)[] = Array.from({ length: SLOTS });
  const primaries = new Map<string, Node>();
  const nodes = new Map<string, Node>();
  for (const row of reply) {
    if (!Array.isArray(row)) throw unreadable();
    const [first, last, ...members] = row as unknown[];
    if (typeof first !== "number" || typeof last !== "number") throw unreadable();
    const [owner, ...replicas] = members.map((member) => nodeOf(member, asked));
    if (owner === undefined) throw unreadable();
    for (const node of [owner, ...replicas]) nodes.set(addressOf(node), node);
    owners.fill(owner, first, last + 1);
    primaries.set(addressOf(owner), owner);
  }
  return { owners, primaries: [...primaries.values()], nodes: [...nodes.values()] };
}

/** `[host or null, port, id, …]`. */
function nodeOf(member: unknown, asked: Node): Node {
  const [host, port] = Array.isArray(member) ? (member as unknown[]) : [];
  if (typeof port !== "number") throw unreadable();
  return { host: typeof host === "string" && host !== "" && host !== "?" ? host : asked.host, port };
}

function unreadable(): StoreError {
  return new StoreError("unavailable", "the Redis server gave an answer that CLUSTER SLOTS does not have");
}
