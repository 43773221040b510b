import t from "tap";
import type { Test } from "tap";
import type { Facts } from "../../../src/stores/redis/facts.ts";
import { findingsOf, type Judgement } from "../../../src/stores/redis/inspect.ts";
import { sentinelFindings } from "../../../src/stores/redis/sentinels.ts";
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

type Changed = Partial<Record<keyof typeof good | "valkey_version" | "evicted_keys" | "slave0", string>>;
type Rest = Partial<Omit<Facts, "info" | "settings">> & { readonly settings?: Partial<Facts["settings"]> };

/** Severity by subject. */
function severities(t: Test, info: Changed, rest: Rest = {}, judgement: Partial<Judgement> = {}): Record<string, string> {
  const facts: Facts = {
    denied: { commands: [], isKeyDenied: false },
    roundTripMillis: 1,
    clockAheadMillis: 0,
    ...rest,
    info: new Map(Object.entries({ ...good, ...info })),
    settings: { appendfsync: "always", save: "", minReplicasToWrite: "1", ...rest.settings },
  };
  const findings = findingsOf(facts, { production: true, commandTimeoutMillis: 250, waitReplicas: 1, keyPrefix: "m:", ...judgement });
  for (const { finding, advice, severity } of findings) {
    if (`${finding}${advice ?? ""}`.includes("\n")) t.fail("one line each");
    if ((advice === undefined) !== (severity === "ok")) t.fail(`what is to be done about it: ${finding}`);
  }
  return Object.fromEntries(findings.map(({ subject, severity }) => [subject, severity]));
}

const settings = (changed: Partial<Facts["settings"]>): Rest => ({ settings: changed });
const development = { production: false };

t.test("a durable, replicated server that does not evict has nothing to be said against", async (t) => {
  t.same(severities(t, {}), {
    version: "ok",
    replication: "ok",
    eviction: "ok",
    durability: "ok",
    latency: "ok",
    permissions: "ok",
  });
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
  t.match(severities(t, {}, settings({ appendfsync: "everysec" })), { durability: "hint" });
  t.match(severities(t, {}, settings({ appendfsync: "no" })), { durability: "fault" });
  t.match(severities(t, {}, settings({ appendfsync: "no" }), development), { durability: "warning" });
  t.match(severities(t, {}, settings({ appendfsync: undefined })), { durability: "warning" });
  t.match(severities(t, { aof_enabled: "0" }, settings({ save: "" })), { durability: "fault" });
  t.match(severities(t, { aof_enabled: "0" }, settings({ save: "" }), development), { durability: "hint" });
  t.match(severities(t, { aof_enabled: "0" }, settings({ save: "3600 1" })), { durability: "fault" });
  t.match(severities(t, { aof_enabled: "0" }, settings({ save: "3600 1" }), development), { durability: "warning" });
  t.match(severities(t, { aof_enabled: "0" }, settings({ save: undefined })), { durability: "warning" });
});

t.test("a replica and an old server are faults, a lone primary is said", async (t) => {
  t.match(severities(t, { role: "slave" }), { replication: "fault" });
  t.match(severities(t, { connected_slaves: "0" }, {}, { waitReplicas: 0 }), { replication: "warning" });
  t.match(severities(t, { connected_slaves: "0" }, {}, { waitReplicas: 0, ...development }), { replication: "hint" });
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

t.test("replicas that are not there, not waited for, late or not demanded are said", async (t) => {
  t.match(severities(t, { connected_slaves: "1" }, {}, { waitReplicas: 2 }), { replication: "fault" });
  t.match(severities(t, { connected_slaves: "1" }, {}, { waitReplicas: 0 }), { replication: "warning" });
  const slave = (state: string, lag: number) => ({ slave0: `ip=10.0.0.2,port=6379,state=${state},offset=14,lag=${lag}` });
  t.equal(severities(t, slave("online", 1))["replicas"], undefined);
  t.match(severities(t, slave("online", 9)), { replicas: "warning" });
  t.match(severities(t, slave("wait_bgsave", 0)), { replicas: "warning" });
  t.match(severities(t, slave("online", 1), settings({ minReplicasToWrite: "0" })), { replicas: "hint" });
});

t.test("evicted keys, a clock that differs and missing rights are said", async (t) => {
  t.match(severities(t, { evicted_keys: "3" }), { eviction: "warning" });
  t.match(severities(t, {}, { clockAheadMillis: -1_500 }), { "server clock": "warning" });
  t.equal(severities(t, {}, { clockAheadMillis: 900 })["server clock"], undefined);
  t.match(severities(t, {}, { denied: { commands: ["xadd"], isKeyDenied: false } }), { permissions: "fault" });
  t.match(severities(t, {}, { denied: { commands: [], isKeyDenied: true } }), { permissions: "fault" });
});

t.test("sentinels that can't do their work are said", async (t) => {
  const view = (changed: Record<string, string> = {}) =>
    new Map(Object.entries({ "num-other-sentinels": "2", quorum: "2", "down-after-milliseconds": "1000", ...changed }));
  const found = (changed: Record<string, string>) =>
    sentinelFindings(new Map([["s:1", view(changed)]]), "main").map(({ severity }) => severity);
  t.same(found({}), ["ok"]);
  t.same(found({ "num-other-sentinels": "1" }), ["warning"]);
  t.same(found({ quorum: "4" }), ["fault"]);
  t.same(found({ "down-after-milliseconds": "30000" }), ["hint"]);
  t.match(
    sentinelFindings(
      new Map([
        ["s:1", undefined],
        ["s:2", view()],
      ]),
      "main",
    ),
    [{ severity: "warning", finding: /^s:1 / }, { severity: "ok" }],
  );
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
    { subject: "version", severity: "ok", finding: /^(?:Redis|Valkey) \d+\.\d+\.\d+, compare-and-set by (?:SET IFEQ|a script)$/ },
    { subject: "replication", severity: "warning" },
    { subject: "eviction", severity: "fault", finding: /allkeys-lru/ },
    { subject: "durability", severity: "hint", finding: /everysec/ },
    { subject: "latency" },
    { subject: "permissions", severity: "ok" },
  ]);
  await redis.command("config", "set", "appendonly", "no", "maxmemory-policy", "noeviction");
  t.match(await opened.inspect(), [{}, {}, { subject: "eviction", severity: "ok" }, { subject: "durability", severity: "fault" }, {}, {}]);
});
