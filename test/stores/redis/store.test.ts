/** What the Redis store promises beyond the contract: commands on the wire, keys, trimming, changes of primary. */

import t from "tap";
import { canSetIfEqual, parseInfo } from "../../../src/stores/redis/server.ts";
import { setIfEqualArguments } from "../../../src/stores/redis/swap.ts";
import { skipWithoutRedis } from "../../support/redis.ts";
import type { RedisServer } from "../../support/redis.ts";
import { answers, bytes, failure, held, proxy, server, store, text, until } from "./support.ts";

const skip = skipWithoutRedis;

/** How many commands of clients the server took while `work` ran. */
async function commandsDuring(redis: RedisServer, work: () => Promise<unknown>): Promise<Record<string, number>> {
  await redis.command("config", "resetstat");
  await work();
  const stats = String(await redis.command("info", "commandstats"));
  const calls = [...stats.matchAll(/cmdstat_([a-z|]+):calls=(\d+)/g)].map(([, name = "", count]): [string, number] => [
    name,
    Number(count),
  ]);
  const ours = ["get", "set", "evalsha", "eval", "exists", "del", "xadd", "script|load", "script|exists", "wait"];
  return Object.fromEntries(calls.filter(([name]) => ours.includes(name)));
}

async function hasSetIfEqual(redis: RedisServer): Promise<boolean> {
  return canSetIfEqual(parseInfo(String(await redis.command("info"))));
}

t.test("get and compareAndSet are one command each on the wire", { skip }, async (t) => {
  const redis = await server(t);
  const opened = await store(t, redis.url);
  await opened.compareAndSet("k", undefined, bytes("0"), held());
  await opened.compareAndSet("k", bytes("0"), bytes("1"), held());
  t.same(await commandsDuring(redis, () => opened.get("k")), { get: 1 });
  // A script's own commands are counted by the server as well: GET and SET run inside it.
  const swapped = (await hasSetIfEqual(redis)) ? { set: 1 } : { evalsha: 1, get: 1, set: 1 };
  t.same(await commandsDuring(redis, () => opened.compareAndSet("k", bytes("1"), bytes("2"), held())), swapped);
  t.same(await commandsDuring(redis, () => opened.compareAndSet("n", undefined, bytes("1"), { ...held(), confirmed: true })), { set: 1 });
  t.same(await commandsDuring(redis, () => opened.compareAndSet("none", undefined, undefined, held())), { exists: 1 });
});

t.test("keys carry the prefix and an expiry; nothing lasts for ever", { skip }, async (t) => {
  const redis = await server(t);
  const opened = await store(t, redis.url);
  const expiresAt = Date.now() + 90_000.5;
  await opened.compareAndSet("k", undefined, bytes("0"), { expiresAt, confirmed: false });
  t.equal(await redis.command("pexpiretime", "test:k"), Math.ceil(expiresAt));
  await opened.compareAndSet("k", bytes("0"), bytes("1"), { expiresAt: expiresAt + 1000, confirmed: false });
  t.equal(await redis.command("pexpiretime", "test:k"), Math.ceil(expiresAt + 1000));
  for (const over of [-1, 0, 1, Date.now() - 1000]) {
    t.equal(await opened.compareAndSet(`over ${over}`, undefined, bytes("v"), { expiresAt: over, confirmed: false }), true);
    t.equal(await opened.get(`over ${over}`), undefined);
  }
  await t.rejects(opened.compareAndSet("k", undefined, bytes("v"), { expiresAt: Number.NaN, confirmed: false }), TypeError);
});

t.test("documents, logs and what others keep in the same server don't meet", { skip }, async (t) => {
  const redis = await server(t);
  const opened = await store(t, redis.url);
  const other = await store(t, redis.url, { keyPrefix: "tes*:" });
  await opened.compareAndSet("k", undefined, bytes("v"), held());
  await opened.append("k", bytes("e"), held().expiresAt);
  await other.compareAndSet("k", undefined, bytes("another"), held());
  await redis.command("rpush", "test:list", "not ours");
  const pairs: unknown[] = [];
  for await (const page of opened.scan("")) pairs.push(...page.map(([key, value]) => [key, text(value)]));
  t.same(pairs, [["k", "v"]]);
  await t.rejects(opened.get("log:k"), TypeError);
  await t.rejects(opened.compareAndSet("log:k", undefined, bytes("v"), held()), TypeError);
  t.equal((await opened.read("k", undefined, 10)).length, 1);
});

t.test("keys and values of any bytes arrive as they are", { skip }, async (t) => {
  const redis = await server(t);
  const opened = await store(t, redis.url, { keyPrefix: "prä€\r\n:" });
  const every = Uint8Array.from({ length: 256 }, (_, index) => index);
  t.equal(await opened.compareAndSet("k\0", undefined, every, held()), true);
  t.same([...((await opened.get("k\0")) ?? [])], [...every]);
  t.equal(await redis.command("strlen", "prä€\r\n:k\0"), 256);
  t.equal(await opened.compareAndSet("k\0", every, every.toReversed(), held()), true);
  t.same([...((await opened.get("k\0")) ?? [])], Array.from(every.toReversed()));
});

t.test("an append drops what is over from the head of the log, a bounded number at a time, and nothing else", { skip }, async (t) => {
  const redis = await server(t);
  const opened = await store(t, redis.url);
  const soon = Date.now() + 1500;
  const later = Date.now() + 3_600_000;
  await opened.append("l", bytes("first stays"), later);
  await opened.append("m", bytes("only"), soon);
  const over = Array.from({ length: 20 }, (_, index) => `over ${index}`);
  for (const entry of over) await opened.append("l", bytes(entry), soon);
  const inOrder = Array.from({ length: 20 }, (_, index) => opened.append("n", bytes(`over ${index}`), soon));
  const positions = await Promise.all(inOrder);
  await opened.append("n", bytes("alive"), later);
  while ((await opened.now()) <= soon) await new Promise((resolve) => setTimeout(resolve, 50));

  await opened.append("l", bytes("next"), later);
  t.equal(await redis.command("xlen", "test:log:l"), 22, "the head is alive: what is behind it waits");
  await opened.append("n", bytes("next"), later);
  t.equal(await redis.command("xlen", "test:log:n"), 22 - 16, "sixteen at most");
  await opened.append("n", bytes("last"), later);
  t.same(
    (await opened.read("n", undefined, 100)).map(({ entry }) => text(entry)),
    ["alive", "next", "last"],
  );
  t.same(
    (await opened.read("n", positions[3], 1)).map(({ entry }) => text(entry)),
    ["alive"],
    "a position outlives its entry",
  );
  await opened.append("m", bytes("new"), later);
  t.same(
    (await opened.read("m", undefined, 100)).map(({ entry }) => text(entry)),
    ["only", "new"],
    "the last one looked at stays",
  );
});

t.test("a position that is none is a TypeError", { skip }, async (t) => {
  const redis = await server(t);
  const opened = await store(t, redis.url);
  for (const position of ["", "-", "+", "(1-1", "1", "1-1 "]) await t.rejects(opened.read("l", position, 1), TypeError);
});

t.test("a change of primary is told after a restart, not after a lost connection", { skip }, async (t) => {
  const redis = await server(t);
  const through = await proxy(t, redis);
  const opened = await store(t, through.url);
  let told = 0;
  const stop = opened.onPrimaryChange(() => (told += 1));
  through.cut();
  await answers(opened);
  // The next connection asks before anyone: when this answer is here, that one was.
  await opened.inspect();
  t.equal(told, 0, "the same server");
  await redis.kill();
  await redis.start();
  await answers(opened);
  await until(() => told > 0);
  t.equal(told, 1);
  stop();
  await redis.kill();
  await redis.start();
  await answers(opened);
  await opened.inspect();
  t.equal(told, 1, "nobody listens");
});

t.test("a change of primary is told when another server answers under the same address", { skip }, async (t) => {
  const first = await server(t);
  const second = await server(t);
  const through = await proxy(t, first);
  const opened = await store(t, through.url);
  let told = 0;
  opened.onPrimaryChange(() => (told += 1));
  through.retarget(second.port);
  await answers(opened);
  await until(() => told > 0);
  t.equal(told, 1);
});

t.test("a scan that lost its connection in the middle fails instead of leaving keys out", { skip }, async (t) => {
  const redis = await server(t);
  const through = await proxy(t, redis);
  const opened = await store(t, through.url);
  await Promise.all(Array.from({ length: 1500 }, (_, index) => opened.compareAndSet(`k${index}`, undefined, bytes("v"), held())));
  const scanned = async () => {
    let pages = 0;
    for await (const _ of opened.scan("k")) {
      pages += 1;
      if (pages > 1) continue;
      through.cut();
      await until(() => through.connections > 1);
      await answers(opened);
    }
  };
  t.match(await failure(scanned()), { outcome: "unavailable" });
});

t.test("a server that only looks as if it had SET with IFEQ is served by the script", { skip }, async (t) => {
  const redis = await server(t);
  if (await hasSetIfEqual(redis)) return t.comment("this server has SET with IFEQ");
  const through = await proxy(t, redis);
  // As long as it was: the length of the reply stands before it.
  through.rules.rewriteReply = (chunk) =>
    Buffer.from(
      chunk.toString("latin1").replace(/(?<=redis_version:)[\d.]+/, (version) => version.replaceAll(/\d/g, "9")),
      "latin1",
    );
  const opened = await store(t, through.url);
  t.match(
    await opened.inspect(),
    [{ subject: "version", finding: /^Redis [9.]+, compare-and-set by SET IFEQ$/ }],
    "it looks like a newer one",
  );
  await opened.compareAndSet("k", undefined, bytes("0"), held());
  const first = await commandsDuring(redis, () => opened.compareAndSet("k", bytes("0"), bytes("1"), held()));
  t.match(first, { set: 2 }, "tried, then the script");
  t.equal(await opened.compareAndSet("k", bytes("0"), bytes("2"), held()), false);
  t.equal(text(await opened.get("k")), "1");
});

t.test("the arguments of SET with IFEQ are in the order of the servers' documentation", async (t) => {
  const [expected, next] = [bytes("old"), bytes("new")];
  t.same(setIfEqualArguments("k", expected, next, "99"), ["k", next, "IFEQ", expected, "PXAT", "99"]);
});

t.test("whether writes are taken is asked without writing anything", { skip }, async (t) => {
  const redis = await server(t);
  const opened = await store(t, redis.url);
  t.equal(await opened.takesWrites(), true);
  t.equal(await redis.command("dbsize"), 0);
  await redis.command("config", "set", "min-replicas-to-write", "1");
  t.equal(await opened.takesWrites(), false, "NOREPLICAS");
  t.equal(await opened.get("k"), undefined, "and reads are answered all the while");
  await redis.command("config", "set", "min-replicas-to-write", "0");
  t.equal(await opened.takesWrites(), true);
  await redis.kill();
  t.match(await failure(opened.takesWrites()), { outcome: "unavailable" });
});
