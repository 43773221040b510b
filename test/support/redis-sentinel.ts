/** A primary, its replicas and the Sentinels that watch them: real processes with the settings we recommend. */

import { LOOPBACK } from "./host.ts";
import type { Host } from "./host.ts";
import type { RedisAddress, RedisAuth } from "./redis-command.ts";
import { authLines, placeLines, settingsFile, startRedisNode } from "./redis-node.ts";
import type { AppendFsync } from "./redis-node.ts";
import { startRedisProcess } from "./redis-process.ts";
import type { RedisConfig, RedisServer } from "./redis-process.ts";
import { isSameAddress, replicationFault, replicationView } from "./redis-replication.ts";
import { untilHealthy } from "./redis-setup.ts";
import type { FaultOf } from "./redis-setup.ts";
import { sentinelFault, sentinelView } from "./sentinel-view.ts";

export interface SentinelSetupOptions {
  /** What the Sentinels call the primary; `mintmark` where nothing is said. */
  readonly name?: string;
  /** 2 where nothing is said. */
  readonly replicas?: number;
  /** 3 where nothing is said; more than half of them must agree. */
  readonly sentinels?: number;
  readonly appendfsync?: AppendFsync;
  /** Of primary and replicas, before what is recommended. */
  readonly config?: RedisConfig;
  readonly downAfterMillis?: number;
  readonly failoverTimeoutMillis?: number;
  /** Of primary and replicas. */
  readonly auth?: RedisAuth;
  /** More ACL users of primary and replicas, e.g. `mintmark on >password ~mintmark:* +@all`. */
  readonly users?: readonly string[];
  readonly sentinelAuth?: RedisAuth;
  /**
   * Sentinels look around ten times as often as they do (from Redis 7.0 on): one who comes back hears within two seconds whom to follow, not
   * within ten or twenty.
   */
  readonly isHurried?: boolean;
  /** Where each runs, the first primary first; on the loopback where nothing is said. */
  readonly hosts?: { readonly servers: readonly Host[]; readonly sentinels: readonly Host[] };
}

export interface SentinelSetup {
  /** `redis+sentinel://host:port,host:port/name`, without passwords. */
  readonly url: string;
  readonly name: string;
  /** The first primary first. */
  readonly servers: readonly RedisServer[];
  readonly sentinels: readonly RedisServer[];
  /** The one that the Sentinels name. */
  primary(): Promise<RedisServer>;
  /** The servers that are not the primary. */
  replicas(): Promise<RedisServer[]>;
  /** None where one primary has all replicas in sync and every Sentinel sees it so. */
  readonly fault: FaultOf;
  waitUntilHealthy(limitMillis?: number): Promise<void>;
  remove(): Promise<void>;
}

/** A primary cut off from its replicas stops taking writes within these seconds. */
const recommended: RedisConfig = { "min-replicas-to-write": "1", "min-replicas-max-lag": "2" };

interface Watch {
  readonly name: string;
  readonly primary: RedisAddress;
  readonly quorum: number;
  readonly downAfterMillis: number;
  readonly failoverTimeoutMillis: number;
  readonly auth: RedisAuth;
  readonly sentinelAuth: RedisAuth;
}

function watchLines({ name, primary, quorum, downAfterMillis, failoverTimeoutMillis, auth, sentinelAuth }: Watch): string[] {
  const optional = (setting: string, value: string | undefined) => (value === undefined ? [] : [`sentinel ${setting} ${value}`]);
  return [
    `sentinel monitor ${name} ${primary.host} ${primary.port} ${quorum}`,
    `sentinel down-after-milliseconds ${name} ${downAfterMillis}`,
    `sentinel failover-timeout ${name} ${failoverTimeoutMillis}`,
    `sentinel parallel-syncs ${name} 1`,
    ...optional(`auth-user ${name}`, auth.username),
    ...optional(`auth-pass ${name}`, auth.password),
    ...optional("sentinel-user", sentinelAuth.username),
    ...optional("sentinel-pass", sentinelAuth.password),
    ...authLines(sentinelAuth),
  ];
}

/** By redis-server itself: the package of redis-sentinel may be missing. */
function startSentinel(watch: Watch, on: Host): Promise<RedisServer> {
  return startRedisProcess({
    on,
    auth: watch.sentinelAuth,
    readyText: "+monitor master",
    args: (place) => [settingsFile(place, [...placeLines(place), ...watchLines(watch)]), "--sentinel"],
  });
}

/** One that does not know the command goes on as it is. */
async function hurry(sentinel: RedisServer): Promise<void> {
  await sentinel.command("sentinel", "debug", "info-period", 1000, "publish-period", 500).catch(() => undefined);
}

async function startServers(options: SentinelSetupOptions): Promise<[RedisServer, ...RedisServer[]]> {
  const { replicas = 2, appendfsync = "everysec", auth = {}, users = [], hosts } = options;
  const config = { ...recommended, ...options.config };
  const node = (index: number, more: RedisConfig = {}) =>
    startRedisNode({ config: { ...config, ...more }, appendfsync, auth, users, on: hosts?.servers[index] ?? LOOPBACK });
  const primary = await node(0);
  const replicaof = `${primary.host} ${primary.port}`;
  return [primary, ...(await Promise.all(Array.from({ length: replicas }, (_, index) => node(index + 1, { replicaof }))))];
}

/** On a machine with much to do they may all be late. */
const ASKED_AGAIN = 5;

/** One cut off from the others may not know of the last failover. */
async function addressNamed(sentinels: readonly RedisServer[], name: string, asked = 1): Promise<RedisAddress> {
  const views = await Promise.all(sentinels.map((sentinel) => sentinelView(sentinel, name).catch(() => undefined)));
  const [newest] = views.filter((view) => view !== undefined).toSorted((one, other) => other.configEpoch - one.configEpoch);
  if (newest !== undefined) return newest.primary;
  if (asked === ASKED_AGAIN) throw new Error("no Sentinel answers");
  return addressNamed(sentinels, name, asked + 1);
}

async function setupFault(name: string, servers: readonly RedisServer[], sentinels: readonly RedisServer[]): Promise<string | undefined> {
  const views = await Promise.all(sentinels.map((sentinel) => sentinelView(sentinel, name)));
  const address = views[0]?.primary;
  const primary = servers.find((server) => isSameAddress(address, server));
  if (primary === undefined) return `the Sentinels name ${address?.host}:${address?.port}`;
  const atPrimary = await replicationView(primary);
  const others = servers.filter((server) => server !== primary);
  const fault = replicationFault(atPrimary, await Promise.all(others.map(replicationView)));
  if (fault !== undefined) return fault;
  const expected = { primary, replicas: others.length, sentinels: sentinels.length };
  const faults = views.map((view) => sentinelFault(view, expected));
  return faults.find((each) => each !== undefined);
}

export async function startSentinelSetup(options: SentinelSetupOptions = {}): Promise<SentinelSetup> {
  const {
    name = "mintmark",
    sentinels: count = 3,
    downAfterMillis = 1000,
    failoverTimeoutMillis = 10_000,
    auth = {},
    sentinelAuth = {},
  } = options;
  const servers = await startServers(options);
  const [first] = servers;
  const inSync = async () => replicationFault(await replicationView(first), await Promise.all(servers.slice(1).map(replicationView)));
  // A Sentinel that begins before its replicas are there looks for them again only after ten seconds.
  await untilHealthy(inSync);
  const watch = { name, primary: first, quorum: Math.floor(count / 2) + 1, downAfterMillis, failoverTimeoutMillis, auth, sentinelAuth };
  const sentinels = await Promise.all(
    Array.from({ length: count }, (_, index) => startSentinel(watch, options.hosts?.sentinels[index] ?? LOOPBACK)),
  );

  if (options.isHurried === true) await Promise.all(sentinels.map(hurry));

  const fault = () => setupFault(name, servers, sentinels).catch((error: unknown) => String(error));
  const primary = async () => {
    const address = await addressNamed(sentinels, name);
    const found = servers.find((server) => isSameAddress(address, server));
    if (found === undefined) throw new Error(`the Sentinels name ${address.host}:${address.port}, which is none of the servers`);
    return found;
  };
  const setup: SentinelSetup = {
    url: `redis+sentinel://${sentinels.map(({ host, port }) => `${host}:${port}`).join(",")}/${name}`,
    name,
    servers,
    sentinels,
    primary,
    async replicas() {
      const current = await primary();
      return servers.filter((server) => server !== current);
    },
    fault,
    waitUntilHealthy: (limitMillis) => untilHealthy(fault, limitMillis),
    async remove() {
      await Promise.all([...sentinels, ...servers].map((server) => server.remove()));
    },
  };
  await setup.waitUntilHealthy();
  return setup;
}
