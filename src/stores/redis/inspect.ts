/** What `doctor` and the start are told about a store in Redis: facts in, findings out. */

import type { Clock, Random, StoreFinding } from "../../domain/ports.ts";
import type { SentinelAccess } from "./connection.ts";
import { askFacts, type Facts, type ServerSettings } from "./facts.ts";
import type { Primary } from "./primary.ts";
import type { Routes } from "./routes.ts";
import { inspectSentinels } from "./sentinels.ts";
import { isAtLeast, canSetIfEqual } from "./server.ts";
import type { Info } from "./server.ts";
import type { RedisTarget } from "./url.ts";

export interface InspectOptions {
  readonly keyPrefix: string;
  readonly commandTimeoutMillis: number;
  readonly waitReplicas: number;
  readonly production: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly sentinelAccess?: SentinelAccess | undefined;
}

/** Asks every primary, and the sentinels. Rejects with `StoreError` where a primary does not answer. */
export async function inspect(routes: Routes, target: RedisTarget, options: InspectOptions): Promise<readonly StoreFinding[]> {
  const primaries = await routes.all();
  const needs = { waits: options.waitReplicas > 0, isCluster: target.kind === "cluster" };
  const ask = (primary: Primary): Promise<Facts> => askFacts(primary.commands(), options.keyPrefix, needs, options.clock);
  const findings = await Promise.all(
    primaries.map(async (primary) => ({ address: primary.address, findings: findingsOf(await ask(primary), options) })),
  );
  const together = joined(findings);
  if (target.kind === "cluster") return [...clusterFindings(primaries.length), ...together];
  if (target.kind === "sentinel") return [...together, ...(await inspectSentinels(target, options.sentinelAccess ?? {}, options))];
  return together;
}

/** Two can't outvote the third that is gone. */
const MIN_PRIMARIES = 3;

function clusterFindings(primaries: number): StoreFinding[] {
  const finding = `${primaries} primaries`;
  if (primaries >= MIN_PRIMARIES) return [{ severity: "ok", subject: "cluster", finding }];
  const advice = "spread the slots over at least three primaries";
  return [{ severity: "warning", subject: "cluster", finding: `${finding}: too few to agree on a failover`, advice }];
}

interface Found {
  readonly address: string;
  readonly findings: readonly StoreFinding[];
}

/** What is true of every primary is said once, what is not, with the address of those of which it is. */
function joined(all: readonly Found[]): readonly StoreFinding[] {
  const places = new Map<string, { finding: StoreFinding; addresses: string[] }>();
  for (const { address, findings } of all)
    for (const finding of findings) {
      const name = `${finding.subject} ${finding.finding}`;
      const place = places.get(name) ?? { finding, addresses: [] };
      places.set(name, { ...place, addresses: [...place.addresses, address] });
    }
  return [...places.values()].map(({ finding, addresses }) =>
    addresses.length === all.length ? finding : { ...finding, finding: `${addresses.join(", ")}: ${finding.finding}` },
  );
}

export type Judgement = Pick<InspectOptions, "production" | "commandTimeoutMillis" | "waitReplicas" | "keyPrefix">;

/** What the facts of one primary mean. */
export function findingsOf(facts: Facts, options: Judgement): StoreFinding[] {
  const { info } = facts;
  const rest = [...permissions(facts, options), ...clock(facts)];
  if (info === undefined) {
    const advice = "permit +info and +config|get to this user, or check persistence, maxmemory-policy and replicas yourself";
    return [{ severity: "warning", subject: "store", finding: "INFO is not permitted, so nothing could be checked", advice }, ...rest];
  }
  return [
    version(info),
    replication(info, options),
    ...replicas(info, facts.settings),
    eviction(info),
    durability(facts.settings, info, options.production),
    ...health(info),
    latency(facts, options.commandTimeoutMillis),
    ...rest,
  ];
}

function permissions({ denied }: Facts, { keyPrefix }: Judgement): StoreFinding[] {
  const subject = "permissions";
  const rules = [...denied.commands.map((name) => `+${name}`), ...(denied.isKeyDenied ? [`~${keyPrefix}*`] : [])];
  if (rules.length === 0) return [{ severity: "ok", subject, finding: "every command that the store needs is permitted" }];
  const what =
    denied.commands.length === 0 ? "the keys of this issuer" : `the command${rules.length === 1 ? "" : "s"} ${denied.commands.join(", ")}`;
  return [{ severity: "fault", subject, finding: `this user has no right to ${what}`, advice: `ACL SETUSER <user> ${rules.join(" ")}` }];
}

/** The whole clock skew is `doctor`'s to judge; this tells the servers of a cluster apart. */
const WORTH_A_LOOK_MILLIS = 1_000;

function clock({ clockAheadMillis, roundTripMillis }: Facts): StoreFinding[] {
  const difference = Math.abs(clockAheadMillis) - roundTripMillis / 2;
  if (difference <= WORTH_A_LOOK_MILLIS) return [];
  const finding = `the server's clock is ${(difference / 1000).toFixed(1)} s ${clockAheadMillis > 0 ? "ahead of" : "behind"} this machine's`;
  return [{ severity: "warning", subject: "server clock", finding, advice: "let all machines follow one time source" }];
}

function version(info: Info): StoreFinding {
  const valkey = info.get("valkey_version");
  const redis = info.get("redis_version") ?? "0.0";
  const name = valkey === undefined ? `Redis ${redis}` : `Valkey ${valkey}`;
  const finding = `${name}, compare-and-set by ${canSetIfEqual(info) ? "SET IFEQ" : "a script"}`;
  // SET … PXAT and exclusive XRANGE.
  if (isAtLeast(redis, 6, 2)) return { severity: "ok", subject: "version", finding };
  return { severity: "fault", subject: "version", finding: `${name} is too old`, advice: "use Redis 6.2 or newer, or Valkey" };
}

function replication(info: Info, { waitReplicas, production }: Judgement): StoreFinding {
  const subject = "replication";
  if (info.get("role") !== "master") {
    const advice = "name the primary in the store's URL";
    return { severity: "fault", subject, finding: "this server is a replica: it refuses writes and may be behind", advice };
  }
  const connected = Number(info.get("connected_slaves") ?? "0");
  const are = `${connected} replica${connected === 1 ? " is" : "s are"} connected`;
  if (connected < waitReplicas) {
    const finding = `redis.waitReplicas is ${waitReplicas} and ${are}: logins and ends of sessions are answered 503`;
    return {
      severity: "fault",
      subject,
      finding,
      advice: "start the replicas, or lower redis.waitReplicas and know what a failover may lose",
    };
  }
  if (connected === 0) {
    const finding = "lone primary: with its disk every session and key ring would be lost";
    return { severity: production ? "warning" : "hint", subject, finding, advice: "add a replica if the machine or its disk may be lost" };
  }
  if (waitReplicas === 0) {
    const finding = `${are} and redis.waitReplicas is 0: a failover may lose revocations that were acknowledged`;
    return { severity: "warning", subject, finding, advice: "set redis.waitReplicas to 1" };
  }
  return { severity: "ok", subject, finding: `${are}; ${waitReplicas} must confirm` };
}

const LAG_SECONDS_MAX = 2;

/** `slave0:ip=…,port=…,state=online,offset=…,lag=1` */
function replicas(info: Info, { minReplicasToWrite }: ServerSettings): StoreFinding[] {
  const subject = "replicas";
  const lines = [...info].filter(([name]) => /^slave[0-9]+$/.test(name)).map(([, line]) => line);
  const late = lines.filter((line) => !line.includes("state=online") || Number(/lag=(-?\d+)/.exec(line)?.[1]) > LAG_SECONDS_MAX);
  const findings = late.map((line): StoreFinding => {
    const [, host, port] = /ip=([^,]*),port=([0-9]+)/.exec(line) ?? [];
    const finding = `the replica ${host}:${port} is behind or not online`;
    return { severity: "warning", subject, finding, advice: "look at its log, its disk and its network" };
  });
  if (lines.length === 0 || minReplicasToWrite !== "0") return findings;
  const finding = "min-replicas-to-write is 0: a primary that is cut off goes on taking what a failover will lose";
  return [...findings, { severity: "hint", subject, finding, advice: "set min-replicas-to-write 1 and min-replicas-max-lag 2" }];
}

function eviction(info: Info): StoreFinding {
  const subject = "eviction";
  const policy = info.get("maxmemory_policy") ?? "unknown";
  if (policy === "noeviction") return { severity: "ok", subject, finding: "maxmemory-policy is noeviction" };
  const finding = `maxmemory-policy is ${policy}: when memory is full, sessions and revocations would vanish without an error`;
  return { severity: "fault", subject, finding, advice: "set maxmemory-policy noeviction" };
}

function durability({ appendfsync, save }: ServerSettings, info: Info, isProduction: boolean): StoreFinding {
  const subject = "durability";
  if (info.get("aof_enabled") === "1") return appendOnly(appendfsync, isProduction);
  const advice = "set appendonly yes";
  if (save === "") {
    const finding = "no persistence: a restart of the server loses everything";
    return { severity: isProduction ? "fault" : "hint", subject, finding, advice };
  }
  const isKnown = save !== undefined;
  const rule = isKnown ? "snapshots only" : "CONFIG GET is not permitted: maybe snapshots, maybe nothing";
  // Where a provider hides its settings, what it promises is for the operator to judge.
  return {
    severity: isKnown && isProduction ? "fault" : "warning",
    subject,
    finding: `${rule}; a crash loses all since the last snapshot, minutes or more`,
    advice,
  };
}

function appendOnly(appendfsync: string | undefined, isProduction: boolean): StoreFinding {
  const subject = "durability";
  const advice = "set appendfsync always where no acknowledged revocation may be lost";
  switch (appendfsync) {
    case "always":
      return { severity: "ok", subject, finding: "append-only file, synced before each answer" };
    case "everysec":
      return { severity: "hint", subject, finding: "appendfsync everysec: a power cut may lose the last second or two", advice };
    case undefined:
      return {
        severity: "warning",
        subject,
        finding: "append-only file; CONFIG GET is not permitted, so how often it is synced is unknown",
        advice,
      };
    default:
      return {
        severity: isProduction ? "fault" : "warning",
        subject,
        finding: `appendfsync ${appendfsync}: a power cut may lose half a minute or more`,
        advice,
      };
  }
}

function health(info: Info): StoreFinding[] {
  const findings: StoreFinding[] = [];
  const used = Number(info.get("used_memory") ?? "0");
  const most = Number(info.get("maxmemory") ?? "0");
  if (most > 0 && used > most * 0.9) {
    const finding = `${Math.floor((used / most) * 100)} % of maxmemory is in use; when it is full, logins and refreshes are refused`;
    findings.push({ severity: "warning", subject: "memory", finding, advice: "raise maxmemory" });
  }
  const evicted = Number(info.get("evicted_keys") ?? "0");
  if (evicted > 0) {
    const finding = `${evicted} keys were evicted since the server started: sessions or revocations are gone`;
    findings.push({
      severity: "warning",
      subject: "eviction",
      finding,
      advice: "end what may have been revoked: mintmark sessions revoke --all",
    });
  }
  const broken = ["aof_last_write_status", "rdb_last_bgsave_status"].find((field) => info.get(field) === "err");
  if (broken !== undefined) {
    const finding = `${broken} is err: the server can't write its file, and may refuse writes`;
    findings.push({ severity: "fault", subject: "disk", finding, advice: "look at the server's log and at the free space of its disk" });
  }
  return findings;
}

function latency({ roundTripMillis }: Facts, commandTimeoutMillis: number): StoreFinding {
  const finding = `a round trip takes ${Math.round(roundTripMillis)} ms`;
  if (roundTripMillis <= commandTimeoutMillis / 4) return { severity: "ok", subject: "latency", finding };
  const advice = "move the issuer nearer to the store, or raise redis.commandTimeout";
  return { severity: "warning", subject: "latency", finding: `${finding}, the command timeout is ${commandTimeoutMillis} ms`, advice };
}
