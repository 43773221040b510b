/**
 * What each kind of request costs: CPU of the issuer and of Redis, bytes on the wire, in the append-only file and to a
 * replica. The redis-server syncs every second and has a replica, as it has where it matters.
 */

import { readFileSync } from "node:fs";
import { Deployment } from "../scripts/figures/support/deployment.ts";
import type { IssuerProcess } from "../scripts/figures/support/deployment.ts";
import { HttpClient } from "../scripts/figures/support/http.ts";
import { inLanes } from "../scripts/figures/support/lanes.ts";
import { pause } from "../scripts/figures/support/wait.ts";
import { startRedis } from "../test/support/redis.ts";
import type { RedisServer } from "../test/support/redis.ts";
import { startCountingProxy } from "./counting-proxy.ts";
import { cpuBetween, cpuTimeOf } from "./cpu.ts";
import type { CpuTime } from "./cpu.ts";
import { CONNECTIONS } from "./driver.ts";
import { FLOW_SETTINGS, makeFlows } from "./flows.ts";
import type { Flow, FlowName } from "./flows.ts";
import { spreadOf, spreadText } from "./statistics.ts";
import type { Spread } from "./statistics.ts";
import { combined, readMeters } from "./traffic.ts";
import type { Meters, Traffic } from "./traffic.ts";

const WARM_UP_TURNS = 5;
const IDLE_SECONDS = 10;

export interface CostsOptions {
  readonly rounds: number;
}

/** Microseconds of CPU per request. */
interface FlowCpu {
  readonly issuer: Spread;
  /** Of the issuer's main thread; the rest is password hashes and V8's own threads. */
  readonly issuerMain: Spread;
  readonly redis: Spread;
  readonly replica: Spread;
}

export interface CostsBench {
  readonly flows: Readonly<Record<FlowName, FlowCpu & { readonly bytes: Traffic }>>;
  /** Of an issuer process without requests, per second. */
  readonly idle: { readonly issuerMicros: number; readonly bytes: Traffic };
  /** Resident memory of the issuer process after all this. */
  readonly issuerBytes: number;
}

export async function benchCosts({ rounds }: CostsOptions): Promise<CostsBench> {
  const deployment = await Deployment.make({ store: "redis", appendOnly: "everysec", settings: FLOW_SETTINGS });
  const redis = redisOf(deployment);
  const replica = await startRedis({ config: { replicaof: `127.0.0.1 ${redis.port}` } });
  try {
    await redis.command("config", "set", "auto-aof-rewrite-percentage", "0");
    // On a young store: an issuer that starts asserts all recent ends again.
    const { flows, idle, traffic } = await countTraffic(deployment);
    const issuer = await deployment.startIssuer();
    const turns = await takeTurns(flows, issuer, [issuer.child.pid, redis.pid, replica.pid], rounds);
    const issuerBytes = residentBytesOf(issuer.child.pid);
    const costs = flows.map((flow) => [flow.name, { ...cpuOf(flow, turns.get(flow) ?? []), bytes: traffic.get(flow) }]);
    return { flows: Object.fromEntries(costs) as CostsBench["flows"], idle, issuerBytes };
  } finally {
    await deployment.remove();
    await replica.remove();
  }
}

function redisOf({ redis }: Deployment): RedisServer {
  if (redis === undefined) throw new TypeError("this benchmark needs Redis");
  return redis;
}

/** Of the issuer, Redis and its replica. */
type Turn = readonly CpuTime[];

async function takeTurns(flows: readonly Flow[], { client }: IssuerProcess, pids: readonly number[], rounds: number) {
  const turns = new Map<Flow, Turn[]>(flows.map((flow) => [flow, []]));
  for (const flow of flows) for (let turn = 0; turn < WARM_UP_TURNS; turn += 1) await make(client, await flow.prepare(flow.perTurn));
  for (let round = 0; round < rounds; round += 1) {
    for (const flow of flows) {
      const requests = await flow.prepare(flow.perTurn);
      const before = pids.map(cpuTimeOf);
      await make(client, requests);
      turns.get(flow)?.push(pids.map((pid, index) => cpuBetween(before[index] ?? { all: 0, main: 0 }, cpuTimeOf(pid))));
    }
  }
  return turns;
}

async function make(client: HttpClient, requests: Awaited<ReturnType<Flow["prepare"]>>): Promise<void> {
  await inLanes(CONNECTIONS, requests.length, async (_, index) => requests[index]?.(client));
}

function cpuOf({ perTurn }: Flow, turns: readonly Turn[]): FlowCpu {
  const spread = (process: number, of: keyof CpuTime): Spread =>
    spreadOf(turns.map((turn) => (turn[process]?.[of] ?? Number.NaN) / perTurn));
  return { issuer: spread(0, "all"), issuerMain: spread(0, "main"), redis: spread(1, "all"), replica: spread(2, "all") };
}

/** With an issuer whose connections all go through something that counts. */
async function countTraffic(deployment: Deployment) {
  const redis = redisOf(deployment);
  const store = await startCountingProxy(redis.port);
  deployment.configure({ store: `redis://127.0.0.1:${store.port}` });
  const issuer = await deployment.startIssuer();
  const http = await startCountingProxy(Number(new URL(deployment.issuer).port));
  const client = new HttpClient(`http://127.0.0.1:${http.port}`, CONNECTIONS);
  try {
    const meters = { http, store, redis };
    const { idle, issuerMicros } = await watchIdle(meters, issuer.child.pid);
    const flows = await makeFlows(deployment, client);
    const traffic = new Map<Flow, Traffic>();
    for (const flow of flows) {
      const requests = await flow.prepare(flow.perTurn);
      const { bytes } = await during(meters, idle, () => make(client, requests));
      traffic.set(
        flow,
        combined(bytes, bytes, (sum) => Math.round(sum / flow.perTurn)),
      );
    }
    return { flows, idle: { issuerMicros, bytes: idle }, traffic };
  } finally {
    client.close();
    await issuer.stop();
    await http.close();
    await store.close();
    deployment.configure({ store: redis.url });
  }
}

async function watchIdle(meters: Meters, pid: number) {
  await pause(1_000);
  const before = cpuTimeOf(pid).all;
  const { perSecond } = await during(meters, undefined, () => pause(IDLE_SECONDS * 1_000));
  return { idle: perSecond, issuerMicros: Math.round((cpuTimeOf(pid).all - before) / IDLE_SECONDS) };
}

/** What moved meanwhile, less what moves all the time. */
async function during(meters: Meters, background: Traffic | undefined, work: () => Promise<void>) {
  const [before, start] = [await readMeters(meters), performance.now()];
  await work();
  const seconds = (performance.now() - start) / 1_000;
  const all = combined(await readMeters(meters), before, (after, first) => after - first);
  const bytes = background === undefined ? all : combined(all, background, (sum, perSecond) => Math.max(0, sum - perSecond * seconds));
  return { bytes, perSecond: combined(all, all, (sum) => Math.round(sum / seconds)) };
}

function residentBytesOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1_024;
}

export function costsText({ flows, idle, issuerBytes }: CostsBench): string {
  const row = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => cell.padEnd(index === 0 ? 17 : 25))
      .join(" ")
      .trimEnd();
  const bytesText = ({ toIssuer, fromIssuer, toRedis, fromRedis, appendOnlyFile, toReplica }: Traffic): string =>
    `client ${toIssuer} > < ${fromIssuer}, Redis ${toRedis} > < ${fromRedis}, file ${appendOnlyFile}, replica ${toReplica}`;
  return [
    "costs: µs of CPU per request, median (least to most) of the turns",
    row(["", "issuer", "issuer's main thread", "Redis", "replica"]),
    ...Object.entries(flows).map(([name, { issuer, issuerMain, redis, replica }]) =>
      row([name, spreadText(issuer, 0), spreadText(issuerMain, 0), spreadText(redis, 1), spreadText(replica, 1)]),
    ),
    "bytes per request",
    ...Object.entries(flows).map(([name, { bytes }]) => `${name.padEnd(17)} ${bytesText(bytes)}`),
    `an idle issuer, per second: ${idle.issuerMicros} µs of CPU; ${bytesText(idle.bytes)}`,
    `resident memory of the issuer: ${Math.round(issuerBytes / 1_048_576)} MiB`,
  ].join("\n");
}
