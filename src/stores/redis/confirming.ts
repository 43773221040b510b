/**
 * Writes that are acknowledged only when enough replicas have them. They go over a connection of their own, because `WAIT`
 * speaks of what its own connection wrote, and holds up what is sent behind it: what comes meanwhile is the next batch.
 */

import { StoreError } from "../../domain/ports.ts";
import { Commands } from "./commands.ts";
import { asking } from "./asking.ts";
import type { RedisConnection } from "./connection.ts";
import type { Expiring } from "./deadlines.ts";
import { failedCall } from "./errors.ts";

/** One write: sends what it has to at once, and says whether its result means that something was written. */
export interface ConfirmedWrite<T> {
  send(commands: Commands): Promise<T>;
  isWritten(result: T): boolean;
}

/** How many writes may wait for one `WAIT` to return. */
const MAX_WAITING = 4_096;
/** How many share one `WAIT`. */
const MAX_BATCH = 512;

export class Confirming {
  readonly #connection: RedisConnection;
  readonly #replicas: number;
  readonly #commands: Commands;
  readonly #asking: Commands;
  readonly #waiting: PendingWrite[] = [];
  #isBusy = false;

  constructor(connection: RedisConnection, replicas: number) {
    this.#connection = connection;
    this.#replicas = replicas;
    this.#commands = new Commands(connection, true);
    this.#asking = new Commands(asking(connection), true);
  }

  /** Resolves when the write is on enough replicas, or where nothing was written. Rejects with `StoreError`. */
  submit<T>(write: ConfirmedWrite<T>, isAsk: boolean): Promise<T> {
    if (this.#waiting.length >= MAX_WAITING)
      return Promise.reject(new StoreError("unavailable", "too many writes wait for the replicas of the Redis server"));
    return new Promise<T>((resolve, reject) => {
      const pending = new PendingWrite(() => write.send(isAsk ? this.#asking : this.#commands), {
        isWritten: (result) => write.isWritten(result as T),
        resolve: (result) => resolve(result as T),
        reject,
      });
      this.#connection.hold(pending);
      this.#waiting.push(pending);
      this.#next();
    });
  }

  #next(): void {
    if (this.#isBusy) return;
    const batch = this.#nextBatch();
    if (batch.length === 0) return;
    this.#isBusy = true;
    void this.#settle(batch).finally(() => {
      this.#isBusy = false;
      this.#next();
    });
  }

  /** Without those whose time is over. */
  #nextBatch(): readonly PendingWrite[] {
    const batch: PendingWrite[] = [];
    while (batch.length < MAX_BATCH) {
      const write = this.#waiting.shift();
      if (write === undefined) break;
      if (!write.isSettled) batch.push(write);
    }
    return batch;
  }

  /** All of the batch and its `WAIT` are sent in one go, so that they share a connection and nothing comes between. */
  async #settle(batch: readonly PendingWrite[]): Promise<void> {
    for (const write of batch) write.begin();
    const doubt = await this.#wait(Math.max(...batch.map(({ deadline }) => this.#connection.millisUntil(deadline))));
    await Promise.all(batch.map((write) => write.end(doubt)));
  }

  /** Why the writes before it are not confirmed; undefined where they are. */
  async #wait(millis: number): Promise<StoreError | undefined> {
    try {
      const args = [String(this.#replicas), String(waitMillis(millis))];
      const reached = await this.#connection.send("wait", args, this.#connection.deadline());
      if (typeof reached === "number" && reached >= this.#replicas) return undefined;
      return new StoreError("unknown", `${Number(reached)} of ${this.#replicas} replicas have confirmed the write (redis.waitReplicas)`);
    } catch (error) {
      return new StoreError("unknown", failedCall(error, true).message);
    }
  }
}

/** A server looks at who waits ten times a second (`hz`), so the answer may come this much later. */
const SERVER_TICK_MILLIS = 100;

/** Of the time that is left: the answer has to come back before it is over. Never 0, which would wait for ever. */
function waitMillis(leftMillis: number): number {
  return Math.max(1, Math.floor(Math.max(leftMillis * 0.4, leftMillis * 0.8 - SERVER_TICK_MILLIS)));
}

interface Promised {
  isWritten(result: unknown): boolean;
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** A write from its call to its end; its time runs while it waits to be sent, too. */
class PendingWrite implements Expiring {
  deadline = 0;
  #isSettled = false;
  #isSent = false;
  #answer: Promise<unknown> = Promise.resolve();
  readonly #send: () => Promise<unknown>;
  readonly #promised: Promised;

  constructor(send: () => Promise<unknown>, promised: Promised) {
    this.#send = send;
    this.#promised = promised;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  begin(): void {
    this.#isSent = true;
    this.#answer = this.#send();
    // It is looked at when WAIT has answered; until then it is nobody's failure.
    this.#answer.catch(() => undefined);
  }

  async end(doubt: StoreError | undefined): Promise<void> {
    try {
      const result = await this.#answer;
      if (doubt !== undefined && this.#promised.isWritten(result)) throw doubt;
      this.#settle(() => this.#promised.resolve(result));
    } catch (error) {
      this.reject(error instanceof Error ? error : new TypeError("a write failed with no error"));
    }
  }

  /** Where it was never sent, certainly nothing was changed. */
  reject(error: Error): void {
    this.#settle(() => this.#promised.reject(failedCall(error, this.#isSent)));
  }

  #settle(how: () => void): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    how();
  }
}
