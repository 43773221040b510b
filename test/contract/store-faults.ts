/** Contract: what callers see when a store is closed or a call is broken off. */

import { StoreError } from "../../src/domain/ports.ts";
import type { Store } from "../../src/domain/ports.ts";
import { bytes, storeTest, text } from "./harness.ts";
import type { MakeHarness } from "./harness.ts";

type Outcome = "true" | "false" | "unavailable" | "unknown" | "another error";

async function outcomeOf(swap: Promise<boolean>): Promise<Outcome> {
  try {
    return (await swap) ? "true" : "false";
  } catch (error) {
    return error instanceof StoreError ? error.outcome : "another error";
  }
}

/** The handle's answer once it answers again. */
async function recovered(store: Store, key: string): Promise<string | undefined> {
  const attempts = 200;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return text(await store.get(key));
    } catch (error) {
      if (!(error instanceof StoreError) || attempt === attempts) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

interface BrokenOff {
  readonly outcome: Outcome;
  readonly old: string;
  readonly next: string;
  /** What an earlier swap of unknown outcome may still make of the key, late. */
  readonly late: string | undefined;
}

/** What the key may hold after `old` was to become `next` with this outcome. */
function allowed({ outcome, old, next, late }: BrokenOff): readonly (string | undefined)[] {
  if (outcome === "true") return [next];
  if (outcome === "unknown") return [old, next, late];
  return [old, late];
}

export function faultContract(name: string, makeHarness: MakeHarness): void {
  storeTest(`${name}: a closed store answers every call with a StoreError`, makeHarness, async ({ t, open, later }) => {
    const store = await open();
    const other = await open();
    const options = await later(store);
    await store.compareAndSet("kept", undefined, bytes("kept"), options);
    await store.close();
    await store.close();
    const refused = { name: "StoreError", outcome: "unavailable" };
    await t.rejects(store.get("kept"), refused);
    await t.rejects(store.compareAndSet("kept", bytes("kept"), bytes("next"), options), refused);
    await t.rejects(store.append("ends", bytes("entry"), options.expiresAt), refused);
    await t.rejects(store.read("ends", undefined, 1), refused);
    await t.rejects(store.now(), refused);
    await t.rejects(store.ping(), refused);
    await t.rejects(store.inspect(), refused);
    await t.rejects(
      (async () => {
        for await (const _ of store.scan("")) t.fail("no page");
      })(),
      refused,
    );
    t.equal(text(await other.get("kept")), "kept", "another handle goes on");
  });

  storeTest(`${name}: close lets the writes that were begun come to their end`, makeHarness, async ({ t, open, later }) => {
    const store = await open();
    const options = await later(store);
    const keys = Array.from({ length: 100 }, (_, index) => `c:${index}`);
    const swaps = keys.map((key) => outcomeOf(store.compareAndSet(key, undefined, bytes("v"), options)));
    await store.close();
    const outcomes = await Promise.all(swaps);
    t.same([...new Set(outcomes)], ["true"]);
    const again = await open();
    for (const key of keys) t.equal(text(await again.get(key)), "v");
  });

  storeTest(`${name}: a write that is broken off leaves the old value or the new one`, makeHarness, async (c) => {
    const { t, harness } = c;
    if (harness.interrupt === undefined) {
      t.comment("this harness can't break off calls");
      return;
    }
    const store = await c.open();
    const options = await c.later(store);
    const keys = Array.from({ length: 40 }, (_, index) => `f:${index}`);
    await Promise.all(keys.map((key) => store.compareAndSet(key, undefined, bytes("0"), options)));
    let brokenOff = 0;
    let late: (string | undefined)[] = [];
    for (let round = 1; round <= 8; round += 1) {
      const before = await Promise.all(keys.map((key) => recovered(store, key)));
      const swaps = keys.map((key, index) =>
        outcomeOf(store.compareAndSet(key, bytes(before[index] ?? ""), bytes(String(round)), options)),
      );
      if (round % 2 === 0) await new Promise((resolve) => setImmediate(resolve));
      await harness.interrupt();
      const outcomes = await Promise.all(swaps);
      for (const [index, outcome] of outcomes.entries()) {
        const after = await recovered(store, keys[index] ?? "");
        const swap = { outcome, old: before[index] ?? "", next: String(round), late: late[index] };
        t.ok(after !== undefined && allowed(swap).includes(after), `round ${round}: ${outcome}`);
        t.ok(outcome !== "false" || late[index] !== undefined, "nobody else wrote, so no swap was lost");
        if (outcome !== "true") brokenOff += 1;
      }
      t.notOk(outcomes.includes("another error"), "only a StoreError is thrown");
      late = outcomes.map((outcome) => (outcome === "unknown" ? String(round) : undefined));
    }
    t.comment(`${brokenOff} of ${8 * keys.length} writes were broken off`);
    let works: Outcome = "unknown";
    for (let attempt = 0; attempt < 200 && works !== "true"; attempt += 1) {
      const held = await recovered(store, "f:0");
      works = await outcomeOf(store.compareAndSet("f:0", bytes(held ?? ""), bytes("works"), options));
      if (works !== "true") await new Promise((resolve) => setTimeout(resolve, 50));
    }
    t.equal(works, "true", "the same handle works again");
  });
}
