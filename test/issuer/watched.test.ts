/** The store as the issuer sees it: what is timed, what is counted, what is a gap. */

import t from "tap";
import { type Store, StoreError } from "../../src/domain/ports.ts";
import { Reach, watched } from "../../src/issuer/reach.ts";
import { memoryData, openMemoryStore } from "../support/memory-store.ts";

function meteredWorld(change: (store: Store) => Partial<Store> = () => ({})) {
  let now = 1_000;
  const told: unknown[] = [];
  const reach = new Reach(() => now);
  const store = openMemoryStore(memoryData(), () => now);
  const meter = {
    seconds: () => now / 1_000,
    took: (operation: string, seconds: number) => told.push([operation, seconds]),
    failed: (outcome: string) => told.push(outcome),
  };
  const wait = (millis: number): void => void (now += millis);
  return { reach, told, wait, store: watched({ ...store, ...change(store) }, reach, meter) };
}

const options = { expiresAt: Number.MAX_SAFE_INTEGER, confirmed: false };

t.test("reads, swaps and appends are timed, in seconds; their answers come through", async (t) => {
  const { store, told } = meteredWorld();
  const bytes = Uint8Array.of(1);
  t.equal(await store.compareAndSet("k", undefined, bytes, options), true);
  t.same(await store.get("k"), bytes);
  t.type(await store.append("log", bytes, options.expiresAt), "string");
  t.type(await store.now(), "number");
  t.same(told, [
    ["compareAndSet", 0],
    ["get", 0],
    ["append", 0],
  ]);
});

t.test("a failed call is timed and counted by its outcome, and begins a gap where the store last answered", async (t) => {
  const { store, told, reach, wait } = meteredWorld(() => ({
    get: async () => {
      wait(2_500);
      throw new StoreError("unknown", "no answer");
    },
  }));
  await store.now();
  wait(500);
  await t.rejects(store.get("k"), { name: "StoreError", outcome: "unknown" });
  t.same(told, [["get", 2.5], "unknown"]);
  t.same(reach.downtime(), [{ from: 1_000, to: 4_000 }]);
});

t.test("what the followers ask is a gap when it fails, and not in the numbers of requests", async (t) => {
  const { store, told, reach, wait } = meteredWorld(() => ({ now: () => Promise.reject(new StoreError("unavailable", "gone")) }));
  wait(1_000);
  await t.rejects(store.now(), StoreError);
  t.same(told, []);
  t.same(reach.downtime(), [{ from: 1_000, to: 2_000 }]);
});

t.test("a fault of ours is neither counted as the store's nor a gap", async (t) => {
  const { store, told, reach } = meteredWorld(() => ({ get: () => Promise.reject(new TypeError("a bug")) }));
  await t.rejects(store.get("k"), TypeError);
  t.same(told, [["get", 0]]);
  t.same(reach.downtime(), []);
});
