/** Contract: logs with one total order each. */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { LogEntry, Store } from "../../src/domain/ports.ts";
import { bytes, plain, storeTest, text } from "./harness.ts";
import type { MakeHarness } from "./harness.ts";

const words = (entries: readonly LogEntry[]): (string | undefined)[] => entries.map(({ entry }) => text(entry));

/** Everything after `after`, in steps of `limit`, as a follower of the log reads it. */
async function follow(store: Store, log: string, limit: number): Promise<LogEntry[]> {
  const all: LogEntry[] = [];
  for (;;) {
    const entries = await store.read(log, all.at(-1)?.position, limit);
    if (entries.length === 0) return all;
    all.push(...entries);
  }
}

export function logContract(name: string, makeHarness: MakeHarness): void {
  storeTest(`${name}: a log that nobody appended to is empty`, makeHarness, async ({ t, open }) => {
    const store = await open();
    t.same(await store.read("ends", undefined, 10), []);
  });

  storeTest(`${name}: a log is read in the order of its acknowledgements, from any position`, makeHarness, async (c) => {
    const { t } = c;
    const store = await c.open();
    const other = await c.open();
    const { expiresAt } = await c.later(store);
    const positions: string[] = [];
    for (let index = 0; index < 12; index += 1) {
      positions.push(await (index % 2 === 0 ? store : other).append("ends", bytes(`entry ${index}`), expiresAt));
    }
    t.equal(new Set(positions).size, 12, "each has a position of its own");

    const all = await store.read("ends", undefined, 100);
    t.same(
      words(all),
      positions.map((_, index) => `entry ${index}`),
    );
    t.same(
      all.map(({ position }) => position),
      positions,
      "read names the positions that append gave",
    );
    for (const [index, position] of positions.entries()) {
      t.same(words(await other.read("ends", position, 3)), words(all.slice(index + 1, index + 4)), `after ${index}`);
    }
    t.same(await store.read("ends", positions.at(-1), 10), [], "nothing after the last");
  });

  storeTest(`${name}: logs of different names don't mix`, makeHarness, async ({ t, open, later }) => {
    const store = await open();
    const { expiresAt } = await later(store);
    for (const log of ["one", "two", "one", "two", "two"]) await store.append(log, bytes(log), expiresAt);
    t.same(words(await store.read("one", undefined, 10)), ["one", "one"]);
    t.same(words(await store.read("two", undefined, 10)), ["two", "two", "two"]);
    t.same(await store.read("on", undefined, 10), []);
  });

  storeTest(`${name}: entries come back byte for byte`, makeHarness, async ({ t, open, later }) => {
    const store = await open();
    const { expiresAt } = await later(store);
    const entries = [Uint8Array.of(0), Uint8Array.from({ length: 4096 }, (_, index) => index & 0xff)];
    for (const entry of entries) await store.append("ends", entry, expiresAt);
    const read = await store.read("ends", undefined, 10);
    t.same(
      read.map(({ entry }) => plain(entry)),
      entries,
    );
  });

  storeTest(`${name}: who follows a log while it is written misses nothing`, makeHarness, async ({ t, open, later }) => {
    const writers = [await open(), await open()];
    const reader = await open();
    const { expiresAt } = await later(reader);
    const seen: LogEntry[] = [];
    let writing = true;
    const following = (async () => {
      for (;;) {
        const last = !writing;
        const entries = await reader.read("ends", seen.at(-1)?.position, 7);
        seen.push(...entries);
        if (last && entries.length === 0) return;
        // A store may answer without leaving this turn, and then the writers would never have theirs.
        await nextTurn();
      }
    })();
    const append = async (store: Store, writer: number) => {
      for (let index = 0; index < 60; index += 1) await store.append("ends", bytes(`${writer}:${index}`), expiresAt);
    };
    await Promise.all([0, 1, 2, 3].map((writer) => append(writers[writer % 2] as Store, writer)));
    writing = false;
    await following;

    const wanted = [0, 1, 2, 3].flatMap((writer) => Array.from({ length: 60 }, (_, index) => `${writer}:${index}`));
    t.same([...new Set(words(seen))].sort(), wanted.sort(), "every acknowledged entry was seen");
    t.same(words(await follow(reader, "ends", 11)), words(seen), "a second reader sees the same order");
    for (const writer of [0, 1, 2, 3]) {
      const own = words(seen).filter((word) => word?.startsWith(`${writer}:`));
      t.same(
        own,
        Array.from({ length: 60 }, (_, index) => `${writer}:${index}`),
        "one writer's entries keep their order",
      );
    }
  });
}
