/** Contract: many swaps, one after another against a model, and all at once. */

import fc, { runs } from "../support/fast-check.ts";
import type { Store } from "../../src/domain/ports.ts";
import { bytes, collect, plain, storeTest, text } from "./harness.ts";
import type { MakeHarness } from "./harness.ts";

const keyNames = ["a", "b", "c"] as const;
const value = fc.option(fc.constantFrom("x", "y", "z", "\0", "x\0"), { nil: undefined });
const step = fc.record({
  key: fc.constantFrom(...keyNames),
  handle: fc.constantFrom(0, 1),
  /** True: expects what the model holds; false: expects `guess`. */
  right: fc.boolean(),
  guess: value,
  next: value,
});

const maybe = (of: string | undefined): Uint8Array | undefined => (of === undefined ? undefined : bytes(of));

export function historyContract(name: string, makeHarness: MakeHarness): void {
  storeTest(`${name}: random histories of swaps agree with a map`, makeHarness, async ({ t, open, later }) => {
    const stores = [await open(), await open()];
    const options = await later(stores[0] as Store);
    let run = 0;
    const agrees = fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      run += 1;
      const prefix = `h:${run}:`;
      const model = new Map<string, string>();
      for (const { key, handle, right, guess, next } of steps) {
        const store = stores[handle] as Store;
        const held = model.get(key);
        const expected = right ? held : guess;
        const swapped = await store.compareAndSet(prefix + key, maybe(expected), maybe(next), options);
        if (swapped !== (held === expected)) return false;
        if (swapped && next === undefined) model.delete(key);
        if (swapped && next !== undefined) model.set(key, next);
        if (text(await store.get(prefix + key)) !== model.get(key)) return false;
      }
      const found = await collect(stores[0] as Store, prefix);
      return found.size === model.size && [...model].every(([key, of]) => text(found.get(prefix + key)) === of);
    });
    await fc.assert(agrees, { numRuns: runs(40) });
    t.ok(run >= 40);
  });

  storeTest(`${name}: of 64 swaps at once on two handles one wins`, makeHarness, async ({ t, open, later }) => {
    const stores = [await open(), await open()];
    const options = await later(stores[0] as Store);
    let held: Uint8Array | undefined;
    for (let round = 0; round < 20; round += 1) {
      const expected = held;
      const nexts = Array.from({ length: 64 }, (_, index) => bytes(`${round}:${index}`));
      const won = await Promise.all(nexts.map((next, index) => (stores[index % 2] as Store).compareAndSet("one", expected, next, options)));
      t.equal(won.filter(Boolean).length, 1, `round ${round}`);
      held = await (stores[round % 2] as Store).get("one");
      t.same(plain(held), nexts[won.indexOf(true)], "the winner's value is held");
    }
  });

  storeTest(`${name}: no increment of a counter is lost between two handles`, makeHarness, async ({ t, open, later }) => {
    const stores = [await open(), await open()];
    const options = await later(stores[0] as Store);
    const increment = async (store: Store): Promise<void> => {
      for (;;) {
        const held = await store.get("counter");
        const next = bytes(String(Number(text(held) ?? "0") + 1));
        if (await store.compareAndSet("counter", held, next, options)) return;
      }
    };
    const worker = async (store: Store): Promise<void> => {
      for (let turn = 0; turn < 10; turn += 1) await increment(store);
    };
    await Promise.all(Array.from({ length: 10 }, (_, index) => worker(stores[index % 2] as Store)));
    t.equal(text(await (stores[0] as Store).get("counter")), "100");
  });

  storeTest(`${name}: swaps of different keys at once don't disturb each other`, makeHarness, async ({ t, open, later }) => {
    const store = await open();
    const options = await later(store);
    const keys = Array.from({ length: 500 }, (_, index) => `k:${index}`);
    const set = (key: string) => store.compareAndSet(key, undefined, bytes(key), options);
    t.ok((await Promise.all(keys.map(set))).every(Boolean), "all were absent");
    t.notOk((await Promise.all(keys.map(set))).some(Boolean), "none is absent now");
    const held = await Promise.all(keys.map((key) => store.get(key)));
    t.same(held.map(text), keys);
  });
}
