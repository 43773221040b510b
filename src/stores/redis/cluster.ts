/**
 * The primaries of a Redis Cluster. Every command is for one key, so all there is to it is to know who has the slot, and to
 * follow those who say that somebody else has it.
 */

import { setTimeout as delay } from "node:timers/promises";
import { StoreError } from "../../domain/ports.ts";
import { Commands } from "./commands.ts";
import { RedisConnection } from "./connection.ts";
import { NotConnectedError, RedirectError } from "./errors.ts";
import { Listeners } from "./listeners.ts";
import { PATIENCE, Primary, type PrimaryOptions } from "./primary.ts";
import type { Routes } from "./routes.ts";
import { slotMap, type SlotMap, slotOf } from "./slots.ts";
import { addressOf, type Node } from "./url.ts";

type Work<T> = (primary: Primary, isAsk: boolean) => Promise<T>;

export type ClusterOptions = Omit<PrimaryOptions, "whereabouts" | "database">;

const MAX_REDIRECTS = 5;
/** Between two looks at the slots that failures cause. */
const LOOK_EVERY_MILLIS = 100;

/** Resolves when the first look at the slots has ended; where nobody answers, calls fail until somebody does. */
export async function openClusterRoutes(options: ClusterOptions, seeds: readonly Node[]): Promise<Routes> {
  const routes = new ClusterRoutes(options, seeds);
  await routes.look().catch(() => undefined);
  return routes;
}

class ClusterRoutes implements Routes {
  readonly #options: ClusterOptions;
  readonly #seeds: readonly Node[];
  readonly #primaries = new Map<string, Primary>();
  readonly #connecting = new Map<Primary, Promise<void>>();
  readonly #listeners = new Listeners();
  #map: SlotMap = { owners: [], primaries: [], nodes: [] };
  #looking: Promise<void> | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #version = 0;
  #isClosed = false;
  #fault = "";
  #lastFault = "";

  constructor(options: ClusterOptions, seeds: readonly Node[]) {
    this.#options = options;
    this.#seeds = seeds;
  }

  get version(): number {
    return this.#version;
  }

  on<T>(key: string, work: Work<T>): Promise<T> {
    const deadline = this.#options.clock() + this.#options.commandTimeoutMillis;
    const owner = this.#map.owners[slotOf(key)];
    if (owner === undefined) return this.#onceKnown(key, work, deadline);
    return work(this.#primaryAt(owner), false).catch((error: unknown) => this.#recover(error, owner, work, deadline));
  }

  async all(): Promise<readonly Primary[]> {
    await this.look();
    return this.#map.primaries.map((node) => this.#primaryAt(node));
  }

  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#looking?.catch(() => undefined);
    await Promise.all([...this.#primaries.values()].map((primary) => primary.close()));
  }

  /** Asks who has which slot. Calls while one is under way share it. Rejects with `StoreError` where nobody answers. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
      this.#lookedAt = this.#options.clock();
    });
    return this.#looking;
  }

  /** A failed call may mean that the cluster has changed; the next one profits. */
  #lookSoon(): void {
    if (this.#isClosed || Math.abs(this.#options.clock() - this.#lookedAt) < LOOK_EVERY_MILLIS) return;
    this.look().catch(() => undefined);
  }

  async #look(): Promise<void> {
    if (this.#isClosed) throw new NotConnectedError("the store is closed");
    const map = await this.#askConnected().then((known) => known ?? this.#askAnyone());
    if (map === undefined) throw this.#told("no server of the Redis Cluster can be reached that knows its slots");
    this.#fault = "";
    const before = this.#map;
    this.#map = map;
    await Promise.all(map.primaries.map((node) => this.#connected(this.#primaryAt(node))));
    this.#forget(new Set(map.primaries.map(addressOf)));
    if (!areSame(before, map)) this.#noteMoved(before.owners.length > 0);
  }

  #noteMoved(isNews: boolean): void {
    this.#version += 1;
    if (isNews) this.#listeners.tell();
  }

  /** Of those there is a connection to, the first that knows a cluster that works. */
  async #askConnected(): Promise<SlotMap | undefined> {
    for (const [address, primary] of this.#primaries) {
      const map = primary.isReady ? await slotsOf(primary.commands(), nodeAt(address)) : undefined;
      if (map !== undefined) return map;
    }
    return undefined;
  }

  /** Seeds and whoever was ever a member, each over a connection for this once. */
  async #askAnyone(): Promise<SlotMap | undefined> {
    const known = new Map([...this.#map.nodes, ...this.#seeds].map((node) => [addressOf(node), node]));
    const answers = await Promise.all([...known.values()].map((node) => this.#askOnce(node)));
    return answers.find((answer) => answer !== undefined);
  }

  async #askOnce(node: Node): Promise<SlotMap | undefined> {
    let fault = "";
    const onError = (message: string): void => void (fault = message);
    const connection = new RedisConnection({
      ...this.#options,
      whereabouts: { node },
      database: 0,
      patience: PATIENCE,
      onError,
      onReady: () => undefined,
    });
    const map = (await connection.connect()) ? await slotsOf(new Commands(connection), node) : undefined;
    await connection.close();
    if (map === undefined && fault !== "") this.#lastFault = fault;
    return map;
  }

  /** Told once for each new reason. */
  #told(message: string): StoreError {
    const fault = this.#lastFault === "" ? message : `${message}: ${this.#lastFault}`;
    if (fault !== this.#fault) this.#options.onError(fault);
    this.#fault = fault;
    return new NotConnectedError(fault);
  }

  #primaryAt(node: Node): Primary {
    const address = addressOf(node);
    const known = this.#primaries.get(address);
    if (known !== undefined) return known;
    const primary = new Primary({ ...this.#options, whereabouts: { node }, database: 0 });
    primary.onChange(() => this.#listeners.tell());
    this.#primaries.set(address, primary);
    this.#connecting.set(
      primary,
      primary.connect().finally(() => this.#connecting.delete(primary)),
    );
    return primary;
  }

  async #connected(primary: Primary): Promise<void> {
    await this.#connecting.get(primary);
  }

  /** Whoever has no slot any more and is not there either is let go; one that is there may be about to get slots. */
  #forget(owners: ReadonlySet<string>): void {
    for (const [address, primary] of this.#primaries) {
      if (owners.has(address) || primary.isReady) continue;
      this.#primaries.delete(address);
      void primary.close();
    }
  }

  /** Nobody is known to have the key, or nothing is known yet. */
  async #onceKnown<T>(key: string, work: Work<T>, deadline: number): Promise<T> {
    await this.#until(deadline, this.look(), "unavailable");
    const owner = this.#map.owners[slotOf(key)];
    if (owner === undefined) throw new NotConnectedError("no server of the Redis Cluster has the key's slot");
    return this.#until(deadline, work(this.#primaryAt(owner), false), "unknown");
  }

  async #recover<T>(failure: unknown, owner: Node, work: Work<T>, deadline: number): Promise<T> {
    if (!(failure instanceof StoreError)) throw failure;
    this.#lookSoon();
    if (!(failure instanceof RedirectError)) throw failure;
    return this.#until(deadline, this.#follow(failure, owner, work), "unknown");
  }

  /** Calls settle within the command timeout, however often they are sent on. */
  #until<T>(deadline: number, call: Promise<T>, outcome: StoreError["outcome"]): Promise<T> {
    const { clock, commandTimeoutMillis } = this.#options;
    return within(call, Math.min(commandTimeoutMillis, deadline - clock()), outcome);
  }

  /** Goes where it is sent, and on from there; a few times, for slots may move meanwhile. */
  async #follow<T>(first: RedirectError, from: Node, work: Work<T>): Promise<T> {
    let redirect = first;
    let asked = from;
    for (let hops = 0; hops < MAX_REDIRECTS; hops += 1) {
      asked = redirect.to.host === "" ? { host: asked.host, port: redirect.to.port } : redirect.to;
      const primary = this.#primaryAt(asked);
      await this.#connected(primary);
      try {
        return await work(primary, redirect.isAsk);
      } catch (error) {
        if (!(error instanceof RedirectError)) throw error;
        redirect = error;
      }
    }
    throw redirect;
  }
}

/** Undefined where it does not answer, or where its cluster does not work as far as it knows. */
async function slotsOf(commands: Commands, asked: Node): Promise<SlotMap | undefined> {
  try {
    const [info, slots] = await Promise.all([commands.read("cluster", ["info"], "utf8"), commands.read("cluster", ["slots"], "utf8")]);
    if (typeof info !== "string" || !info.includes("cluster_state:ok")) return undefined;
    return slotMap(slots, asked);
  } catch (error) {
    if (error instanceof StoreError) return undefined;
    throw error;
  }
}

function nodeAt(address: string): Node {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}

function areSame(a: SlotMap, b: SlotMap): boolean {
  return b.owners.every((owner, slot) => {
    const before = a.owners[slot];
    return owner === before || (owner !== undefined && before !== undefined && addressOf(owner) === addressOf(before));
  });
}

async function within<T>(call: Promise<T>, millis: number, outcome: StoreError["outcome"]): Promise<T> {
  const patience = new AbortController();
  const late = delay(Math.max(1, millis), undefined, { signal: patience.signal }).then(
    () => Promise.reject(new StoreError(outcome, "the Redis Cluster did not answer within the command timeout")),
    () => new Promise<never>(() => undefined),
  );
  try {
    return await Promise.race([call, late]);
  } finally {
    patience.abort();
  }
}
