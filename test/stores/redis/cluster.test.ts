/** A Redis Cluster: keys are found, followed while their slots move and when a primary dies. */

import { setTimeout as delay } from "node:timers/promises";
import t from "tap";
import type { Test } from "tap";
import type { Store } from "../../../src/domain/ports.ts";
import { skipWithoutRedis } from "../../support/redis.ts";
import { startCluster } from "../../support/redis-cluster.ts";
import type { ClusterOptions, RedisCluster } from "../../support/redis-cluster.ts";
import { answers, bytes, failure, held, store, text, until } from "./support.ts";

const skip = skipWithoutRedis;
const confirmed = () => ({ ...held(), confirmed: true });

async function setup(t: Test, options: ClusterOptions = {}): Promise<RedisCluster> {
  const started = await startCluster(options);
  t.teardown(() => started.remove());
  return started;
}

async function collected(opened: Store): Promise<string[]> {
  const keys = new Set<string>();
  for await (const page of opened.scan("")) for (const [key] of page) keys.add(key);
  return [...keys].toSorted();
}

t.test("documents of all slots are kept, found and scanned; a key that moves is followed", { skip }, async (t) => {
  const redis = await setup(t);
  const opened = await store(t, redis.url, { waitReplicas: 1, commandTimeoutMillis: 2_000 });
  const names = Array.from({ length: 60 }, (_, index) => `k${index}`).toSorted();
  await Promise.all(names.map((name) => opened.compareAndSet(name, undefined, bytes("0"), confirmed())));
  t.same(await collected(opened), names);
  const homes = new Set(await Promise.all(names.map(async (name) => (await redis.ownerOf(`test:${name}`)).port)));
  t.equal(homes.size, 3, "every primary has some");

  const slot = await redis.slotOf("test:k0");
  const from = await redis.ownerOfSlot(slot);
  const to = redis.nodes.slice(0, 3).find(({ port }) => port !== from.port)!;
  const move = await redis.beginMove(slot, to);
  t.equal(await opened.compareAndSet("k0", bytes("0"), bytes("1"), confirmed()), true, "still where it was");
  await move.migrate();
  t.equal(text(await opened.get("k0")), "1", "ASK");
  t.equal(await opened.compareAndSet("k0", bytes("1"), bytes("2"), held()), true, "ASK, by a script");
  t.equal(await opened.compareAndSet("k0", bytes("2"), bytes("3"), confirmed()), true, "ASK, confirmed");
  await move.finish();
  t.equal(text(await opened.get("k0")), "3", "MOVED");
  t.equal(await opened.compareAndSet("k0", bytes("3"), bytes("4"), confirmed()), true);
  t.equal(await to.command("get", "test:k0"), "4");
  await until(() => true);
  for (let tries = 0; tries < 50; tries += 1) {
    const seen = await collected(opened).catch(() => undefined);
    if (seen !== undefined) {
      t.same(seen, names, "a scan after it finds all");
      break;
    }
    await delay(50);
  }
  t.match(await opened.inspect(), [
    { subject: "cluster", severity: "ok", finding: "3 primaries" },
    { subject: "version" },
    { subject: "replication", severity: "ok" },
  ]);
});

t.test("a shard whose primary dies comes back with what was confirmed; the others never go", { skip }, async (t) => {
  const redis = await setup(t);
  const opened = await store(t, redis.url, { waitReplicas: 1, commandTimeoutMillis: 1_000 });
  let changes = 0;
  opened.onPrimaryChange(() => void (changes += 1));
  const names = Array.from({ length: 30 }, (_, index) => `k${index}`);
  await Promise.all(names.map((name) => opened.compareAndSet(name, undefined, bytes("v"), confirmed())));
  const dead = await redis.ownerOf("test:k0");
  const others: string[] = [];
  for (const name of names) if ((await redis.ownerOf(`test:${name}`)).port !== dead.port) others.push(name);
  await dead.kill();
  t.ok(await failure(opened.get("k0")));
  for (const name of others) t.equal(text(await opened.get(name)), "v");
  for (let tries = 0; (await failure(opened.get("k0"))) !== undefined && tries < 1_000; tries += 1) await delay(20);
  for (const name of names) t.equal(text(await opened.get(name)), "v", name);
  await until(() => changes > 0);
  await dead.start();
  await redis.waitUntilHealthy();
  for (
    let tries = 0;
    (await failure(opened.compareAndSet("k0", bytes("v"), bytes("v"), confirmed()))) !== undefined && tries < 500;
    tries += 1
  )
    await delay(20);
  t.equal(await opened.compareAndSet("k0", bytes("v"), bytes("w"), confirmed()), true, "its replica is back and confirms");
});

t.test("a planned failover of a shard is followed", { skip }, async (t) => {
  const redis = await setup(t);
  const opened = await store(t, redis.url, { waitReplicas: 1, commandTimeoutMillis: 1_000 });
  await opened.compareAndSet("k", undefined, bytes("v"), confirmed());
  const old = await redis.ownerOf("test:k");
  const [replica] = await redis.replicasOf(old);
  await redis.failover(replica!);
  await redis.waitUntilHealthy();
  t.not((await redis.ownerOf("test:k")).port, old.port);
  t.equal(text(await opened.get("k")), "v");
  t.equal(await opened.compareAndSet("k", bytes("v"), bytes("w"), held()), true);
});

t.test("a cluster that is not there is unavailable, said once, and used when it comes", { skip }, async (t) => {
  const redis = await setup(t, { primaries: 3, replicasEach: 0 });
  for (const node of redis.nodes) await node.kill();
  const messages: string[] = [];
  const opened = await store(t, redis.url, { onError: (message) => messages.push(message) });
  for (let round = 0; round < 3; round += 1) t.match(await failure(opened.get("k")), { outcome: "unavailable" });
  t.same(messages, [
    "no server of the Redis Cluster can be reached that knows its slots: the Redis server can't be reached (ECONNREFUSED)",
  ]);
  for (const node of redis.nodes) await node.start();
  await answers(opened);
  for (let tries = 0; (await failure(opened.compareAndSet("k", undefined, bytes("v"), held()))) !== undefined && tries < 500; tries += 1)
    await delay(20);
  t.equal(text(await opened.get("k")), "v");
});

t.test("a server of a cluster named as a single one says what to do", { skip }, async (t) => {
  const redis = await setup(t, { replicasEach: 0 });
  const other = await redis.ownerOf("test:k");
  const wrong = redis.nodes.find(({ port }) => port !== other.port)!;
  const opened = await store(t, `redis://127.0.0.1:${wrong.port}`);
  t.match(await failure(opened.get("k")), { outcome: "unavailable", message: /name it by redis\+cluster/ });
});
