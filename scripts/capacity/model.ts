/** What so many sessions cost: a pure function of the assumptions. Bytes, seconds, microseconds and bits unless a name says otherwise. */

import { type CostName, type Costs, type FlowName, FLOWS } from "./costs.ts";
import type { Parameters } from "./parameters.ts";

export interface Assumptions {
  readonly parameters: Parameters;
  readonly costs: Costs;
}

export interface Memory {
  readonly sessions: number;
  readonly accounts: number;
  /** Subjects without a session, kept for a day after it has ended. */
  readonly endedSubjects: number;
  readonly assertionIds: number;
  readonly endsLog: number;
  readonly total: number;
}

export interface Shards {
  /** Each alone, as a fraction; the count is the larger, rounded up. */
  readonly byMemory: number;
  readonly byCommands: number;
  readonly count: number;
  /** Redis processes: primaries and replicas. */
  readonly processes: number;
  /** Memory to provide for all of them together. */
  readonly provided: number;
}

/** A resource and how many of one of it are needed. */
export interface Need {
  readonly resource: string;
  readonly unit: string;
  readonly units: number;
  /** False: it can't be spread over several. */
  readonly canBeAdded: boolean;
}

export interface Capacity {
  readonly sessions: number;
  readonly subjects: number;
  /** Requests per second in the busiest hour. */
  readonly rates: Readonly<Record<FlowName, number>>;
  readonly confirmedWritesPerSecond: number;
  readonly memory: Memory;
  readonly shards: Shards;
  readonly issuer: {
    /** Cores to provide for requests, and for password hashes. */
    readonly requestCores: number;
    readonly hashCores: number;
    readonly processes: number;
  };
  readonly network: { readonly edgeBits: number; readonly redisBits: number; readonly replicationBits: number };
  readonly file: {
    readonly bytesPerHour: number;
    /** Of one shard. */
    readonly rewriteSeconds: number;
    readonly copiedBytes: number;
  };
  readonly endsLog: {
    readonly appendsPerSecond: number;
    /** What one shard can take, by its core, and by the memory a day of ends may have in it. */
    readonly appendsPerSecondMax: number;
    /** How long a starting issuer asserts them again. */
    readonly assertSeconds: number;
  };
  /** The largest first. */
  readonly needs: readonly Need[];
}

const DAY_SECONDS = 86_400;
const GIB = 2 ** 30;
const MIB = 2 ** 20;

export function capacityOf(sessions: number, assumptions: Assumptions): Capacity {
  const { parameters } = assumptions;
  const rates = ratesOf(sessions, parameters);
  const total = (...costs: CostName[]): number => totalOf(rates, assumptions.costs, costs);
  const confirmedWritesPerSecond = total("confirmed-writes");
  const redisCores = (total("redis-micros") + confirmedWritesPerSecond * waitMicros(parameters)) / 1e6;
  const alone = memoryOf(sessions, rates, parameters, 0);
  const isCluster = shardsOf(alone, redisCores, parameters).count > 1;
  const memory = isCluster ? memoryOf(sessions, rates, parameters, parameters["cluster-key-bytes"]) : alone;
  const shards = shardsOf(memory, redisCores, parameters);
  const issuer = issuerOf(total("issuer-micros") / 1e6, total("hash-micros") / 1e6, parameters);
  const network = networkOf(rates, assumptions);
  const endsLog = endsLogOf(rates.end, sessions, parameters);
  return {
    sessions,
    subjects: sessions / parameters["sessions-per-subject"],
    rates,
    confirmedWritesPerSecond,
    memory,
    shards,
    issuer,
    network,
    file: fileOf(total("write-bytes"), rates.refresh, memory.total, shards.count, parameters),
    endsLog,
    needs: needsOf({ shards, issuer, network, endsLog }, rates.end, parameters),
  };
}

function ratesOf(sessions: number, p: Parameters): Record<FlowName, number> {
  const refresh = (sessions * p["active-share"]) / p["refresh-seconds"];
  const logins = (sessions * p["logins-per-session-day"] * p["peak-factor"]) / DAY_SECONDS;
  const fetches = p.verifiers / p["jwks-seconds"];
  return {
    refresh,
    "password-login": logins * p["password-share"],
    "assertion-login": logins * (1 - p["password-share"]),
    end: (sessions * p["ends-per-session-day"] * p["peak-factor"]) / DAY_SECONDS,
    introspection: refresh * p["introspections-per-refresh"],
    jwks: fetches * (1 - p["jwks-unchanged-share"]),
    "jwks-unchanged": fetches * p["jwks-unchanged-share"],
  };
}

/** Per second, over all requests. */
function totalOf(rates: Readonly<Record<FlowName, number>>, costs: Costs, names: readonly CostName[]): number {
  return sum(FLOWS.map((flow) => rates[flow] * sum(names.map((name) => costs[flow][name]))));
}

/** Without replicas nothing waits for one. */
function waitMicros(p: Parameters): number {
  return p.replicas > 0 ? p["wait-micros"] : 0;
}

function memoryOf(sessions: number, rates: Readonly<Record<FlowName, number>>, p: Parameters, perKey: number): Memory {
  const perSubject = p["sessions-per-subject"];
  const subjects = sessions / perSubject;
  const subjectBytes =
    p["subject-bytes"] + (perSubject - 1) * p["extra-session-bytes"] + perSubject * p["claims-bytes"] * p["claims-factor"] + perKey;
  const endsKept = (sessions * p["ends-per-session-day"] * p["end-seconds"]) / DAY_SECONDS;
  const kinds = {
    sessions: subjects * subjectBytes,
    accounts: subjects * p["password-share"] * (p["account-bytes"] + perKey),
    // Of a subject with several sessions, the last one that ends leaves it empty.
    endedSubjects: (endsKept / perSubject) * (p["ended-subject-bytes"] + perKey),
    assertionIds: rates["assertion-login"] * p["assertion-seconds"] * (p["assertion-id-bytes"] + perKey),
    endsLog: endsKept * p["end-entry-bytes"],
  };
  return { ...kinds, total: sum(Object.values(kinds)) };
}

function shardsOf(memory: Memory, redisCores: number, p: Parameters): Shards {
  const byMemory = memory.total / usableBytes(p);
  const byCommands = redisCores / p["redis-utilisation"];
  const count = Math.max(1, Math.ceil(byMemory), Math.ceil(byCommands));
  const copies = 1 + p.replicas;
  return { byMemory, byCommands, count, processes: count * copies, provided: (memory.total / p["usable-share"]) * copies };
}

/** For data, in one shard. */
function usableBytes(p: Parameters): number {
  return p["shard-gib"] * GIB * p["usable-share"];
}

/** JavaScript runs on one core of a process, hashes on others. */
function issuerOf(requestCpu: number, hashCpu: number, p: Parameters): Capacity["issuer"] {
  const [requestCores, hashCores] = [requestCpu / p["issuer-utilisation"], hashCpu / p["issuer-utilisation"]];
  const processes = Math.max(1, Math.ceil(requestCores), Math.ceil(hashCores / p["hashes-per-process"]));
  return { requestCores, hashCores, processes };
}

function networkOf(rates: Readonly<Record<FlowName, number>>, { costs, parameters: p }: Assumptions): Capacity["network"] {
  const requests = sum(FLOWS.map((flow) => rates[flow]));
  const bits = (bytes: number): number => bytes * 8 * p["wire-factor"];
  return {
    edgeBits: bits(totalOf(rates, costs, ["client-bytes-in", "client-bytes-out"]) + requests * (p["tls-bytes"] + p["header-bytes"])),
    redisBits: bits(totalOf(rates, costs, ["redis-bytes-in", "redis-bytes-out"])),
    replicationBits: bits(totalOf(rates, costs, ["write-bytes"]) * p.replicas),
  };
}

function fileOf(bytesPerSecond: number, refreshes: number, data: number, shards: number, p: Parameters): Capacity["file"] {
  const ofShard = data / shards;
  const rewriteSeconds = ofShard / (p["rewrite-mib-per-second"] * MIB);
  const copied = (refreshes / shards) * rewriteSeconds * p["copied-bytes-per-refresh"];
  return { bytesPerHour: bytesPerSecond * 3_600, rewriteSeconds, copiedBytes: Math.min(ofShard, copied) };
}

function endsLogOf(appendsPerSecond: number, sessions: number, p: Parameters): Capacity["endsLog"] {
  const byCore = (p["redis-utilisation"] * 1e6) / (p["append-micros"] + waitMicros(p));
  // The log holds the day's mean; a peak is over before it fills.
  const byMemory = (usableBytes(p) / (p["end-entry-bytes"] * p["end-seconds"])) * p["peak-factor"];
  const entries = (sessions * p["ends-per-session-day"] * p["end-seconds"]) / DAY_SECONDS;
  return { appendsPerSecond, appendsPerSecondMax: Math.min(byCore, byMemory), assertSeconds: (entries * p["assert-micros"]) / 1e6 };
}

function needsOf(
  { shards, issuer, network, endsLog }: Pick<Capacity, "shards" | "issuer" | "network" | "endsLog">,
  ends: number,
  p: Parameters,
): Need[] {
  const links = (bits: number): number => bits / (p["link-gbit"] * 1e9);
  const added: [resource: string, unit: string, units: number][] = [
    ["memory of Redis", "shards", shards.byMemory],
    ["commands of Redis", "shards", shards.byCommands],
    ["requests", "issuer cores", issuer.requestCores],
    ["password hashes", "issuer cores", issuer.hashCores],
    ["network at the edge", "links", links(network.edgeBits)],
    ["network of Redis", "links", links(network.redisBits + network.replicationBits)],
  ];
  return [
    ...added.map(([resource, unit, units]) => ({ resource, unit, units, canBeAdded: true })),
    { resource: "log of ends", unit: "of its one shard", units: ends / endsLog.appendsPerSecondMax, canBeAdded: false },
  ].toSorted((a, b) => b.units - a.units);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
