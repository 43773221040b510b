/** One worker as the first process sees it: its process, what it said, and what it is asked. */

import type { Config } from "../../config.ts";
import { EXIT } from "../exit-code.ts";
import type { Address } from "../server.ts";
import { StartFailure } from "../start-failure.ts";
import type { Answers, FromWorker, Question, ToWorker } from "./messages.ts";

export interface WorkerEnd {
  /** Undefined where a signal ended it. */
  readonly code: number | undefined;
  readonly signal: string | undefined;
}

/** A process that was forked to be a worker. */
export interface WorkerProcess {
  readonly pid: number;
  /** Sends nothing where it is gone. */
  send(message: ToWorker): void;
  onMessage(listener: (message: FromWorker) => void): void;
  /** Resolves after its last message. */
  readonly ended: Promise<WorkerEnd>;
}

export interface Listening {
  readonly http: Address;
  readonly hasAccounts: boolean;
}

export interface WorkerOptions {
  /** Its own; a pid may come again. */
  readonly number: number;
  /** Milliseconds of a clock that never steps. */
  readonly millis: () => number;
  /** How long it may take to answer. */
  readonly answerMillis: number;
  readonly onLastMetrics: (metrics: object) => void;
}

export class Worker {
  readonly number: number;
  readonly pid: number;
  /** Rejects with `StartFailure`. */
  readonly listening: Promise<Listening>;
  readonly ended: Promise<WorkerEnd>;
  readonly #process: WorkerProcess;
  readonly #config: Config;
  readonly #options: WorkerOptions;
  readonly #asked = new Map<number, (answer: unknown) => void>();
  #questions = 0;
  #listeningSince: number | undefined;
  #isGreeted = false;
  #isStopping = false;
  #hasEnded = false;

  constructor(process: WorkerProcess, config: Config, options: WorkerOptions) {
    this.number = options.number;
    this.pid = process.pid;
    this.#process = process;
    this.#config = config;
    this.#options = options;
    const { promise, resolve, reject } = Promise.withResolvers<Listening>();
    this.listening = promise;
    // Whoever waits for it hears of it; nobody has to.
    promise.catch(() => undefined);
    process.onMessage((message) => this.#receive(message, resolve, reject));
    this.ended = process.ended.then((end) => {
      reject(new StartFailure(`error: a worker ended (${endText(end)}) before it could serve`, EXIT.failed));
      for (const settle of this.#asked.values()) settle(undefined);
      this.#hasEnded = true;
      return end;
    });
  }

  get isListening(): boolean {
    return this.#listeningSince !== undefined && !this.#hasEnded;
  }

  /** Whether it ever said a word. */
  get isGreeted(): boolean {
    return this.#isGreeted;
  }

  /** How long it has been listening; 0 where it never did. */
  servedMillis(): number {
    return this.#listeningSince === undefined ? 0 : this.#options.millis() - this.#listeningSince;
  }

  /** Undefined where it doesn't answer in time. */
  ask<Q extends Question>(question: Q): Promise<Answers[Q] | undefined> {
    const id = (this.#questions += 1);
    const { promise, resolve } = Promise.withResolvers<Answers[Q] | undefined>();
    const timer = setTimeout(() => settle(undefined), this.#options.answerMillis);
    const settle = (answer: unknown): void => {
      clearTimeout(timer);
      this.#asked.delete(id);
      resolve(answer as Answers[Q] | undefined);
    };
    this.#asked.set(id, settle);
    this.#process.send({ kind: "ask", id, question });
    return promise;
  }

  /** Asks it to drain and end. One that hasn't said hello hears of it when it does. */
  stop(): void {
    this.#isStopping = true;
    if (this.#isGreeted) this.#process.send({ kind: "stop" });
  }

  #receive(message: FromWorker, resolve: (listening: Listening) => void, reject: (failure: StartFailure) => void): void {
    switch (message.kind) {
      case "hello":
        this.#isGreeted = true;
        return this.#process.send(this.#isStopping ? { kind: "stop" } : { kind: "start", config: this.#config });
      case "listening":
        this.#listeningSince = this.#options.millis();
        return resolve(message);
      case "failed":
        return reject(new StartFailure(message.line, message.code));
      case "answer":
        return this.#asked.get(message.id)?.(message.answer);
      case "bye":
        return this.#options.onLastMetrics(message.metrics);
    }
  }
}

function endText({ code, signal }: WorkerEnd): string {
  return signal ?? `exit code ${code ?? "unknown"}`;
}
