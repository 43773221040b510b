import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { Redis } from "ioredis";
import t from "tap";
import { namespaces } from "./network-namespaces.ts";
import { createNetwork, skipWithoutNamespaces } from "./network.ts";
import { startRedisProcess } from "./redis-process.ts";
import { skipWithoutRedis } from "./redis.ts";
import { startSentinelSetup } from "./redis-sentinel.ts";
import { until } from "./wait.ts";

const skip = skipWithoutNamespaces || skipWithoutRedis;

t.test("a partition drops what is sent and breaks no connection; what was sent arrives when it heals", { skip }, async (t) => {
  const network = await createNetwork(["a", "b"]);
  t.teardown(() => network.remove());
  const [a, b] = [network.host("a"), network.host("b")];
  t.match(await network.exec(a, "ip", "-4", "addr"), a.address);
  await t.rejects(network.exec(a, "false"));
  const flags = (folder: string, port: number) => ["--bind", a.address, "--port", String(port), "--dir", folder, "--protected-mode", "no"];
  const redis = await startRedisProcess({ on: a, args: ({ folder, port }) => flags(folder, port) });
  t.teardown(() => redis.remove());
  const client = new Redis({ host: redis.host, port: redis.port });
  t.teardown(() => client.disconnect());
  const id = await client.client("ID");
  let breaks = 0;
  client.on("close", () => {
    breaks += 1;
  });

  await network.partition([network.here], [a]);
  let reply: string | undefined;
  const answered = client.ping().then((text) => {
    reply = text;
  });
  await t.rejects(redis.ask("ping"), "a new connection gets no answer either");
  t.equal(reply, undefined);
  const connects = `require("node:net").connect(${redis.port}, "${redis.host}").on("connect", () => process.exit())`;
  t.equal(await network.exec(b, process.execPath, "-e", connects), "", "a host of neither side goes on");
  await network.heal();
  await answered;
  t.equal(reply, "PONG");
  t.equal(await client.client("ID"), id, "on the same connection");
  t.equal(breaks, 0);
});

t.test(
  "a primary cut off with its client acknowledges nothing that gets lost, and follows the new one when it is back",
  { skip },
  async (t) => {
    const network = await createNetwork(["a", "b", "c"]);
    t.teardown(() => network.remove());
    const setup = await startSentinelSetup({ hosts: { servers: network.hosts, sentinels: network.hosts } });
    t.teardown(() => setup.remove());
    const first = await setup.primary();
    const [alone, ...others] = network.hosts;
    if (alone === undefined) throw new Error("no host");
    await network.partition([alone], others);
    const [, watch] = setup.sentinels;
    const named = async () => String(await watch?.ask("sentinel", "get-master-addr-by-name", setup.name));
    await until("the others to have another primary", async () => !(await named()).includes(first.host));
    await until("the first to refuse writes", async () => (await first.ask("set", "k", "v").catch(String)) !== "OK");
    t.match(await first.ask("set", "k", "v").catch(String), /NOREPLICAS/);
    await network.heal();
    await setup.waitUntilHealthy();
    t.not(await setup.primary(), first);
  },
);

t.test("the hosts of a process that was killed are taken away by the next", { skip }, async (t) => {
  const file = JSON.stringify(new URL("network.ts", import.meta.url).href);
  const code = `const { createNetwork } = await import(${file}); await createNetwork(["a"]); console.log("made"); setInterval(() => {}, 1e6);`;
  const start = async () => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "inherit"] });
    t.teardown(() => child.kill("SIGKILL"));
    await once(child.stdout, "data");
    return child;
  };
  const namespacesOf = ({ pid }: ChildProcess) => namespaces().filter((name) => name.startsWith(`mintmark-${pid}-`));

  const told = await start();
  t.equal(namespacesOf(told).length, 2);
  told.kill("SIGTERM");
  await once(told, "exit");
  t.same(namespacesOf(told), [], "on a signal it does it itself");

  const killed = await start();
  killed.kill("SIGKILL");
  await once(killed, "exit");
  t.equal(namespacesOf(killed).length, 2);
  (await createNetwork(["a"])).remove();
  t.same(namespacesOf(killed), []);
});
