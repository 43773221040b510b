import t from "tap";
import { skipWithoutRedis } from "./redis.ts";
import { startSentinelSetup } from "./redis-sentinel.ts";
import { until } from "./wait.ts";

const skip = skipWithoutRedis;

t.test("a primary that is killed gives way to a replica, and comes back as a replica", { skip }, async (t) => {
  const setup = await startSentinelSetup();
  t.teardown(() => setup.remove());
  t.match(setup.url, /^redis\+sentinel:\/\/127\.0\.0\.1:\d+,127\.0\.0\.1:\d+,127\.0\.0\.1:\d+\/mintmark$/);
  const first = await setup.primary();
  t.equal(first, setup.servers[0]);
  await first.command("set", "k", "v");
  t.equal(await first.command("wait", 2, 0), 2);
  await first.kill();
  t.type(await setup.fault(), "string", "a server that is down is a fault");
  await until("another primary", async () => (await setup.primary()) !== first);
  await first.start();
  await setup.waitUntilHealthy();
  const second = await setup.primary();
  t.not(second, first);
  t.equal(await second.command("get", "k"), "v");
  t.match(await first.command("role"), ["slave", second.host, second.port]);
  await first.kill();
  await first.start();
  t.match(await first.command("role"), ["slave", second.host, second.port], "what it became is kept over a start");
});

t.test("servers and Sentinels let nobody in without their passwords, and fail over all the same", { skip }, async (t) => {
  const auth = { username: "store", password: "of-the-servers" };
  const sentinelAuth = { username: "watch", password: "of-the-sentinels" };
  const setup = await startSentinelSetup({ auth, sentinelAuth, users: ["reader on >reads ~* +get"] });
  t.teardown(() => setup.remove());
  const [server] = setup.servers;
  t.match(await server?.command("acl", "whoami"), "store");
  t.equal(await setup.sentinels[0]?.command("acl", "whoami"), "watch");
  t.match(await server?.command("acl", "list"), [/default off/, /reader on/, /store on/]);
  const before = await setup.primary();
  await setup.sentinels[0]?.command("sentinel", "failover", setup.name);
  await until("another primary", async () => (await setup.primary()) !== before);
  await setup.waitUntilHealthy();
});
