import t from "tap";
import type { Test } from "tap";
import { findingsOf } from "../../../src/stores/redis/inspect.ts";
import type { Facts } from "../../../src/stores/redis/inspect.ts";
import { canSetIfEqual, isAtLeast, parseInfo } from "../../../src/stores/redis/server.ts";
import { skipWithoutRedis } from "../../support/redis.ts";
import { server, store } from "./support.ts";

const good = {
  redis_version: "7.0.15",
  role: "master",
  connected_slaves: "1",
  maxmemory_policy: "noeviction",
  maxmemory: "0",
  used_memory: "1000",
  aof_enabled: "1",
  aof_last_write_status: "ok",
  rdb_last_bgsave_status: "ok",
};

type Changed = Partial<Record<keyof typeof good | "valkey_version", string>>;

/** Severity by subject. */
function severities(t: Test, info: Changed, rest: Partial<Facts> = {}, isProduction = true): Record<string, string> {
  const facts = { info: new Map(Object.entries({ ...good, ...info })), appendfsync: "always", save: "", roundTripMillis: 1, ...rest };
  const findings = findingsOf(facts, isProduction, 250);
  for (const { finding, advice, severity } of findings) {
    if (`${finding}${advice ?? ""}`.includes("\n")) t.fail("one line each");
    if ((advice === undefined) !== (severity === "ok")) t.fail(`what is to be done about it: ${finding}`);
  }
  return Object.fromEntries(findings.map(({ subject, severity }) => [subject, severity]));
}

t.test("a durable, replicated server that does not evict has nothing to be said against", async (t) => {
  t.same(severities(t, {}), { version: "ok", replication: "ok", eviction: "ok", durability: "ok", latency: "ok" });
});

t.test("every evicting policy is a fault", async (t) => {
  for (const policy of [
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
  ]) {
    t.match(severities(t, { maxmemory_policy: policy }), { eviction: "fault" }, policy);
  }
});

t.test("what could be lost is said", async (t) => {
  t.match(severities(t, {}, { appendfsync: "everysec" }), { durability: "hint" });
  t.match(severities(t, {}, { appendfsync: "no" }), { durability: "fault" });
  t.match(severities(t, {}, { appendfsync: "no" }, false), { durability: "warning" });
  t.match(severities(t, {}, { appendfsync: undefined }), { durability: "warning" });
  t.match(severities(t, { aof_enabled: "0" }, { save: "" }), { durability: "fault" });
  t.match(severities(t, { aof_enabled: "0" }, { save: "" }, false), { durability: "hint" });
  t.match(severities(t, { aof_enabled: "0" }, { save: "3600 1" }), { durability: "fault" });
  t.match(severities(t, { aof_enabled: "0" }, { save: "3600 1" }, false), { durability: "warning" });
  t.match(severities(t, { aof_enabled: "0" }, { save: undefined }), { durability: "warning" });
});

t.test("a replica and an old server are faults, a lone primary a hint", async (t) => {
  t.match(severities(t, { role: "slave" }), { replication: "fault" });
  t.match(severities(t, { connected_slaves: "0" }), { replication: "hint" });
  t.match(severities(t, { redis_version: "6.0.20" }), { version: "fault" });
  t.match(severities(t, { redis_version: "6.2.0" }), { version: "ok" });
});

t.test("full memory, a broken disk and a slow way are said", async (t) => {
  t.match(severities(t, { maxmemory: "1000", used_memory: "901" }), { memory: "warning" });
  t.equal(severities(t, { maxmemory: "1000", used_memory: "900" })["memory"], undefined);
  t.match(severities(t, { aof_last_write_status: "err" }), { disk: "fault" });
  t.match(severities(t, { rdb_last_bgsave_status: "err" }), { disk: "fault" });
  t.match(severities(t, {}, { roundTripMillis: 63 }), { latency: "warning" });
});

t.test("versions are compared by number", async (t) => {
  t.ok(isAtLeast("8.4.0", 8, 4));
  t.ok(isAtLeast("8.10.0", 8, 4));
  t.ok(isAtLeast("10.0.1", 8, 4));
  t.notOk(isAtLeast("8.3.99", 8, 4));
  t.notOk(isAtLeast("7.9.0", 8, 4));
});

t.test("SET with IFEQ is used from Redis 8.4 and Valkey 8.1 on", async (t) => {
  const can = (...lines: string[]) => canSetIfEqual(parseInfo(["# Server", ...lines, ""].join("\r\n")));
  t.ok(can("redis_version:8.4.0"));
  t.notOk(can("redis_version:8.2.1"));
  t.ok(can("redis_version:7.2.4", "server_name:valkey", "valkey_version:8.1.0"));
  t.notOk(can("redis_version:7.2.4", "server_name:valkey", "valkey_version:8.0.2"));
  t.notOk(can("nothing:known"));
});

t.test("a real server says what it is set to", { skip: skipWithoutRedis }, async (t) => {
  const redis = await server(t, { config: { appendonly: "yes", "maxmemory-policy": "allkeys-lru" } });
  const opened = await store(t, redis.url, { production: true });
  t.match(await opened.inspect(), [
    { subject: "version", severity: "ok", finding: /^(?:Redis|Valkey) \d+\.\d+\.\d+$/ },
    { subject: "replication", severity: "hint" },
    { subject: "eviction", severity: "fault", finding: /allkeys-lru/ },
    { subject: "durability", severity: "hint", finding: /everysec/ },
    { subject: "latency" },
  ]);
  await redis.command("config", "set", "appendonly", "no", "maxmemory-policy", "noeviction");
  t.match(await opened.inspect(), [{}, {}, { subject: "eviction", severity: "ok" }, { subject: "durability", severity: "fault" }, {}]);
});
