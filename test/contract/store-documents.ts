/** Contract: one document, read and swapped. */

import { bytes, HOUR_MILLIS, plain, storeTest, text } from "./harness.ts";
import type { MakeHarness } from "./harness.ts";

interface Swap {
  readonly title: string;
  readonly held: string | undefined;
  readonly expected: string | undefined;
  readonly next: string | undefined;
  readonly swapped: boolean;
}

const swaps: readonly Swap[] = [
  { title: "absent to value", held: undefined, expected: undefined, next: "a", swapped: true },
  { title: "absent to absent", held: undefined, expected: undefined, next: undefined, swapped: true },
  { title: "a value expected where there is none", held: undefined, expected: "a", next: "b", swapped: false },
  { title: "removal expected where there is none", held: undefined, expected: "a", next: undefined, swapped: false },
  { title: "value to value", held: "a", expected: "a", next: "b", swapped: true },
  { title: "value to the same value", held: "a", expected: "a", next: "a", swapped: true },
  { title: "value to absent", held: "a", expected: "a", next: undefined, swapped: true },
  { title: "another value expected", held: "a", expected: "b", next: "c", swapped: false },
  { title: "removal of another value", held: "a", expected: "b", next: undefined, swapped: false },
  { title: "absent expected where there is a value", held: "a", expected: undefined, next: "b", swapped: false },
  { title: "absent to absent where there is a value", held: "a", expected: undefined, next: undefined, swapped: false },
  { title: "the beginning of the value expected", held: "ab", expected: "a", next: "c", swapped: false },
  { title: "more than the value expected", held: "a", expected: "ab", next: "c", swapped: false },
  { title: "the value in other letters expected", held: "a", expected: "A", next: "c", swapped: false },
];

const maybe = (value: string | undefined): Uint8Array | undefined => (value === undefined ? undefined : bytes(value));

export function documentContract(name: string, makeHarness: MakeHarness): void {
  storeTest(`${name}: a key that was never set is absent`, makeHarness, async ({ t, open }) => {
    const store = await open();
    t.equal(await store.get("nothing"), undefined);
  });

  storeTest(`${name}: compareAndSet swaps exactly where the key holds what was expected`, makeHarness, async (c) => {
    const store = await c.open();
    for (const [index, swap] of swaps.entries()) {
      for (const confirmed of [false, true]) {
        const options = { ...(await c.later(store)), confirmed };
        const key = `swap:${index}:${confirmed}`;
        if (swap.held !== undefined) await store.compareAndSet(key, undefined, bytes(swap.held), options);
        const swapped = await store.compareAndSet(key, maybe(swap.expected), maybe(swap.next), options);
        c.t.equal(swapped, swap.swapped, `${swap.title}, confirmed ${confirmed}`);
        c.t.equal(text(await store.get(key)), swap.swapped ? swap.next : swap.held, `${swap.title}: what it holds`);
      }
    }
  });

  storeTest(`${name}: values come back byte for byte`, makeHarness, async ({ t, open, later }) => {
    const store = await open();
    const options = await later(store);
    const values = [
      Uint8Array.of(0),
      Uint8Array.of(0, 0, 0),
      Uint8Array.of(0x0d, 0x0a, 0xff, 0xfe, 0xc3, 0x28, 0),
      Uint8Array.from({ length: 256 }, (_, index) => index),
      Uint8Array.from({ length: 65_536 }, (_, index) => (index * 31 + (index >> 8)) & 0xff),
    ];
    for (const [index, value] of values.entries()) {
      const key = `bytes:${index}`;
      t.equal(await store.compareAndSet(key, undefined, value, options), true);
      t.same(plain(await store.get(key)), value, `value ${index}`);
      t.equal(await store.compareAndSet(key, value, bytes("done"), options), true, `value ${index} can be expected`);
    }
  });

  storeTest(`${name}: a value that is a view of a larger buffer is stored without its surroundings`, makeHarness, async (c) => {
    const store = await c.open();
    const view = Buffer.from("--value--").subarray(2, 7);
    c.t.equal(await store.compareAndSet("view", undefined, view, await c.later(store)), true);
    c.t.equal(text(await store.get("view")), "value");
    c.t.equal(await store.compareAndSet("view", Buffer.from("xvaluex").subarray(1, 6), bytes("next"), await c.later(store)), true);
  });

  storeTest(`${name}: an empty value is a TypeError and changes nothing`, makeHarness, async ({ t, open, later }) => {
    const store = await open();
    const options = await later(store);
    const empty = new Uint8Array(0);
    await t.rejects(store.compareAndSet("empty", undefined, empty, options), TypeError);
    await t.rejects(store.compareAndSet("empty", empty, bytes("a"), options), TypeError);
    await t.rejects(store.append("empty", empty, options.expiresAt), TypeError);
    t.equal(await store.get("empty"), undefined);
  });

  storeTest(`${name}: a value that is over may be forgotten, and its key can be used again`, makeHarness, async (c) => {
    const store = await c.open();
    const options = await c.later(store);
    const over = { expiresAt: options.expiresAt - 2 * HOUR_MILLIS, confirmed: false };
    c.t.equal(await store.compareAndSet("over", undefined, bytes("old"), over), true);
    const held = await store.get("over");
    c.t.ok(held === undefined || text(held) === "old");
    // It may be forgotten between the two calls, too.
    const swap = (expected: Uint8Array | undefined): Promise<boolean> => store.compareAndSet("over", expected, bytes("new"), options);
    c.t.ok((await swap(held)) || (held !== undefined && (await swap(undefined))));
    c.t.equal(text(await store.get("over")), "new");
  });

  storeTest(`${name}: every handle sees what another one was told is stored`, makeHarness, async ({ t, open, later }) => {
    const first = await open();
    const second = await open();
    const options = await later(first);
    let held: Uint8Array | undefined;
    for (let round = 0; round < 50; round += 1) {
      const [writer, reader] = round % 2 === 0 ? [first, second] : [second, first];
      const next = bytes(`round ${round}`);
      t.equal(await writer.compareAndSet("shared", held, next, options), true);
      held = await reader.get("shared");
      t.same(plain(held), next);
    }
  });

  storeTest(`${name}: the store's clock is plausible and never runs back`, makeHarness, async ({ t, open }) => {
    const stores = [await open(), await open()];
    let last = 0;
    for (let round = 0; round < 20; round += 1) {
      for (const store of stores) {
        const now = await store.now();
        t.ok(Number.isFinite(now) && now >= last, "not before the last answer");
        last = now;
      }
    }
    t.ok(Math.abs(last - Date.now()) < HOUR_MILLIS, "within an hour of this machine's clock");
  });

  storeTest(`${name}: ping answers, inspect finds no fault in a good store`, makeHarness, async ({ t, open }) => {
    const store = await open();
    await store.ping();
    const findings = await store.inspect();
    t.ok(findings.length > 0);
    for (const found of findings) {
      t.not(found.severity, "fault", `${found.subject}: ${found.finding}`);
      t.notMatch(`${found.subject}${found.finding}${found.advice ?? ""}`, /\n/u, "one line each");
    }
  });

  storeTest(`${name}: listening for a change of primary can be stopped, more than once`, makeHarness, async ({ t, open }) => {
    const store = await open();
    const stop = store.onPrimaryChange(() => t.fail("nothing has changed"));
    stop();
    stop();
    await store.ping();
    t.equal(await store.takesWrites(), true);
  });
}
