/** The proxy that knows Redis' protocol does to a command what it is told, and nothing to the others. */

import { Redis } from "ioredis";
import t from "tap";
import type { Test } from "tap";
import { skipWithoutRedis, startRedis } from "../support/redis.ts";
import { startRedisProxy } from "./support/redis-proxy.ts";
import type { RedisProxy, Verdict } from "./support/redis-proxy.ts";
import { Frames, wordsOf } from "./support/resp.ts";

t.test("a stream is cut into frames, in whatever pieces it comes", async (t) => {
  const frames = [
    "*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n",
    "+OK\r\n",
    "$-1\r\n",
    "*-1\r\n",
    ":12\r\n",
    "*2\r\n*1\r\n$0\r\n\r\n%1\r\n+a\r\n#t\r\n",
    "-ERR no\r\n",
  ];
  const bytes = Buffer.from(frames.join(""));
  for (const size of [1, 2, 7, bytes.length]) {
    const stream = new Frames();
    const found: string[] = [];
    for (let at = 0; at < bytes.length; at += size) found.push(...stream.push(bytes.subarray(at, at + size)).map(String));
    t.same(found, frames);
  }
  t.same(wordsOf(Buffer.from(frames[0] ?? "")).map(String), ["GET", "a\r\nb"]);
});

t.test("commands get what is decided for them", { skip: skipWithoutRedis }, async (t) => {
  const server = await startRedis();
  t.teardown(() => server.remove());
  const proxy = await startRedisProxy(server.port);
  t.teardown(() => proxy.close());

  const fates: readonly (readonly [Verdict, answered: string | null, isRun: boolean])[] = [
    ["pass", "OK", true],
    ["lose request", null, false],
    ["lose reply", null, true],
    ["half reply", null, true],
    ["reset", null, true],
    [{ answer: "-READONLY no" }, "READONLY no", false],
    [{ held: () => new Promise((resolve) => setTimeout(resolve, 20)) }, "OK", true],
  ];
  for (const [index, [verdict, answered, isRun]] of fates.entries()) {
    const key = `key ${index}`;
    t.equal(await setThrough(t, proxy, key, verdict), answered, JSON.stringify(verdict));
    t.equal(await server.command("get", key), isRun ? "value" : null, `${JSON.stringify(verdict)}: run or not`);
  }
});

t.test("a held reply holds up what comes behind it, also later", { skip: skipWithoutRedis }, async (t) => {
  const server = await startRedis();
  t.teardown(() => server.remove());
  const proxy = await startRedisProxy(server.port);
  const redis = new Redis(proxy.port, "127.0.0.1");
  t.teardown(() => (redis.disconnect(), proxy.close()));
  t.equal(await redis.ping(), "PONG");
  const { promise: isHeld, resolve: held } = Promise.withResolvers<void>();
  const { promise: isOver, resolve: over } = Promise.withResolvers<void>();
  proxy.decide = ({ name, words }) => {
    if (name === "set") return { held: () => (held(), isOver) };
    return words[1]?.toString() === "here" ? { answer: "+answered here" } : "pass";
  };
  const set = redis.set("key", "value");
  await isHeld;
  const behind = [redis.echo("one"), redis.echo("here"), redis.echo("two")];
  // Until the server has run what is behind; its replies have come to the proxy by then, or are about to.
  while ((await server.calls("echo")) < 2);
  over();
  t.same([await set, ...(await Promise.all(behind))], ["OK", "one", "answered here", "two"]);
});

/** What SET is answered through the proxy; null: nothing. A command behind it is answered after it. */
async function setThrough(t: Test, proxy: RedisProxy, key: string, verdict: Verdict): Promise<string | null> {
  const redis = new Redis(proxy.port, "127.0.0.1", { retryStrategy: () => null, maxRetriesPerRequest: 0, enableReadyCheck: false });
  redis.on("error", () => undefined);
  try {
    proxy.decide = ({ name }) => (name === "set" ? verdict : "pass");
    t.equal(await redis.ping(), "PONG");
    const set = redis.set(key, "value").catch((error: Error) => (error.name === "ReplyError" ? error.message : null));
    const behind = redis.echo("behind").catch(() => null);
    const answer = await set;
    t.equal(await behind, answer === null ? null : "behind", "the order of answers is kept");
    return answer;
  } finally {
    redis.disconnect();
  }
}
