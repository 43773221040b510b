/** Contract: all pairs of a prefix, in pages. */

import { bytes, collect, storeTest, text } from "./harness.ts";
import type { MakeHarness } from "./harness.ts";

const COUNT = 700;

export function scanContract(name: string, makeHarness: MakeHarness): void {
  storeTest(`${name}: scan gives all pairs of a prefix while others are written`, makeHarness, async ({ t, open, later }) => {
    const store = await open();
    const other = await open();
    const options = await later(store);
    const stays = Array.from({ length: COUNT }, (_, index) => `s:${String(index).padStart(4, "0")}`);
    await Promise.all(stays.map((key) => store.compareAndSet(key, undefined, bytes(`of ${key}`), options)));
    await Promise.all(["r:1", "s", "t:1"].map((key) => store.compareAndSet(key, undefined, bytes("no"), options)));

    const found = new Map<string, string | undefined>();
    let pages = 0;
    for await (const page of store.scan("s:")) {
      pages += 1;
      for (const [key, value] of page) found.set(key, text(value));
      await other.compareAndSet(`s:9${pages}`, undefined, bytes("came meanwhile"), options);
      await other.compareAndSet(`s:0699`, bytes("of s:0699"), bytes("changed"), options);
    }

    t.ok(pages > 1, "more than one page");
    for (const key of stays.slice(0, -1)) t.equal(found.get(key), `of ${key}`);
    t.ok(["of s:0699", "changed"].includes(found.get("s:0699") ?? ""), "a changed pair has one of its values");
    for (const key of found.keys()) t.ok(key.startsWith("s:"), "no other prefix");
  });

  storeTest(`${name}: scan takes the prefix literally`, makeHarness, async ({ t, open, later }) => {
    const store = await open();
    const options = await later(store);
    const keys = ["p*:1", "pa:1", "p?:1", "p[a]:1", "p\\:1", "p%:1", "p_:1", "P*:1", "p~:1"];
    for (const key of keys) await store.compareAndSet(key, undefined, bytes(key), options);
    for (const key of keys) {
      const found = await collect(store, key.slice(0, -1));
      t.same([...found.keys()], [key], `prefix of ${key}`);
    }
    t.same([...(await collect(store, "")).keys()].sort(), [...keys].sort(), "the empty prefix is everything");
    t.equal((await collect(store, "absent:")).size, 0);
  });

  storeTest(`${name}: scan can be left early`, makeHarness, async ({ t, open, later }) => {
    const store = await open();
    const options = await later(store);
    const keys = Array.from({ length: COUNT }, (_, index) => `e:${index}`);
    await Promise.all(keys.map((key) => store.compareAndSet(key, undefined, bytes("v"), options)));
    for await (const page of store.scan("e:")) {
      t.ok(page.length >= 0);
      break;
    }
    t.equal((await collect(store, "e:")).size, COUNT);
  });
}
