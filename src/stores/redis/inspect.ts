/** What `doctor` and the start are told about a Redis server: facts in, findings out. */

import type { StoreFinding } from "../../domain/ports.ts";
import { isAtLeast } from "./server.ts";
import type { Info } from "./server.ts";

export interface Facts {
  /** Undefined where INFO is not permitted. */
  readonly info: Info | undefined;
  /** Undefined where CONFIG GET is not permitted. */
  readonly appendfsync: string | undefined;
  /** The snapshot rule, "" for none. Undefined where CONFIG GET is not permitted. */
  readonly save: string | undefined;
  readonly roundTripMillis: number;
}

export function findingsOf(facts: Facts, isProduction: boolean, commandTimeoutMillis: number): StoreFinding[] {
  const { info } = facts;
  if (info === undefined) {
    const advice = "permit +info and +config|get to this user, or check persistence, maxmemory-policy and replicas yourself";
    return [{ severity: "warning", subject: "store", finding: "INFO is not permitted, so nothing could be checked", advice }];
  }
  return [
    version(info),
    role(info),
    eviction(info),
    durability(facts, info, isProduction),
    ...health(info),
    latency(facts, commandTimeoutMillis),
  ];
}

function version(info: Info): StoreFinding {
  const valkey = info.get("valkey_version");
  const redis = info.get("redis_version") ?? "0.0";
  const finding = valkey === undefined ? `Redis ${redis}` : `Valkey ${valkey}`;
  // SET … PXAT and exclusive XRANGE.
  if (isAtLeast(redis, 6, 2)) return { severity: "ok", subject: "version", finding };
  return { severity: "fault", subject: "version", finding: `${finding} is too old`, advice: "use Redis 6.2 or newer, or Valkey" };
}

function role(info: Info): StoreFinding {
  const subject = "replication";
  if (info.get("role") !== "master") {
    const advice = "name the primary in the store's URL";
    return { severity: "fault", subject, finding: "this server is a replica: it refuses writes and may be behind", advice };
  }
  const replicas = Number(info.get("connected_slaves") ?? "0");
  if (replicas > 0) return { severity: "ok", subject, finding: `primary with ${replicas} replica${replicas === 1 ? "" : "s"}` };
  const advice = "add a replica if the machine or its disk may be lost";
  return { severity: "hint", subject, finding: "lone primary: with its disk every session and key ring would be lost", advice };
}

function eviction(info: Info): StoreFinding {
  const subject = "eviction";
  const policy = info.get("maxmemory_policy") ?? "unknown";
  if (policy === "noeviction") return { severity: "ok", subject, finding: "maxmemory-policy is noeviction" };
  const finding = `maxmemory-policy is ${policy}: when memory is full, sessions and revocations would vanish without an error`;
  return { severity: "fault", subject, finding, advice: "set maxmemory-policy noeviction" };
}

function durability({ appendfsync, save }: Facts, info: Info, isProduction: boolean): StoreFinding {
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
