/** A store in memory, for tests of the flows: it passes the same contract as the real ones and forgets nothing. */

import type { Bytes, Clock, LogEntry, SetOptions, Store } from "../../src/domain/ports.ts";
import { StoreError } from "../../src/domain/ports.ts";

const PAGE = 100;

/** What all handles of one store share. */
export interface MemoryData {
  readonly documents: Map<string, Bytes>;
  readonly logs: Map<string, LogEntry[]>;
  position: number;
  lastNow: number;
}

export function memoryData(): MemoryData {
  return { documents: new Map(), logs: new Map(), position: 0, lastNow: 0 };
}

export function openMemoryStore(data: MemoryData, clock: Clock): Store {
  let isClosed = false;

  /** Each call takes a turn of its own, so that callers meet as they do with a real store. */
  async function call<T>(work: () => T): Promise<T> {
    if (isClosed) throw new StoreError("unavailable", "the store is closed");
    await Promise.resolve();
    return work();
  }

  return {
    get: (key) => call(() => data.documents.get(key)?.slice()),
    compareAndSet: async (key, expected, next, options: SetOptions) => {
      if (expected?.length === 0 || next?.length === 0) throw new TypeError("a value has at least one byte");
      if (!Number.isFinite(options.expiresAt)) throw new TypeError("expiresAt is a time");
      return call(() => {
        if (!isSame(data.documents.get(key), expected)) return false;
        if (next === undefined) data.documents.delete(key);
        else data.documents.set(key, Uint8Array.from(next));
        return true;
      });
    },
    async *scan(prefix) {
      const found = await call(() => [...data.documents].filter(([key]) => key.startsWith(prefix)));
      for (let from = 0; from < found.length; from += PAGE) {
        await Promise.resolve();
        yield found.slice(from, from + PAGE).map(([key, value]) => [key, data.documents.get(key)?.slice() ?? value] as const);
      }
    },
    append: async (log, entry, _expiresAt) => {
      if (entry.length === 0) throw new TypeError("an entry has at least one byte");
      return call(() => {
        data.position += 1;
        const position = String(data.position);
        data.logs.set(log, [...(data.logs.get(log) ?? []), { position, entry: Uint8Array.from(entry) }]);
        return position;
      });
    },
    read: (log, after, limit) =>
      call(() =>
        (data.logs.get(log) ?? []).filter(({ position }) => after === undefined || Number(position) > Number(after)).slice(0, limit),
      ),
    now: () =>
      call(() => {
        data.lastNow = Math.max(data.lastNow, clock());
        return data.lastNow;
      }),
    takesWrites: () => call(() => true),
    ping: () => call(() => undefined),
    inspect: () => call(() => [{ severity: "ok" as const, subject: "durability", finding: "a store in memory, for tests" }]),
    onPrimaryChange: () => () => undefined,
    close: async () => {
      isClosed = true;
    },
  };
}

function isSame(a: Bytes | undefined, b: Bytes | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return Buffer.compare(a, b) === 0;
}
