/** A real redis-server that goes away, stands still, refuses and forgets. */

import { rm } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import t from "tap";
import { skipWithoutRedis } from "../../support/redis.ts";
import { answers, bytes, failure, held, proxy, server, store, text, until } from "./support.ts";

const skip = skipWithoutRedis;

t.test("a server that is down is unavailable, and is used again when it is back, by the same store", { skip }, async (t) => {
  const redis = await server(t, { config: { appendonly: "yes", appendfsync: "always" } });
  const opened = await store(t, redis.url);
  t.equal(await opened.compareAndSet("k", undefined, bytes("1"), held()), true);
  for (let round = 1; round <= 3; round += 1) {
    await redis.kill();
    t.match(await failure(opened.get("k")), { outcome: "unavailable" });
    t.match(await failure(opened.compareAndSet("k", bytes(`${round}`), bytes("no"), held())), { outcome: /unavailable|unknown/ });
    await redis.start();
    await answers(opened);
    t.equal(text(await opened.get("k")), `${round}`, "nothing acknowledged was lost, nothing sent while down was done later");
    t.equal(await opened.compareAndSet("k", bytes(`${round}`), bytes(`${round + 1}`), held()), true);
  }
});

t.test("a store opens while its server is down and works when it comes", { skip }, async (t) => {
  const redis = await server(t);
  await redis.kill();
  const opened = await store(t, redis.url);
  t.match(await failure(opened.ping()), { outcome: "unavailable", message: "the Redis server can't be reached (ECONNREFUSED)" });
  t.match(await failure(opened.inspect()), { outcome: "unavailable" });
  await redis.start();
  await answers(opened);
  t.equal(await opened.compareAndSet("k", undefined, bytes("v"), held()), true);
});

t.test("with a server that stands still every call settles, writes as unknown; it goes on afterwards", { skip }, async (t) => {
  const redis = await server(t);
  const opened = await store(t, redis.url);
  await opened.compareAndSet("k", undefined, bytes("v"), held());
  redis.pause();
  t.teardown(() => redis.resume());
  const reads = [opened.get("k"), opened.now(), opened.ping(), opened.read("l", undefined, 1)];
  const writes = [
    opened.compareAndSet("k", bytes("v"), bytes("w"), held()),
    opened.compareAndSet("k", bytes("v"), undefined, held()),
    opened.compareAndSet("new", undefined, bytes("w"), held()),
    opened.append("l", bytes("e"), held().expiresAt),
  ];
  for (const call of reads) t.match(await failure(call), { outcome: "unavailable" });
  for (const call of writes) t.match(await failure(call), { outcome: "unknown" });
  for (let round = 0; round < 3; round += 1) t.match(await failure(opened.get("k")), { outcome: "unavailable" });
  redis.resume();
  await answers(opened);
  t.ok(["v", "w", undefined].includes(text(await opened.get("k"))));
});

t.test("a store opens while its server stands still", { skip }, async (t) => {
  const redis = await server(t);
  redis.pause();
  t.teardown(() => redis.resume());
  const opened = await store(t, redis.url);
  t.match(await failure(opened.ping()), { outcome: "unavailable" });
  redis.resume();
  await answers(opened);
});

t.test("a lost reply is unknown, and the write was done exactly once", { skip }, async (t) => {
  const redis = await server(t);
  const through = await proxy(t, redis);
  const opened = await store(t, through.url);
  // The server knows the script now; else the reply lost would be that it doesn't.
  await opened.append("l", bytes("before"), held().expiresAt);
  for (const loss of ["the reply is dropped", "the connection is cut"] as const) {
    await redis.command("config", "resetstat");
    if (loss === "the reply is dropped") through.rules.dropReplies = true;
    else through.rules.cutAfterReplyBytes = 0;
    t.match(await failure(opened.append("l", bytes(loss), held().expiresAt)), { outcome: "unknown" }, loss);
    through.rules.dropReplies = false;
    through.rules.cutAfterReplyBytes = Number.POSITIVE_INFINITY;
    await answers(opened);
    t.equal(await redis.calls("xadd"), 1, `${loss}: done once, not again after the reconnect`);
  }
  const entries = await opened.read("l", undefined, 10);
  t.same(
    entries.map(({ entry }) => text(entry)),
    ["before", "the reply is dropped", "the connection is cut"],
  );
});

t.test("a request cut in the middle is unknown and was not done", { skip }, async (t) => {
  const redis = await server(t);
  const through = await proxy(t, redis);
  const opened = await store(t, through.url);
  through.rules.cutAfterRequestBytes = 20;
  t.match(await failure(opened.compareAndSet("k", undefined, bytes("v"), held())), { outcome: "unknown" });
  through.rules.cutAfterRequestBytes = Number.POSITIVE_INFINITY;
  await answers(opened);
  t.equal(await opened.get("k"), undefined);
});

t.test("answers of one connection reach their calls, also those after a call that timed out", { skip }, async (t) => {
  const redis = await server(t);
  const through = await proxy(t, redis);
  const opened = await store(t, through.url);
  for (let index = 0; index < 10; index += 1) await opened.compareAndSet(`k${index}`, undefined, bytes(`v${index}`), held());
  through.rules.delayMillis = 900;
  t.match(await failure(opened.get("k0")), { outcome: "unavailable" });
  through.rules.delayMillis = 0;
  await answers(opened);
  for (let index = 0; index < 10; index += 1) t.equal(text(await opened.get(`k${index}`)), `v${index}`);
});

t.test("a connection that refuses at first is tried again", { skip }, async (t) => {
  const redis = await server(t);
  const through = await proxy(t, redis);
  through.rules.refuse = true;
  const opened = await store(t, through.url);
  t.match(await failure(opened.ping()), { outcome: "unavailable" });
  await until(() => through.connections > 2);
  through.rules.refuse = false;
  await answers(opened);
});

t.test("a connection that died without a word is given up, in use and while it is made", { skip }, async (t) => {
  const redis = await server(t);
  const through = await proxy(t, redis);
  through.rules.dropReplies = true;
  const opened = await store(t, through.url);
  t.match(await failure(opened.ping()), { outcome: "unavailable" });
  through.freeze();
  through.rules.dropReplies = false;
  await answers(opened);
  for (let round = 0; round < 2; round += 1) {
    through.freeze();
    t.match(await failure(opened.compareAndSet("k", undefined, bytes("v"), held())), { outcome: "unknown" });
    await answers(opened);
    t.equal(await opened.get("k"), undefined);
  }
});

t.test("swaps and appends go on when the server has forgotten its scripts", { skip }, async (t) => {
  const redis = await server(t);
  const opened = await store(t, redis.url);
  await opened.compareAndSet("k", undefined, bytes("0"), held());
  for (let round = 0; round < 4; round += 1) {
    await redis.command("script", "flush");
    const swaps = Array.from({ length: 8 }, () => opened.compareAndSet("k", bytes(`${round}`), bytes(`${round + 1}`), held()));
    t.equal((await Promise.all(swaps)).filter(Boolean).length, 1, "all at once, one wins");
    await redis.command("script", "flush");
    await opened.append("l", bytes("e"), held().expiresAt);
  }
  await redis.command("script", "flush");
  t.equal(await opened.compareAndSet("k", bytes("4"), undefined, held()), true);
  t.equal((await opened.read("l", undefined, 10)).length, 4);
});

t.test("a server whose memory is full refuses, nothing is changed, and removing still works", { skip }, async (t) => {
  const redis = await server(t, { config: { "maxmemory-policy": "noeviction" } });
  const opened = await store(t, redis.url);
  await opened.compareAndSet("k", undefined, bytes("v"), held());
  await redis.command("config", "set", "maxmemory", "1");
  const full = { outcome: "unavailable", message: "the Redis server refuses writes because its memory is full (OOM)" };
  t.match(await failure(opened.compareAndSet("k", bytes("v"), bytes("w"), held())), full);
  t.match(await failure(opened.compareAndSet("new", undefined, bytes("w"), held())), full);
  t.match(await failure(opened.append("l", bytes("e"), held().expiresAt)), full);
  t.equal(text(await opened.get("k")), "v");
  t.equal(await opened.get("new"), undefined);
  t.same(await opened.read("l", undefined, 1), []);
  t.equal(await opened.compareAndSet("k", bytes("v"), undefined, held()), true);
});

t.test("a server that can't persist or lacks replicas refuses, and nothing is changed", { skip }, async (t) => {
  const redis = await server(t);
  const opened = await store(t, redis.url);
  await opened.compareAndSet("k", undefined, bytes("v"), held());
  const refused = async (code: string) => {
    const failed = await failure(opened.compareAndSet("k", bytes("v"), bytes("w"), held()));
    t.match(failed, { outcome: "unavailable", message: `(${code})` });
    t.match(await failure(opened.append("l", bytes("e"), held().expiresAt)), { outcome: "unavailable", message: `(${code})` });
    t.equal(text(await opened.get("k")), "v");
    t.same(await opened.read("l", undefined, 1), []);
  };
  await redis.command("config", "set", "min-replicas-to-write", "1");
  await refused("NOREPLICAS");
  await redis.command("config", "set", "min-replicas-to-write", "0");
  await redis.command("config", "set", "save", "900 1");
  // A snapshot that can't be written: its folder is gone.
  await rm(redis.folder, { recursive: true });
  await redis.command("bgsave").catch(() => undefined);
  for (let attempt = 0; attempt < 500; attempt += 1) {
    if (String(await redis.command("info", "persistence")).includes("rdb_last_bgsave_status:err")) break;
    await delay(20);
  }
  await refused("MISCONF");
  t.match(
    (await opened.inspect()).find(({ subject }) => subject === "disk"),
    { severity: "fault" },
  );
});

t.test(
  "a server that is turned into a replica refuses writes, and the store comes back when it is a primary again",
  { skip },
  async (t) => {
    const redis = await server(t);
    const opened = await store(t, redis.url);
    await opened.compareAndSet("k", undefined, bytes("v"), held());
    await redis.command("replicaof", "127.0.0.1", 1);
    t.match(await failure(opened.compareAndSet("k", bytes("v"), bytes("w"), held())), { outcome: "unavailable", message: "(READONLY)" });
    await redis.command("replicaof", "no", "one");
    await answers(opened);
    t.equal(await opened.compareAndSet("k", bytes("v"), bytes("w"), held()), true);
  },
);

t.test("a busy server refuses, and nothing is changed", { skip }, async (t) => {
  const redis = await server(t, { config: { "busy-reply-threshold": "50" } });
  const opened = await store(t, redis.url, { commandTimeoutMillis: 2000 });
  await opened.compareAndSet("k", undefined, bytes("v"), held());
  const busy = redis.command("eval", "while true do end", 0).catch(() => undefined);
  // Before the threshold the server doesn't answer at all.
  for (let attempt = 0; attempt < 500 && (await failure(opened.ping())) === undefined; attempt += 1) await delay(5);
  t.match(await failure(opened.compareAndSet("k", bytes("v"), bytes("w"), held())), { outcome: "unavailable", message: "(BUSY)" });
  await redis.command("script", "kill");
  await busy;
  await answers(opened);
  t.equal(text(await opened.get("k")), "v");
});
