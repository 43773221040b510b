/** The main thread's side of the writer: collects a turn's writes into a batch, one batch under way at a time. */

import { Worker } from "node:worker_threads";
import { StoreError } from "../../domain/ports.ts";
import type { Bytes, Clock } from "../../domain/ports.ts";
import type { Committed, Failed, Operation, Reply, Request, Result, WriterData } from "./protocol.ts";

const QUEUE_LIMIT = 10_000;
const BATCH_LIMIT = 1000;
const RESTART_MILLIS = 100;

// Run from the sources it is TypeScript, from the package JavaScript; the compiler doesn't rewrite such a URL.
const WORKER_URL = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url);

export interface WriterOptions {
  readonly file: string;
  readonly clock: Clock;
  readonly commandTimeoutMillis: number;
  readonly busyTimeoutMillis: number;
}

interface Pending {
  readonly operation: Operation;
  readonly values: readonly Bytes[];
  readonly settle: (result: Result | StoreError) => void;
}

const unavailable = (message: string): StoreError => new StoreError("unavailable", `embedded store: ${message}`);
const unknown = (message: string): StoreError => new StoreError("unknown", `embedded store: ${message}`);

export class Writer {
  readonly #options: WriterOptions;
  readonly #queue = new Set<Pending>();
  readonly #unsettled = new Set<Pending>();
  #underWay: readonly Pending[] | undefined;
  #worker: Worker | undefined;
  #flushing = false;
  #closing: Promise<void> | undefined;
  #stopped = false;
  #whenIdle: (() => void) | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Resolves when the database is open. Throws `StoreError`. */
  async start(): Promise<void> {
    const { file, busyTimeoutMillis, clock } = this.#options;
    const workerData: WriterData = { file, busyTimeoutMillis, now: clock() };
    const worker = new Worker(WORKER_URL, { workerData, execArgv: [], name: "mintmark-store" });
    const opened = Promise.withResolvers<void>();
    let open = false;
    worker.on("message", (reply: Reply) => {
      if (open) return this.#receive(reply);
      open = reply.kind === "opened";
      if (reply.kind === "refused") opened.reject(new StoreError("unavailable", `${file}: ${reply.message}`));
      else opened.resolve();
    });
    worker.on("error", () => undefined); // "exit" follows.
    worker.on("exit", () => {
      opened.reject(unavailable("its writer ended while it started"));
      if (this.#worker === worker) this.#ended();
    });
    await opened.promise;
    if (this.#stopped) return void (await worker.terminate());
    // A store that was not closed doesn't keep the process; each pending call does, by its timer.
    worker.unref();
    this.#worker = worker;
    this.#flush();
  }

  /** One write. Settles within the command timeout. */
  submit(operation: Operation, values: readonly Bytes[]): Promise<Result> {
    if (this.#closing !== undefined) return Promise.reject(unavailable("it is closed"));
    if (this.#unsettled.size >= QUEUE_LIMIT) return Promise.reject(unavailable("too many writes are waiting"));
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const settle = (result: Result | StoreError): void => {
      if (!this.#unsettled.delete(pending)) return;
      clearTimeout(timer);
      if (result instanceof StoreError) reject(result);
      else resolve(result);
      if (this.#unsettled.size === 0) this.#whenIdle?.();
    };
    const pending: Pending = { operation, values, settle };
    const timer = setTimeout(() => this.#giveUp(pending), this.#options.commandTimeoutMillis);
    this.#unsettled.add(pending);
    this.#queue.add(pending);
    this.#flushSoon();
    return promise;
  }

  /** Refuses new writes, lets the begun ones end, ends the thread. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #flushSoon(): void {
    if (this.#flushing || this.#underWay !== undefined) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#worker === undefined || this.#underWay !== undefined || this.#queue.size === 0) return;
    const batch: Pending[] = [];
    for (const pending of this.#queue) {
      if (batch.length === BATCH_LIMIT) break;
      batch.push(pending);
      this.#queue.delete(pending);
    }
    const bytes = pack(batch);
    this.#underWay = batch;
    this.#send(this.#worker, { kind: "batch", now: this.#options.clock(), operations: batch.map(({ operation }) => operation), bytes }, [
      bytes.buffer,
    ]);
  }

  #send(worker: Worker, request: Request, transfer: readonly ArrayBuffer[]): void {
    worker.postMessage(request, transfer);
  }

  #receive(reply: Reply): void {
    const batch = this.#underWay ?? [];
    this.#underWay = undefined;
    if (reply.kind === "committed" || reply.kind === "failed") settleAll(batch, reply);
    this.#flush();
  }

  /** The thread ended although nobody asked it to: what it was doing may or may not be done. */
  #ended(): void {
    this.#worker = undefined;
    const batch = this.#underWay ?? [];
    this.#underWay = undefined;
    for (const { settle } of batch) settle(unknown("its writer ended in the middle of a write"));
    if (!this.#stopped) this.#restart(0);
  }

  #restart(delayMillis: number): void {
    setTimeout(() => {
      if (this.#stopped) return;
      this.start().catch(() => this.#restart(RESTART_MILLIS));
    }, delayMillis).unref();
  }

  #giveUp(pending: Pending): void {
    const waited = this.#queue.delete(pending);
    pending.settle(waited ? unavailable("the write waited too long for its turn") : unknown("the write took too long"));
  }

  async #close(): Promise<void> {
    if (this.#unsettled.size > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
    this.#stopped = true;
    const worker = this.#worker;
    if (worker === undefined) return;
    worker.ref();
    const { promise, resolve } = Promise.withResolvers<void>();
    worker.once("exit", () => resolve());
    const timer = setTimeout(() => {
      void worker.terminate();
      resolve();
    }, this.#options.commandTimeoutMillis);
    this.#send(worker, { kind: "close" }, []);
    await promise;
    clearTimeout(timer);
  }
}

function settleAll(batch: readonly Pending[], reply: Committed | Failed): void {
  for (const [index, { settle }] of batch.entries()) {
    if (reply.kind === "failed") settle(new StoreError(reply.outcome, `embedded store: ${reply.message}`));
    else settle(reply.results[index] ?? unavailable("the database refused the write"));
  }
}

/** One buffer of its own: it is moved to the thread, and what callers hold stays theirs. */
function pack(batch: readonly Pending[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const { values } of batch) for (const value of values) length += value.length;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const { values } of batch) {
    for (const value of values) {
      bytes.set(value, at);
      at += value.length;
    }
  }
  return bytes;
}
