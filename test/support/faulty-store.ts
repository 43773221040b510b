/** A store with faults on demand, around any store: calls that fail, data that go back, and a record of what was done. */

import type { Bytes, Clock, Store } from "../../src/domain/ports.ts";
import { StoreError } from "../../src/domain/ports.ts";
import { NEVER } from "../../src/domain/documents.ts";

export type Operation = "get" | "compareAndSet" | "append" | "read" | "now" | "takesWrites" | "ping" | "scan";

/** `unavailable` and `lost`: nothing happens; `done`: it happens and nobody hears of it. */
export type FaultKind = "unavailable" | "lost" | "done";

export interface Call {
  readonly op: Operation;
  /** The key or the log. */
  readonly key: string;
}

/** A call that reached the store; `result` of a swap. */
export interface Executed extends Call {
  readonly result?: boolean;
}

type Matches = (call: Call) => boolean;

/** One process's way to the store. */
export class Link {
  readonly store: Store;
  /** The store without faults. */
  readonly inner: Store;
  /** What was asked since `calls` was last emptied. */
  calls: Call[] = [];
  executed: Executed[] = [];
  /** While set, every call fails so. */
  outage: FaultKind | undefined;
  /** The store says that it refuses writes. */
  isReadOnly = false;
  /** Calls that have not come back. */
  pending = 0;
  readonly #faults: { readonly matches: Matches; readonly kind: FaultKind }[] = [];
  readonly #hooks: { readonly matches: Matches; readonly work: () => Promise<void> }[] = [];
  readonly #listeners = new Set<() => void>();

  constructor(inner: Store, now: Clock | undefined) {
    this.inner = inner;
    this.store = {
      get: (key) => this.#run({ op: "get", key }, () => inner.get(key)),
      compareAndSet: (key, expected, next, options) =>
        this.#run({ op: "compareAndSet", key }, () => inner.compareAndSet(key, expected, next, options)),
      scan: (prefix) => this.#scan(prefix, inner),
      append: (log, entry, expiresAt) => this.#run({ op: "append", key: log }, () => inner.append(log, entry, expiresAt)),
      read: (log, after, limit) => this.#run({ op: "read", key: log }, () => inner.read(log, after, limit)),
      now: () => this.#run({ op: "now", key: "" }, async () => (now === undefined ? inner.now() : now())),
      takesWrites: () => this.#run({ op: "takesWrites", key: "" }, async () => !this.isReadOnly && inner.takesWrites()),
      ping: () => this.#run({ op: "ping", key: "" }, () => inner.ping()),
      inspect: () => inner.inspect(),
      onPrimaryChange: (listener) => {
        this.#listeners.add(listener);
        return () => void this.#listeners.delete(listener);
      },
      close: () => inner.close(),
    };
  }

  /** The next call of this kind fails. */
  failNext(op: Operation, prefix: string, kind: FaultKind): void {
    this.#faults.push({ matches: matching(op, prefix), kind });
  }

  /** Work done right before the next call of this kind reaches the store: what another process does meanwhile. */
  beforeNext(op: Operation, prefix: string, work: () => Promise<void>): void {
    this.#hooks.push({ matches: matching(op, prefix), work });
  }

  clearFaults(): void {
    this.#faults.length = 0;
  }

  forgetCalls(): void {
    this.calls = [];
    this.executed = [];
  }

  tellPrimaryChange(): void {
    for (const listener of this.#listeners) listener();
  }

  async #run<T>(call: Call, work: () => Promise<T>): Promise<T> {
    this.pending += 1;
    try {
      return await this.#pass(call, work);
    } finally {
      this.pending -= 1;
    }
  }

  async #pass<T>(call: Call, work: () => Promise<T>): Promise<T> {
    this.calls.push(call);
    const hook = take(this.#hooks, call);
    if (hook !== undefined) await hook.work();
    const kind = this.outage ?? take(this.#faults, call)?.kind;
    if (kind === "unavailable") throw new StoreError("unavailable", "the store is away");
    if (kind === "lost") throw new StoreError("unknown", "the request was lost");
    const result = await work();
    this.executed.push({ ...call, ...(typeof result === "boolean" ? { result } : {}) });
    if (kind === "done") throw new StoreError("unknown", "the reply was lost");
    return result;
  }

  async *#scan(prefix: string, inner: Store): AsyncIterable<readonly (readonly [string, Bytes])[]> {
    await this.#run({ op: "scan", key: prefix }, async () => undefined);
    yield* inner.scan(prefix);
  }
}

function matching(op: Operation, prefix: string): Matches {
  return (call) => call.op === op && call.key.startsWith(prefix);
}

function take<T extends { readonly matches: Matches }>(list: T[], call: Call): T | undefined {
  const index = list.findIndex(({ matches }) => matches(call));
  return index < 0 ? undefined : list.splice(index, 1)[0];
}

export type Snapshot = ReadonlyMap<string, Bytes>;

export async function snapshotOf(store: Store): Promise<Snapshot> {
  const found = new Map<string, Bytes>();
  for await (const page of store.scan("")) for (const [key, value] of page) found.set(key, Uint8Array.from(value));
  return found;
}

/** The documents as they were; the logs stay, as the ends log does where the end was confirmed. */
export async function rollBack(store: Store, snapshot: Snapshot): Promise<void> {
  const held = await snapshotOf(store);
  for (const key of new Set([...held.keys(), ...snapshot.keys()])) {
    await store.compareAndSet(key, held.get(key), snapshot.get(key), { expiresAt: NEVER, confirmed: true });
  }
}
