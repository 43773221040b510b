/** Confirmed writes: acknowledged when enough replicas have them, by number, and never on a guess. */

import { setTimeout as delay } from "node:timers/promises";
import t from "tap";
import { skipWithoutRedis } from "../../support/redis.ts";
import type { RedisServer } from "../../support/redis.ts";
import { answers, bytes, failure, held, proxy, server, store, text, until } from "./support.ts";

const skip = skipWithoutRedis;
const confirmed = () => ({ ...held(), confirmed: true });

async function replicaOf(t: Parameters<typeof server>[0], primary: RedisServer): Promise<RedisServer> {
  const replica = await server(t, { config: { "repl-diskless-sync-delay": "0" } });
  await replica.command("replicaof", "127.0.0.1", primary.port);
  const isOnline = async () =>
    /slave0:.*state=online/.test(String(await primary.command("info", "replication"))) &&
    String(await replica.command("info", "replication")).includes("master_link_status:up");
  while (!(await isOnline())) await delay(50);
  return replica;
}

t.test("confirmed writes are acknowledged where a replica has them; others don't wait", { skip }, async (t) => {
  const primary = await server(t, { config: { "repl-diskless-sync-delay": "0" } });
  const replica = await replicaOf(t, primary);
  const opened = await store(t, primary.url, { waitReplicas: 1, commandTimeoutMillis: 4_000 });
  await answers(opened);
  t.equal(await opened.compareAndSet("k", undefined, bytes("1"), confirmed()), true);
  t.equal(await replica.command("get", "test:k"), "1", "it is there when it is acknowledged");
  t.equal(await opened.compareAndSet("k", bytes("1"), bytes("2"), confirmed()), true);
  t.equal(await replica.command("get", "test:k"), "2");
  t.equal(await opened.compareAndSet("k", bytes("1"), bytes("3"), confirmed()), false);
  await opened.append("l", bytes("e"), held().expiresAt);
  t.equal(await replica.command("xlen", "test:log:l"), 1);
  t.equal(await opened.compareAndSet("k", bytes("2"), undefined, confirmed()), true);
  t.equal(await replica.command("exists", "test:k"), 0);
  const before = await primary.calls("wait");
  await opened.compareAndSet("u", undefined, bytes("1"), held());
  t.equal(await primary.calls("wait"), before);
});

t.test("without enough replicas a confirmed write is unknown, by number; a lost swap is told all the same", { skip }, async (t) => {
  const primary = await server(t, { config: { "repl-diskless-sync-delay": "0" } });
  const replica = await replicaOf(t, primary);
  const opened = await store(t, primary.url, { waitReplicas: 2, commandTimeoutMillis: 1_500 });
  await answers(opened);
  const doubt = { outcome: "unknown", message: "1 of 2 replicas have confirmed the write (redis.waitReplicas)" };
  t.match(await failure(opened.compareAndSet("k", undefined, bytes("1"), confirmed())), doubt);
  t.equal(text(await opened.get("k")), "1", "it was done; whether it lasts nobody knows");
  t.match(await failure(opened.append("l", bytes("e"), held().expiresAt)), doubt);
  t.equal(await opened.compareAndSet("k", bytes("0"), bytes("2"), confirmed()), false, "nothing was written");
  t.equal(await opened.compareAndSet("k", bytes("1"), bytes("2"), held()), true, "what is not confirmed does not wait");
  const once = await store(t, primary.url, { waitReplicas: 1, commandTimeoutMillis: 1_500 });
  await answers(once);
  t.equal(await once.compareAndSet("k", bytes("2"), bytes("2"), confirmed()), true, "written again, it is waited for again");
  replica.pause();
  t.match(await failure(once.compareAndSet("k", bytes("2"), bytes("2"), confirmed())), { outcome: "unknown" }, "and not taken for granted");
  replica.resume();
});

t.test("many at once share their WAITs, and each learns of its own", { skip }, async (t) => {
  const primary = await server(t, { config: { "repl-diskless-sync-delay": "0" } });
  await replicaOf(t, primary);
  const opened = await store(t, primary.url, { waitReplicas: 1, commandTimeoutMillis: 5_000 });
  await answers(opened);
  const before = await primary.calls("wait");
  const names = Array.from({ length: 200 }, (_, index) => `k${index % 100}`);
  const won = await Promise.all(names.map((name) => opened.compareAndSet(name, undefined, bytes("v"), confirmed())));
  t.equal(won.filter(Boolean).length, 100, "of each pair one");
  const waits = (await primary.calls("wait")) - before;
  t.ok(waits >= 1 && waits < 50, `${waits} WAITs for 200 writes`);
});

t.test("a connection that is lost between a write and its confirmation leaves it unknown", { skip }, async (t) => {
  const primary = await server(t, { config: { "repl-diskless-sync-delay": "0" } });
  await replicaOf(t, primary);
  const through = await proxy(t, primary);
  const opened = await store(t, through.url, { waitReplicas: 1, commandTimeoutMillis: 4_000 });
  await answers(opened);
  t.equal(await opened.compareAndSet("k", undefined, bytes("1"), confirmed()), true);
  // The reply of the write comes through, that of WAIT doesn't.
  through.rules.cutAfterReplyBytes = "+OK\r\n".length;
  t.match(await failure(opened.compareAndSet("k2", undefined, bytes("1"), confirmed())), { outcome: "unknown" });
  through.rules.cutAfterReplyBytes = Number.POSITIVE_INFINITY;
  await answers(opened);
  t.equal(await primary.command("get", "test:k2"), "1");
});

t.test("what waits behind a WAIT that takes its time is not sent any more when its own time is over", { skip }, async (t) => {
  const primary = await server(t, { config: { "repl-diskless-sync-delay": "0" } });
  const replica = await replicaOf(t, primary);
  const opened = await store(t, primary.url, { waitReplicas: 1, commandTimeoutMillis: 500 });
  await answers(opened);
  replica.pause();
  t.teardown(() => replica.resume());
  const calls: Promise<unknown>[] = [];
  for (let index = 0; index < 4; index += 1) {
    calls.push(failure(opened.compareAndSet(`k${index}`, undefined, bytes("v"), confirmed())));
    await delay(150);
  }
  const outcomes = (await Promise.all(calls)) as (Error & { outcome: string })[];
  t.ok(
    outcomes.every((outcome) => outcome !== undefined),
    "none is acknowledged",
  );
  for (const [index, { outcome }] of outcomes.entries())
    if (outcome === "unavailable") t.equal(await primary.command("exists", `test:k${index}`), 0, "unavailable: nothing was done");
  replica.resume();
  await until(() => true);
  for (;;) if ((await failure(opened.compareAndSet("after", undefined, bytes("v"), confirmed()))) === undefined) break;
  t.pass("and it goes on when the replica is back");
});
