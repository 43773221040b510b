/** The workers of one issuer, as the first process starts, watches, replaces and stops them. It serves no client itself. */

import type { Config } from "../../config.ts";
import type { Readiness } from "../../issuer/types.ts";
import type { StartFailure } from "../start-failure.ts";
import { Worker } from "./one-worker.ts";
import type { Listening, WorkerEnd, WorkerProcess } from "./one-worker.ts";
import { nextRestart } from "./restarts.ts";

const ANSWER_MILLIS = 1_000;

export interface EndedWorker extends WorkerEnd {
  readonly pid: number;
  /** Why it could not start, where it was a start that failed. */
  readonly message?: string;
  readonly restartInMillis: number;
}

/** Who is told what happens to workers. */
export interface FleetWatcher {
  /** A worker ended that nobody had asked to. */
  ended(worker: EndedWorker): void;
  /** Its successor was started. */
  restarted(pid: number): void;
  /** A worker's metrics as they are now; workers by their numbers. */
  metrics(worker: number, metrics: object): void;
  /** This worker will say no more. */
  gone(worker: number): void;
}

export interface FleetOptions {
  readonly count: number;
  readonly config: Config;
  readonly fork: () => WorkerProcess;
  readonly watcher: FleetWatcher;
  /** Milliseconds of a clock that never steps. */
  readonly millis: () => number;
  /** Resolves after that time, or when the signal is aborted. */
  readonly sleep: (millis: number, signal: AbortSignal) => Promise<void>;
  /** How long a worker may take to answer; 1 s if absent. */
  readonly answerMillis?: number;
}

/** Where a worker belongs, whichever it is by now. */
interface Place {
  worker: Worker | undefined;
  readonly first: PromiseWithResolvers<Listening>;
}

export class Fleet {
  readonly #options: FleetOptions;
  readonly #places: readonly Place[];
  readonly #stopping = new AbortController();
  #config: Config;
  #forked = 0;
  #kept: Promise<unknown> = Promise.resolve();

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#places = Array.from({ length: options.count }, () => ({ worker: undefined, first: Promise.withResolvers<Listening>() }));
  }

  /** Starts all at once; resolves when all listen. Rejects with the `StartFailure` of the first that can't: then `stop` the others. */
  async start(): Promise<Listening> {
    this.#kept = Promise.all(this.#places.map((place) => this.#keep(place)));
    const all = await Promise.all(this.#places.map(({ first }) => first.promise));
    const [first] = all;
    if (first === undefined) throw new TypeError("there is at least one worker");
    return { http: first.http, hasAccounts: all.some(({ hasAccounts }) => hasAccounts) };
  }

  /** Asks all to drain; resolves when they have ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const { worker } of this.#places) worker?.stop();
    await this.#kept;
  }

  /** Ready where every worker is; what is missing anywhere is named once. */
  async readiness(): Promise<Readiness> {
    const up = this.#listening();
    const answers = await Promise.all(up.map((worker) => worker.ask("readiness")));
    const silent = answers.filter((answer) => answer === undefined).length;
    const missing = new Set(answers.flatMap((answer) => answer?.missing ?? []));
    if (silent > 0) missing.add(`workers that do not answer: ${silent} of ${this.#options.count}`);
    if (up.length < this.#options.count)
      missing.add(`workers that are not up: ${this.#options.count - up.length} of ${this.#options.count}`);
    return { ready: missing.size === 0, missing: [...missing] };
  }

  /** Brings the watcher's view of the workers' metrics up to date, as far as they answer in time. */
  async collectMetrics(): Promise<void> {
    await Promise.all(
      this.#listening().map(async (worker) => {
        const metrics = await worker.ask("metrics");
        if (metrics !== undefined) this.#options.watcher.metrics(worker.number, metrics);
      }),
    );
  }

  #listening(): readonly Worker[] {
    return this.#places.flatMap(({ worker }) => (worker?.isListening === true ? [worker] : []));
  }

  /** One place: a worker, then its successor, and so on until all are stopped. */
  async #keep(place: Place): Promise<void> {
    const { watcher, sleep } = this.#options;
    const { signal } = this.#stopping;
    let worker = await this.#startFirst(place);
    let early = 0;
    while (worker !== undefined) {
      const end = await this.#end(worker);
      if (signal.aborted) return;
      const restart = nextRestart(early, worker.servedMillis());
      early = restart.early;
      const failure = await failureOf(worker);
      const message = failure?.message.replace(/^error: /, "");
      watcher.ended({ pid: worker.pid, ...end, ...(message === undefined ? {} : { message }), restartInMillis: restart.delayMillis });
      await sleep(restart.delayMillis, signal);
      if (signal.aborted) return;
      worker = this.#fork(place);
      watcher.restarted(worker.pid);
    }
  }

  /** The worker that listens; undefined where it could not start, or is not wanted any more. */
  async #startFirst(place: Place): Promise<Worker | undefined> {
    for (let attempt = 1; ; attempt += 1) {
      const worker = this.#fork(place);
      const failure = await failureOf(worker);
      if (failure === undefined) {
        place.first.resolve(await worker.listening);
        return worker;
      }
      // A signal for the whole group that came before it could pass over it says nothing about this worker.
      const isHit = !worker.isGreeted && (await worker.ended).signal !== undefined;
      const isWanted = isHit && attempt === 1 && !this.#stopping.signal.aborted;
      if (!isWanted) place.first.reject(failure);
      await this.#end(worker);
      if (!isWanted) return undefined;
    }
  }

  #fork(place: Place): Worker {
    const { fork, millis, answerMillis = ANSWER_MILLIS, watcher } = this.#options;
    const number = (this.#forked += 1);
    const onLastMetrics = (metrics: object): void => watcher.metrics(number, metrics);
    const worker = new Worker(fork(), this.#config, { number, millis, answerMillis, onLastMetrics });
    place.worker = worker;
    if (this.#stopping.signal.aborted) worker.stop();
    // Where any port was asked for, all have the one that the first of them was given.
    worker.listening.then(({ http: { port } }) => (this.#config = withPort(this.#config, port)), noop);
    return worker;
  }

  async #end(worker: Worker): Promise<WorkerEnd> {
    const end = await worker.ended;
    this.#options.watcher.gone(worker.number);
    return end;
  }
}

/** Why it can't start; undefined where it listens. */
function failureOf(worker: Worker): Promise<StartFailure | undefined> {
  return worker.listening.then(noop, (failure: unknown) => failure as StartFailure);
}

function withPort(config: Config, port: number): Config {
  return { ...config, listen: { ...config.listen, port } };
}

function noop(): undefined {
  return undefined;
}
