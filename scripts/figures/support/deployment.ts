/** Issuers as an operator runs them: processes on one store, with a configuration file in a folder of their own. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { openOperator } from "../../../src/compose.ts";
import { readConfig } from "../../../src/config.ts";
import type { ConfigDocument } from "../../../src/config.ts";
import type { Operator } from "../../../src/issuer/types.ts";
import { LOOPBACK } from "../../../test/support/host.ts";
import type { Host } from "../../../test/support/host.ts";
import { freePort, startRedis } from "../../../test/support/redis.ts";
import type { RedisServer } from "../../../test/support/redis.ts";
import { startChild } from "./child.ts";
import type { Child } from "./child.ts";
import { HttpClient } from "./http.ts";
import { until } from "./wait.ts";
import { CLIENT_ID, RESOURCE } from "./tokens.ts";

const MAIN = join(import.meta.dirname, "../../../src/main.ts");
const START_MILLIS_MAX = 120_000;

export const STORES = ["embedded", "redis"] as const;
export type StoreKind = (typeof STORES)[number];

/** A store that somebody else has set up: one server, several with Sentinel, a Cluster. */
export interface StoreSetup {
  /** As in the configuration. */
  readonly url: string;
  /** What the store asks of the configuration, e.g. `redis.waitReplicas`. */
  readonly settings?: Partial<ConfigDocument>;
  /** Ends its processes and removes what they left; called when no issuer runs any more. */
  remove(): Promise<void>;
}

export interface DeploymentOptions {
  readonly store: StoreKind | StoreSetup;
  /** Of a Redis that is started here; default "everysec". */
  readonly appendOnly?: "no" | "everysec" | "always";
  /** Of each issuer; 1 if absent. */
  readonly workers?: number;
  /** Over what every figure has. */
  readonly settings?: Partial<ConfigDocument>;
  /** Of the issuers and the operator, beside the configuration. */
  readonly env?: Readonly<Record<string, string>>;
  /** The program that issuers run; this project's own if absent. */
  readonly main?: string | undefined;
}

export interface StartOptions {
  /** Over the configuration file: environment variables win. */
  readonly env?: Readonly<Record<string, string>>;
  /** The issuer's own port for the first, a free one for the others, if absent. */
  readonly port?: number;
  /** A file that gets what the process writes. */
  readonly logPath?: string;
  /** Where it runs; on the loopback if absent. */
  readonly on?: Host;
  /** Its working directory, from which relative paths of the configuration go; the deployment's if absent. */
  readonly folder?: string;
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** What Node.js is told before the program. */
  readonly options?: readonly string[];
  /** What goes before the command so that it runs elsewhere, or as somebody else. */
  readonly prefix?: readonly string[];
}

export interface IssuerProcess {
  readonly port: number;
  readonly client: HttpClient;
  readonly child: Child;
  /** SIGTERM. */
  stop(): Promise<void>;
  /** SIGKILL to it and its workers. */
  kill(): Promise<void>;
}

export class Deployment {
  readonly directory: string;
  /** The one that was started here. */
  readonly redis: RedisServer | undefined;
  readonly issuer: string;
  readonly #setup: StoreSetup | undefined;
  readonly #main: string;
  readonly #issuers = new Set<IssuerProcess>();
  readonly #environment: Readonly<Record<string, string>>;
  readonly #configPath: string;
  readonly #port: number;
  #settings: Partial<ConfigDocument>;
  #operator: Operator | undefined;

  private constructor(options: DeploymentOptions, directory: string, redis: RedisServer | undefined, port: number) {
    this.directory = directory;
    this.redis = redis;
    this.#setup = typeof options.store === "string" ? undefined : options.store;
    this.#main = options.main ?? MAIN;
    this.#port = port;
    this.issuer = `http://127.0.0.1:${port}`;
    this.#configPath = join(directory, "mintmark.config.json");
    this.#environment = { MINTMARK_CONFIG: this.#configPath, ...options.env };
    this.#settings = { workers: options.workers ?? 1, ...options.settings };
    this.configure({});
  }

  static async make(options: DeploymentOptions): Promise<Deployment> {
    const directory = mkdtempSync(join(tmpdir(), "mintmark-"));
    const redis = options.store === "redis" ? await startRedis({ config: redisConfig(options.appendOnly ?? "everysec") }) : undefined;
    return new Deployment(options, directory, redis, await freePort());
  }

  /** Writes the configuration file again; issuers started later follow it. */
  configure(settings: Partial<ConfigDocument>): void {
    this.#settings = { ...this.#settings, ...settings };
    const { redis: ofStore, ...setup } = this.#setup?.settings ?? {};
    const { redis, ...more } = this.#settings;
    const document = {
      issuer: this.issuer,
      store: this.#setup?.url ?? this.redis?.url ?? `embedded:${join(this.directory, "data")}`,
      ops: { port: false },
      // A disk that takes its time is not what the figures are about.
      redis: { commandTimeout: "2s", ...ofStore, ...redis },
      keys: { store: `file:${join(this.directory, "keys")}` },
      // The figures know their passwords; what they get wrong, they get wrong on purpose.
      login: { failuresPerMinute: 1_000_000, failuresPerMinutePerAddress: 1_000_000 },
      resources: [{ id: RESOURCE, scopes: ["read", "write"] }],
      clients: [
        {
          id: CLIENT_ID,
          type: "public",
          grants: ["login", "refresh_token"],
          refreshTokenDelivery: "body",
          resources: [RESOURCE],
          scopes: ["read", "write"],
          sessions: true,
        },
      ],
      ...setup,
      ...more,
    } satisfies ConfigDocument;
    writeFileSync(this.#configPath, JSON.stringify(document), { mode: 0o600 });
  }

  /** Another issuer process on the same store; the first has the issuer's own port. Resolves when it is ready. */
  async startIssuer(options: StartOptions = {}): Promise<IssuerProcess> {
    const { on = LOOPBACK, folder = this.directory } = options;
    const port = options.port ?? (this.#issuers.size === 0 ? this.#port : await freePort());
    const env = { ...process.env, ...this.#environment, ...options.env, MINTMARK_HOST: on.address, MINTMARK_PORT: String(port) };
    const [command, ...args] = [...on.prefix, process.execPath, this.#main, "serve"] as string[] as [string, ...string[]];
    const child = startChild(command, args, { cwd: folder, env }, options.logPath);
    const client = new HttpClient(`http://${on.address}:${port}`);
    const isReady = async (): Promise<boolean> => {
      if (child.hasEnded()) throw new Error(`the issuer ended with ${await child.ended}:\n${child.tail()}`);
      return (await client.send({ method: "GET", path: "/readyz" })).status === 200;
    };
    await until("the issuer", isReady, START_MILLIS_MAX).catch((error: unknown) => {
      throw new Error(`${error instanceof Error ? error.message : ""}\n${child.tail()}`);
    });
    const forget = (): void => {
      this.#issuers.delete(issuer);
      client.close();
    };
    const issuer: IssuerProcess = { port, client, child, stop: () => child.stop().then(forget), kill: () => child.kill().then(forget) };
    this.#issuers.add(issuer);
    return issuer;
  }

  /** A command of the command line on this store, as a process of its own. */
  command(args: readonly string[], { env = {}, options = [], prefix = [] }: CommandOptions = {}): Child {
    const [program, ...rest] = [...prefix, process.execPath, ...options, this.#main, ...args] as [string, ...string[]];
    return startChild(program, rest, { cwd: this.directory, env: { ...process.env, ...this.#environment, ...env } });
  }

  /** The operator of this store, in this process: what the command line uses. */
  async operator(): Promise<Operator> {
    if (this.#operator !== undefined) return this.#operator;
    const result = await readConfig(this.#environment, this.directory);
    if (!result.ok) throw new Error(result.faults.map(({ path, message }) => `${path}: ${message}`).join("\n"));
    this.#operator = await openOperator(result.config, new PassThrough().resume());
    return this.#operator;
  }

  /** Adds accounts `<prefix>0`, `<prefix>1` …; their names. */
  async addUsers(prefix: string, count: number, password: string): Promise<readonly string[]> {
    const operator = await this.operator();
    const names = Array.from({ length: count }, (_, index) => `${prefix}${index}`);
    await Promise.all(names.map(async (name) => mustBeDone(await operator.addAccount({ name, password }))));
    return names;
  }

  /** Ends everything and removes the folder. */
  async remove(): Promise<void> {
    await Promise.all([...this.#issuers].map((issuer) => issuer.stop()));
    await this.#operator?.close();
    await this.redis?.remove();
    await this.#setup?.remove();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function redisConfig(appendOnly: "no" | "everysec" | "always") {
  const durability = appendOnly === "no" ? { appendonly: "no" } : { appendonly: "yes", appendfsync: appendOnly };
  return { "maxmemory-policy": "noeviction", ...durability };
}

export function mustBeDone(result: object): void {
  if ("failed" in result) throw new Error(String(result.failed));
}

/** A deployment for the time of `use`. */
export async function withDeployment<T>(options: DeploymentOptions, use: (deployment: Deployment) => Promise<T>): Promise<T> {
  const deployment = await Deployment.make(options);
  try {
    return await use(deployment);
  } finally {
    await deployment.remove();
  }
}
