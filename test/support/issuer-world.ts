/** Issuers in a world of their own: a clock that stands still, random bytes from a seed, faults on demand. */

import { hash } from "node:crypto";
import { KEYS, ringDocument } from "../../src/domain/documents.ts";
import type { IssuerEvent } from "../../src/domain/events.ts";
import type { Client, Policy, Resource } from "../../src/domain/policy.ts";
import {
  type Bytes,
  type FetchDocument,
  type KeyCustodian,
  FetchError,
  type PasswordHasher,
  type Random,
  type RingCopy,
  type Store,
} from "../../src/domain/ports.ts";
import { isRefusal, type Refusal } from "../../src/domain/refusal.ts";
import { subjectKeyOf } from "../../src/domain/refresh-token.ts";
import type { Ring } from "../../src/domain/ring.ts";
import type { SubjectDocument } from "../../src/domain/subject.ts";
import { decodeSubject } from "../../src/domain/subject-codec.ts";
import {
  createIssuer,
  createOperator,
  type Done,
  type Issuer,
  type LogInRequest,
  type Operator,
  type Ports,
  type RefreshRequest,
  type TokenGrant,
} from "../../src/issuer/index.ts";
import { systemDigests } from "../../src/platform/digests.ts";
import { Link, rollBack, type Snapshot, snapshotOf } from "./faulty-store.ts";
import { type MemoryKeys, memoryKeys } from "./memory-keys.ts";
import { memoryData, openMemoryStore } from "./memory-store.ts";

export const ISSUER = "https://auth.example.com";
export const API = "https://api.example.com";
export const REPORTS = "https://reports.example.com";
export const PASSWORD = "correct horse battery staple";
export const SECOND = 1_000;
export const MINUTE = 60_000;
export const HOUR = 3_600_000;
export const DAY = 86_400_000;
/** 2027-01-01T00:00:00Z. */
export const START = 1_798_761_600_000;

export function client(id: string, members: Partial<Client> = {}): Client {
  return {
    id,
    type: "public",
    grants: ["login", "refresh_token"],
    refreshTokenDelivery: "body",
    allowedOrigins: [],
    rotates: true,
    resources: [API, REPORTS],
    scopes: ["read", "write"],
    sessions: false,
    retryWindowMillis: 30 * SECOND,
    keyedRetryWindowMillis: HOUR,
    idleLifetimeMillis: 30 * DAY,
    absoluteLifetimeMillis: 180 * DAY,
    accessTokenLifetimeMillis: 10 * MINUTE,
    ...members,
  };
}

export function resource(id: string, members: Partial<Resource> = {}): Resource {
  return { id, scopes: ["read", "write"], algorithm: "ES256", edAlgName: "EdDSA", accessTokenLifetimeMillis: 10 * MINUTE, ...members };
}

export const SECRET = "a secret of a confidential client";

const CLIENTS: readonly Client[] = [
  client("app", { resources: [API, REPORTS, ISSUER], sessions: true }),
  client("other"),
  client("service", {
    type: "confidential",
    grants: ["client_credentials"],
    secretSha256: systemDigests.sha256(Buffer.from(SECRET)),
    resources: [API],
    scopes: ["read"],
  }),
];

export function policy(members: Partial<Policy> = {}, clients: readonly Client[] = CLIENTS): Policy {
  const resources = [
    resource(API),
    resource(REPORTS, { scopes: ["read"], algorithm: "EdDSA" }),
    resource(ISSUER, { scopes: ["sessions"] }),
  ];
  return {
    issuer: ISSUER,
    clockSkewMillis: 10 * SECOND,
    resources: new Map(resources.map((one) => [one.id, one])),
    clients: new Map(clients.map((one) => [one.id, one])),
    trustedIssuers: new Map(),
    keys: {
      algorithms: ["ES256", "EdDSA"],
      defaultAlgorithm: "ES256",
      rotateEveryMillis: undefined,
      stageForMillis: DAY,
      jwksMaxAgeMillis: 10 * MINUTE,
      countFetches: true,
    },
    login: { enabled: true, minPasswordLength: 15, failuresPerMinute: 10, failuresPerMinutePerAddress: 100 },
    heal: true,
    maxSessionsPerSubjectAndClient: 100,
    ...members,
  };
}

/** Quick, and as good as any for what the flows do with it. */
export interface TestPasswords extends PasswordHasher {
  /** Run once, when a password was found right or wrong and before anybody hears of it. */
  afterVerify: (() => Promise<void>) | undefined;
  verified: (string | undefined)[];
}

function testPasswords(): TestPasswords {
  const passwords: TestPasswords = {
    afterVerify: undefined,
    verified: [],
    hash: async (password) => `hash of ${password}`,
    verify: async (stored, password) => {
      passwords.verified.push(stored);
      const { afterVerify } = passwords;
      passwords.afterVerify = undefined;
      await afterVerify?.();
      return stored === `hash of ${password}`;
    },
  };
  return passwords;
}

function seededRandom(seed: number): Random {
  let drawn = 0;
  return (count) => {
    const blocks = Array.from({ length: Math.ceil(count / 32) }, () => hash("sha256", `${seed}:${(drawn += 1)}`, "buffer"));
    return Uint8Array.from(Buffer.concat(blocks).subarray(0, count));
  };
}

interface MemoryCopy extends RingCopy {
  bytes: Bytes | undefined;
}

function memoryCopy(): MemoryCopy {
  const copy: MemoryCopy = {
    bytes: undefined,
    load: async () => copy.bytes,
    save: async (ring) => {
      copy.bytes = ring;
    },
  };
  return copy;
}

export interface WorldOptions {
  readonly policy?: Policy;
  readonly seed?: number;
  /** Opens another handle on one store; default: in memory. */
  readonly open?: (now: () => number) => Promise<Store>;
  readonly start?: number;
}

export class World {
  readonly policy: Policy;
  readonly random: Random;
  readonly keys: MemoryKeys;
  readonly passwords = testPasswords();
  readonly nodes: Node[] = [];
  /** True time, milliseconds. */
  now: number;
  /** What is elsewhere, by URL; nothing by default. Each fetch is noted. */
  readonly documents = new Map<string, string>();
  readonly fetched: string[] = [];
  readonly #open: () => Promise<Store>;
  readonly #handles: Store[] = [];
  #commandLine: Store | undefined;

  constructor(options: WorldOptions = {}) {
    this.policy = options.policy ?? policy();
    this.random = seededRandom(options.seed ?? 1);
    this.keys = memoryKeys(this.random);
    this.now = options.start ?? START;
    const data = memoryData();
    const open = options.open ?? (async (now) => openMemoryStore(data, now));
    this.#open = () => open(() => this.now);
  }

  async handle(): Promise<Store> {
    const store = await this.#open();
    this.#handles.push(store);
    return store;
  }

  /** An issuer process that was not started yet. */
  async node(options: NodeOptions = {}): Promise<Node> {
    const node = new Node(this, new Link(await this.handle(), () => this.now), options);
    this.nodes.push(node);
    return node;
  }

  async startedNode(options: NodeOptions = {}): Promise<Node> {
    const node = await this.node(options);
    await node.issuer.start();
    await node.idle();
    return node;
  }

  /** The same process started anew: what it remembered is gone, its copy of the ring is not. */
  async restart(node: Node): Promise<Node> {
    await node.stop();
    const again = new Node(this, new Link(node.link.inner, () => this.now), {
      copy: node.copy,
      ...(node.custodian && { custodian: node.custodian }),
    });
    again.clockOffset = node.clockOffset;
    this.nodes[this.nodes.indexOf(node)] = again;
    await again.issuer.start();
    await again.idle();
    return again;
  }

  /** The command line on the same store and keys; when it waits, time goes on and the nodes with it. */
  async operator(
    events: IssuerEvent[] = [],
    asPolicy: Policy = this.policy,
    custodian: KeyCustodian = this.keys,
    copy: RingCopy = memoryCopy(),
  ): Promise<Operator & { readonly link: Link }> {
    this.#commandLine ??= await this.handle();
    const link = new Link(this.#commandLine, () => this.now);
    const operator = await createOperator(asPolicy, {
      ...this.#ports(link, copy),
      custodian,
      clock: () => this.now,
      sleep: (millis) => this.advance(millis),
      emit: (event) => events.push(event),
    });
    return { ...operator, link };
  }

  #ports(
    link: Link,
    ringCopy: RingCopy,
  ): Pick<Ports, "store" | "random" | "digests" | "custodian" | "ringCopy" | "passwords" | "fetchDocument"> {
    const { random, keys: custodian, passwords } = this;
    const fetchDocument: FetchDocument = async (url) => {
      this.fetched.push(url);
      const body = this.documents.get(url);
      if (body === undefined) throw new FetchError("nothing is there");
      return { body: Buffer.from(body), maxAgeSeconds: undefined };
    };
    return { store: link.store, random, digests: systemDigests, custodian, ringCopy, passwords, fetchDocument };
  }

  portsOf(node: Node): Pick<Ports, "store" | "random" | "digests" | "custodian" | "ringCopy" | "passwords" | "fetchDocument"> {
    const ports = this.#ports(node.link, node.copy);
    return node.custodian === undefined ? ports : { ...ports, custodian: node.custodian };
  }

  /** Time passes, then every node takes its turn. */
  async advance(millis: number): Promise<void> {
    this.now += millis;
    await this.tick();
  }

  /** What every node does each second, `times` times. */
  async tick(times = 1): Promise<void> {
    for (let time = 0; time < times; time += 1) for (const node of this.nodes) await node.tick();
  }

  async addUser(name: string, members: { sub?: string; claims?: Record<string, unknown> } = {}): Promise<string> {
    const added = await (await this.operator()).addAccount({ name, password: PASSWORD, ...members });
    if ("failed" in added) throw new Error(added.failed);
    return added.sub;
  }

  async snapshot(): Promise<Snapshot> {
    return snapshotOf(await this.#first());
  }

  /** The store's data go back, its clients are told, and every node does what it does then. */
  async goBackTo(snapshot: Snapshot): Promise<void> {
    await rollBack(await this.#first(), snapshot);
    for (const node of this.nodes) node.link.tellPrimaryChange();
    for (const node of this.nodes) await node.idle();
  }

  /** Everything is gone from the store. */
  async empty(): Promise<void> {
    const store = await this.handle();
    for await (const page of store.scan("")) {
      for (const [key, value] of page) await store.compareAndSet(key, value, undefined, { expiresAt: 0, confirmed: true });
    }
  }

  async read(key: string): Promise<Bytes | undefined> {
    return (await this.#first()).get(key);
  }

  async subject(sub: string): Promise<SubjectDocument | undefined> {
    const bytes = await this.read(KEYS.subjectPrefix + Buffer.from(subjectKeyOf(ISSUER, sub, systemDigests)).toString("base64url"));
    return bytes === undefined ? undefined : decodeSubject(bytes);
  }

  async ring(): Promise<Ring> {
    const bytes = await this.read(KEYS.ring);
    return bytes === undefined ? { version: 0, keys: [] } : ringDocument.decode(bytes);
  }

  async #first(): Promise<Store> {
    return this.#handles[0] ?? (await this.handle());
  }

  async close(): Promise<void> {
    for (const node of this.nodes) await node.stop();
    for (const handle of this.#handles) await handle.close();
  }
}

export interface NodeOptions {
  readonly policy?: Policy;
  /** The world's if absent. */
  readonly custodian?: KeyCustodian;
  readonly copy?: MemoryCopy;
}

/** One issuer process. */
export class Node {
  readonly issuer: Issuer;
  readonly hasAccounts: () => Promise<boolean>;
  readonly link: Link;
  readonly copy: MemoryCopy;
  readonly custodian: KeyCustodian | undefined;
  readonly events: IssuerEvent[] = [];
  /** How far its clock is ahead of the true time. */
  clockOffset = 0;
  #wake: (() => void) | undefined;
  #whenAsleep: (() => void) | undefined;

  constructor(world: World, link: Link, options: NodeOptions) {
    this.link = link;
    this.copy = options.copy ?? memoryCopy();
    this.custodian = options.custodian;
    const served = createIssuer(options.policy ?? world.policy, {
      ...world.portsOf(this),
      clock: () => world.now + this.clockOffset,
      sleep: (_millis, signal) => this.#sleep(signal),
      emit: (event) => this.events.push(event),
    });
    this.issuer = served.issuer;
    this.hasAccounts = () => served.hasAccounts();
  }

  /** One turn of its loop; nothing for a node that was not started. */
  async tick(): Promise<void> {
    const wake = this.#wake;
    if (wake === undefined) return;
    this.#wake = undefined;
    const asleep = new Promise<void>((resolve) => {
      this.#whenAsleep = resolve;
    });
    wake();
    await asleep;
    // What it does beside its loop, too.
    await this.idle();
    await this.idle();
  }

  /** Resolves when nothing of this process is on its way to the store. */
  async idle(): Promise<void> {
    for (let quiet = 0; quiet < 2; quiet += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.link.pending > 0) quiet = -1;
    }
  }

  async stop(): Promise<void> {
    this.#whenAsleep = undefined;
    await this.issuer.stop();
    this.#wake = undefined;
  }

  #sleep(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      signal?.addEventListener("abort", () => resolve());
      this.#whenAsleep?.();
    });
  }

  eventsOf<E extends IssuerEvent["event"]>(name: E): Extract<IssuerEvent, { event: E }>[] {
    return this.events.filter((event): event is Extract<IssuerEvent, { event: E }> => event.event === name);
  }

  client(id: string): Client {
    const found = this.issuer.policy.clients.get(id);
    if (found === undefined) throw new Error(`no client ${id}`);
    return found;
  }

  tryLogIn(username: string, members: Partial<Omit<LogInRequest, "client">> & { clientId?: string } = {}): ReturnType<Issuer["logIn"]> {
    const { clientId = "app", ...rest } = members;
    return this.issuer.logIn({
      client: this.client(clientId),
      username,
      password: PASSWORD,
      resources: [],
      address: "192.0.2.1",
      userAgent: undefined,
      ...rest,
    });
  }

  async logIn(username: string, members: Parameters<Node["tryLogIn"]>[1] = {}): Promise<SessionGrant> {
    return granted(await this.tryLogIn(username, members));
  }

  tryRefresh(
    refreshToken: string,
    members: Partial<Omit<RefreshRequest, "client">> & { clientId?: string } = {},
  ): ReturnType<Issuer["refresh"]> {
    const { clientId = "app", ...rest } = members;
    return this.issuer.refresh({ client: this.client(clientId), refreshToken, ...rest });
  }

  /** Ends the session of an access token, as POST /logout does. */
  async logOut(accessToken: string): Promise<Done | Refusal> {
    const session = this.issuer.sessionOfAccessToken(accessToken);
    return isRefusal(session) ? session : this.issuer.logOut(session);
  }

  async refresh(refreshToken: string, members: Parameters<Node["tryRefresh"]>[1] = {}): Promise<SessionGrant> {
    return granted(await this.tryRefresh(refreshToken, members));
  }
}

export interface SessionGrant extends TokenGrant {
  readonly refreshToken: string;
  readonly sid: string;
}

/** What was answered, where it is no refusal. */
export function given<T extends object>(answer: T): Exclude<T, { readonly refused: unknown }> {
  if ("refused" in answer) throw new Error(`refused: ${String(answer.refused)}`);
  return answer as Exclude<T, { readonly refused: unknown }>;
}

export function granted(answer: Awaited<ReturnType<Issuer["refresh"]>>): SessionGrant {
  if (isRefusal(answer)) throw new Error(`refused: ${answer.refused}`);
  const { refreshToken = "", sid = "" } = answer;
  return { ...answer, refreshToken, sid };
}

/** The claims of an access token, without any check. */
export function claimsOf(accessToken: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(accessToken.split(".")[1] ?? "", "base64url").toString()) as Record<string, unknown>;
}

export function headerOf(accessToken: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(accessToken.split(".")[0] ?? "", "base64url").toString()) as Record<string, unknown>;
}

export function kidsOf(node: Node): string[] {
  const body = node.issuer.jwks()?.body.toString() ?? '{"keys":[]}';
  return (JSON.parse(body) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
}
