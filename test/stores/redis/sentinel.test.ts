/** A primary behind Sentinel: found, followed when it changes, and inspected. */

import t from "tap";
import type { Test } from "tap";
import { skipWithoutRedis } from "../../support/redis.ts";
import { startSentinelSetup } from "../../support/redis-sentinel.ts";
import type { SentinelSetup, SentinelSetupOptions } from "../../support/redis-sentinel.ts";
import { startFakeSentinel } from "./fake-sentinel.ts";
import { answers, bytes, failure, held, server, store, text, until } from "./support.ts";

const skip = skipWithoutRedis;
const confirmed = () => ({ ...held(), confirmed: true });

async function setup(t: Test, options: SentinelSetupOptions = {}): Promise<SentinelSetup> {
  const started = await startSentinelSetup({ replicas: 1, ...options });
  t.teardown(() => started.remove());
  return started;
}

t.test("a primary that dies is replaced, confirmed writes are there, and listeners hear of it", { skip }, async (t) => {
  const redis = await setup(t);
  const opened = await store(t, redis.url, { waitReplicas: 1, commandTimeoutMillis: 1_000 });
  await answers(opened);
  let changes = 0;
  opened.onPrimaryChange(() => void (changes += 1));
  for (let index = 0; index < 50; index += 1) t.equal(await opened.compareAndSet(`k${index}`, undefined, bytes("v"), confirmed()), true);
  const old = await redis.primary();
  await old.kill();
  t.ok(await failure(opened.compareAndSet("while", undefined, bytes("v"), held())));
  await answers(opened);
  t.not((await redis.primary()).port, old.port);
  for (let index = 0; index < 50; index += 1) t.equal(text(await opened.get(`k${index}`)), "v");
  await until(() => changes > 0);
  t.match(
    await failure(opened.compareAndSet("alone", undefined, bytes("v"), confirmed())),
    { message: /replicas/ },
    "nobody is left to confirm",
  );
  await old.start();
  await redis.waitUntilHealthy();
  while ((await failure(opened.compareAndSet("again", undefined, bytes("v"), confirmed()))) !== undefined);
  t.equal(text(await opened.get("again")), "v");
});

t.test("a planned change of primary is followed without anything sent to the old one", { skip }, async (t) => {
  const redis = await setup(t);
  const opened = await store(t, redis.url, { waitReplicas: 1, commandTimeoutMillis: 1_000 });
  await answers(opened);
  const [first, sentinel] = [await redis.primary(), redis.sentinels[0]];
  await sentinel?.command("sentinel", "failover", redis.name);
  for (let tries = 0; (await redis.primary()).port === first.port && tries < 2_000; tries += 1) await answers(opened);
  await redis.waitUntilHealthy();
  await answers(opened);
  while ((await failure(opened.compareAndSet("k", undefined, bytes("v"), confirmed()))) !== undefined);
  t.equal(await (await redis.primary()).command("get", "test:k"), "v");
});

t.test("a failover that is told while the sentinels are asked ends nothing for good", { skip }, async (t) => {
  const redis = await server(t);
  const sentinel = await startFakeSentinel(redis.port);
  t.teardown(() => sentinel.close());
  const opened = await store(t, `redis+sentinel://127.0.0.1:${sentinel.port}/primary`);
  await answers(opened);
  await until(() => sentinel.listeners > 0);
  sentinel.isHolding = true;
  await redis.kill();
  await until(() => sentinel.held > 0);
  sentinel.tellFailover();
  await until(() => sentinel.listeners === 0);
  await redis.start();
  sentinel.release();
  await answers(opened);
});

t.test("users at the servers and a password at the sentinels are two things", { skip }, async (t) => {
  const redis = await setup(t, {
    auth: { password: "of-the-servers" },
    sentinelAuth: { password: "of-the-sentinels" },
  });
  const url = redis.url.replace("://", `://:${encodeURIComponent("of-the-servers")}@`);
  const opened = await store(t, url, { waitReplicas: 1, commandTimeoutMillis: 1_000, sentinelAccess: { password: "of-the-sentinels" } });
  await answers(opened);
  t.equal(await opened.compareAndSet("k", undefined, bytes("v"), confirmed()), true);
  const messages: string[] = [];
  const shut = await store(t, url, { onError: (message) => messages.push(message) });
  t.match(await failure(shut.ping()), { outcome: "unavailable", message: "no sentinel can be reached that knows the primary" });
  t.same(messages, ["no sentinel can be reached that knows the primary"], "said once");
  t.match(await opened.inspect(), [
    { subject: "version" },
    { subject: "replication", severity: "ok", finding: "1 replica is connected; 1 must confirm" },
    { subject: "eviction", severity: "ok" },
    { subject: "durability" },
    { subject: "latency" },
    { subject: "permissions", severity: "ok" },
    { subject: "sentinel", severity: "ok", finding: "3 sentinels, quorum 2, a dead primary is noticed after 1 s" },
  ]);
});
