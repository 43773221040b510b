import t from "tap";
import { skipWithoutRedis } from "./redis.ts";
import { startCluster } from "./redis-cluster.ts";
import type { RedisCluster } from "./redis-cluster.ts";
import type { RedisServer } from "./redis-process.ts";
import { until } from "./wait.ts";

const skip = skipWithoutRedis;

/** A primary that the slot is not with. */
async function anotherPrimary(cluster: RedisCluster, slot: number): Promise<RedisServer> {
  const owner = await cluster.ownerOfSlot(slot);
  const other = (await Promise.all([0, 8000, 16_383].map(cluster.ownerOfSlot))).find((primary) => primary !== owner);
  if (other === undefined) throw new Error("one primary has all slots");
  return other;
}

t.test("a cluster in which slots move and primaries fail", { skip }, async (t) => {
  const cluster = await startCluster();
  t.teardown(() => cluster.remove());
  t.match(cluster.url, /^redis\+cluster:\/\/127\.0\.0\.1:\d+,127\.0\.0\.1:\d+,127\.0\.0\.1:\d+$/);

  await t.test("a slot that moves is asked for at its new primary, then has moved", async (t) => {
    const slot = await cluster.slotOf("{s}1");
    const from = await cluster.ownerOf("{s}1");
    const to = await anotherPrimary(cluster, slot);
    for (const key of ["{s}1", "{s}2"]) await from.command("set", key, "v");
    const move = await cluster.beginMove(slot, to);
    t.equal(move.from, from);
    t.equal(await from.command("get", "{s}1"), "v", "it is there until it is moved");
    t.equal(await move.migrate(1), 1);
    await t.rejects(from.command("mget", "{s}1", "{s}2"), /TRYAGAIN/);
    t.equal(await move.migrate(), 1);
    await t.rejects(from.command("get", "{s}1"), { message: `ASK ${slot} ${to.host}:${to.port}` });
    await move.finish();
    await t.rejects(from.command("get", "{s}1"), { message: `MOVED ${slot} ${to.host}:${to.port}` });
    t.equal(await cluster.ownerOf("{s}1"), to);
    t.equal(await to.command("get", "{s}1"), "v");
    await cluster.moveSlot(slot, from);
    t.equal(await from.command("get", "{s}2"), "v");
    await cluster.waitUntilHealthy();
  });

  await t.test("a replica takes its primary's place, when told and when the primary is killed", async (t) => {
    const first = await cluster.ownerOf("k");
    const [second] = await cluster.replicasOf(first);
    if (second === undefined) throw new Error("no replica");
    await first.command("set", "k", "v");
    await cluster.failover(second);
    await until("the replica to be the primary", async () => (await cluster.ownerOf("k")) === second);
    await cluster.waitUntilHealthy();
    t.equal(await second.command("get", "k"), "v");
    await second.kill();
    t.type(await cluster.fault(), "string", "a node that is down is a fault");
    await until("the first to be the primary again", async () => (await cluster.ownerOf("k").catch(() => undefined)) === first);
    await second.start();
    await cluster.waitUntilHealthy();
    t.same(await cluster.replicasOf(first), [second]);
    t.equal(await first.command("get", "k"), "v");
  });
});

t.test("nodes with a password and an ACL user form a cluster, and move keys to each other", { skip }, async (t) => {
  const cluster = await startCluster({ replicasEach: 0, auth: { username: "store", password: "of-the-nodes" } });
  t.teardown(() => cluster.remove());
  const from = await cluster.ownerOf("k");
  const slot = await cluster.slotOf("k");
  t.equal(await from.command("acl", "whoami"), "store");
  await from.command("set", "k", "v");
  const to = await anotherPrimary(cluster, slot);
  await cluster.moveSlot(slot, to);
  t.equal(await to.command("get", "k"), "v");
});
