import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import t from "tap";
import { StoreError } from "../../src/domain/ports.ts";
import { openEmbeddedStore } from "../../src/stores/embedded/index.ts";
import type { Operation } from "../../src/stores/embedded/protocol.ts";
import { openForWriting } from "../../src/stores/embedded/schema.ts";
import { Transactions } from "../../src/stores/embedded/transaction.ts";
import { bytes, collect, HOUR_MILLIS, text } from "../contract/harness.ts";

async function freshDirectory(test: { teardown(remove: () => Promise<void>): unknown }): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "mintmark-embedded-"));
  test.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

const START = 1_800_000_000_000;
const lasting = { expiresAt: START + 1000 * HOUR_MILLIS, confirmed: false };

const insert = (key: string, length: number): Operation => ({
  kind: "swap",
  key,
  expectedLength: undefined,
  nextLength: length,
  expiresAt: lasting.expiresAt,
});

t.test("the clock is the later of the system's and the last time written, by any handle and across restarts", async (t) => {
  const directory = await freshDirectory(t);
  let time = START;
  const first = await openEmbeddedStore({ directory, clock: () => time });
  const behind = await openEmbeddedStore({ directory, clock: () => START - HOUR_MILLIS });
  t.equal(await first.now(), START);
  await first.compareAndSet("key", undefined, bytes("value"), lasting);
  t.equal(await behind.now(), START, "what another handle wrote counts");
  time = START + 5000;
  t.equal(await first.now(), START + 5000);
  time = START - 5000;
  t.equal(await first.now(), START + 5000, "what was answered is not taken back");
  await first.close();
  await behind.close();

  const again = await openEmbeddedStore({ directory, clock: () => START - HOUR_MILLIS });
  t.equal(await again.now(), START);
  await again.append("ends", bytes("end"), lasting.expiresAt);
  t.equal(await again.now(), START, "a write by an earlier clock changes nothing");
  await again.close();
});

t.test("what has expired is swept in steps, everything else stays", async (t) => {
  const directory = await freshDirectory(t);
  let time = START;
  const store = await openEmbeddedStore({ directory, clock: () => time });
  const brief = { expiresAt: START + 10_000, confirmed: false };
  const numbers = Array.from({ length: 300 }, (_, index) => index);
  await Promise.all(
    numbers.flatMap((index) => [
      store.compareAndSet(`brief:${index}`, undefined, bytes("b"), brief),
      store.compareAndSet(`lasting:${index}`, undefined, bytes("l"), lasting),
      store.append("ends", bytes(`brief ${index}`), brief.expiresAt),
    ]),
  );
  await store.append("ends", bytes("lasting"), lasting.expiresAt);
  const before = await store.read("ends", undefined, 1000);
  const tick = async () => {
    time += 1000;
    await store.ping();
    await store.ping();
  };

  for (let second = 1; second < 10; second += 1) await tick();
  t.equal((await collect(store, "brief:")).size, 300, "nothing goes a moment early");
  await tick();
  const left = (await collect(store, "brief:")).size;
  t.ok(left > 0 && left < 300, `a step is bounded: ${left} left`);
  for (let second = 0; second < 5; second += 1) await tick();
  t.equal((await collect(store, "brief:")).size, 0);
  t.equal((await collect(store, "lasting:")).size, 300);
  t.same(
    (await store.read("ends", undefined, 1000)).map(({ entry }) => text(entry)),
    ["lasting"],
  );
  t.same(
    (await store.read("ends", before[10]?.position, 10)).map(({ entry }) => text(entry)),
    ["lasting"],
    "an old position still works",
  );

  const last = Number(before.at(-1)?.position);
  t.ok(Number(await store.append("ends", bytes("next"), lasting.expiresAt)) > last, "positions are not given twice");
  await store.close();
});

t.test("one operation that fails does not spoil the others of its transaction", async (t) => {
  const directory = await freshDirectory(t);
  const database = openForWriting(join(directory, "mintmark.db"), 100);
  t.teardown(() => database.close());
  database.exec(`CREATE TRIGGER refuse BEFORE INSERT ON document WHEN NEW.key = 'bad'
    BEGIN SELECT RAISE(ABORT, 'no'); END`);
  const run = new Transactions(database).run({
    kind: "batch",
    now: START,
    operations: [insert("one", 1), insert("bad", 2), insert("two", 3)],
    bytes: bytes("122333"),
  });
  t.same(run, { kind: "committed", results: [true, null, true] });
  const rows = database.prepare("SELECT key, CAST(value AS TEXT) AS value FROM document ORDER BY key").all();
  t.same(
    rows.map((row) => [row["key"], row["value"]]),
    [
      ["one", "1"],
      ["two", "333"],
    ],
  );
});

t.test("a full disk fails the whole transaction as certainly undone, and the next one works", async (t) => {
  const directory = await freshDirectory(t);
  const database = openForWriting(join(directory, "mintmark.db"), 100);
  t.teardown(() => database.close());
  const transactions = new Transactions(database);
  const batch = (operations: readonly Operation[], size: number) =>
    transactions.run({ kind: "batch", now: START, operations, bytes: new Uint8Array(size).fill(1) });
  database.exec("PRAGMA max_page_count = 40");
  const failed = batch([insert("small", 10), insert("large", 1_000_000)], 1_000_010);
  t.same(failed, { kind: "failed", outcome: "unavailable", message: "the disk is full: make room" });
  t.equal(database.prepare("SELECT count(*) AS count FROM document").get()?.["count"], 0);
  t.same(batch([insert("small", 10)], 10), { kind: "committed", results: [true] });
});

t.test("a transaction that can't be finished is rolled back, and the next one works", async (t) => {
  const directory = await freshDirectory(t);
  const database = openForWriting(join(directory, "mintmark.db"), 100);
  t.teardown(() => database.close());
  const transactions = new Transactions(database);
  const batch = { kind: "batch", now: START, operations: [insert("key", 1)], bytes: bytes("1") } as const;
  database.exec("CREATE TRIGGER stop BEFORE UPDATE ON clock BEGIN SELECT RAISE(ABORT, 'no'); END");
  t.match(transactions.run(batch), { kind: "failed", outcome: "unavailable" });
  database.exec("DROP TRIGGER stop");
  t.same(transactions.run(batch), { kind: "committed", results: [true] }, "the key was still absent");
});

t.test("a write whose writer ends in the middle of it has an unknown outcome", async (t) => {
  const threads: Worker[] = [];
  const remember = (worker: Worker): void => void threads.push(worker);
  process.on("worker", remember);
  t.teardown(() => process.off("worker", remember));
  const store = await openEmbeddedStore({ directory: await freshDirectory(t), clock: () => START });
  t.teardown(() => store.close());
  const outcomes = new Set<string>();
  for (let round = 0; round < 20 && !outcomes.has("unknown"); round += 1) {
    const write = store.compareAndSet(`k:${round}`, undefined, bytes("v"), lasting);
    const outcome = write.then(String, (error: unknown) => (error instanceof StoreError ? error.outcome : "another error"));
    await nextTurn();
    await threads.at(-1)?.terminate();
    outcomes.add(await outcome);
    await store.ping();
  }
  outcomes.delete("true");
  t.same([...outcomes], ["unknown"]);
});

t.test("more writes than the queue holds are refused at once, the others are done", async (t) => {
  const store = await openEmbeddedStore({ directory: await freshDirectory(t), clock: () => START, commandTimeoutMillis: 60_000 });
  const writes = Array.from({ length: 10_050 }, (_, index) => store.compareAndSet(`k:${index}`, undefined, bytes("v"), lasting));
  const settled = await Promise.allSettled(writes);
  t.equal(settled.filter(({ status }) => status === "fulfilled").length, 10_000);
  const refused = settled.flatMap((of) => (of.status === "rejected" ? [of.reason] : []));
  t.equal(refused.length, 50);
  t.ok(refused.every((error) => error instanceof StoreError && error.outcome === "unavailable"));
  t.equal((await collect(store, "k:")).size, 10_000);
  await store.close();
});

t.test("keys, positions, limits and times that can't be right are a TypeError", async (t) => {
  const store = await openEmbeddedStore({ directory: await freshDirectory(t), clock: () => START });
  for (const key of ["", "ä", "a\nb", "a\0", "x".repeat(513)]) {
    await t.rejects(store.get(key), TypeError);
    await t.rejects(store.compareAndSet(key, undefined, bytes("v"), lasting), TypeError);
  }
  await t.rejects(store.compareAndSet("key", undefined, bytes("v"), { expiresAt: Number.NaN, confirmed: false }), TypeError);
  for (const position of ["", "0", "-1", "1.5", "1e3", "0-1"]) await t.rejects(store.read("ends", position, 1), TypeError);
  for (const limit of [0, -1, 1.5, Number.NaN]) await t.rejects(store.read("ends", undefined, limit), TypeError);
  await store.close();
});
