/** Work on one thing in turns: those who wait find an answer, instead of losing swaps or crowding a queue behind. */

import { type Clock, StoreError } from "../domain/ports.ts";
import { UnavailableError } from "./types.ts";

export interface TurnsOptions {
  readonly clock: Clock;
  /** How many work on one key at a time. */
  readonly width: number;
  /** How many may wait for one key. */
  readonly maxWaiting: number;
  /** Whoever waited longer than this is sent away without work. */
  readonly maxWaitMillis: number;
}

interface Waiting {
  readonly go: () => void;
  readonly fail: (error: Error) => void;
}

interface Line {
  running: number;
  readonly waiting: Waiting[];
}

const CROWDED = "too many requests at once for the same subject or account";

export class Turns {
  readonly #options: TurnsOptions;
  readonly #lines = new Map<string, Line>();

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /**
   * Throws `UnavailableError` where the line is too long or the wait was; what is urgent is next, however long the line.
   * Where the store failed under the one ahead, all who wait fail with him: each would only find out the same, one
   * command timeout later than the last.
   */
  async run<T>(key: string, work: () => Promise<T>, isUrgent = false): Promise<T> {
    const line = this.#line(key);
    let waitedMillis = 0;
    // Who needn't wait is not made to wait for that to be found out.
    if (line.running < this.#options.width) line.running += 1;
    else waitedMillis = await this.#turn(line, isUrgent);
    try {
      if (waitedMillis > this.#options.maxWaitMillis) throw new UnavailableError(CROWDED, 5);
      return await work();
    } catch (error) {
      if (error instanceof StoreError) for (const waiting of line.waiting.splice(0)) waiting.fail(error);
      throw error;
    } finally {
      this.#leave(key, line);
    }
  }

  #line(key: string): Line {
    const known = this.#lines.get(key);
    if (known !== undefined) return known;
    const line = { running: 0, waiting: [] };
    this.#lines.set(key, line);
    return line;
  }

  /** Resolves with a place in the line, and the milliseconds it took. */
  async #turn(line: Line, isUrgent: boolean): Promise<number> {
    const { clock, maxWaiting } = this.#options;
    if (!isUrgent && line.waiting.length >= maxWaiting) throw new UnavailableError(CROWDED, 5);
    const began = clock();
    await new Promise<void>((go, fail) => {
      if (isUrgent) line.waiting.unshift({ go, fail });
      else line.waiting.push({ go, fail });
    });
    return clock() - began;
  }

  /** The place goes on to whoever waited longest. */
  #leave(key: string, line: Line): void {
    const next = line.waiting.shift();
    if (next !== undefined) return next.go();
    line.running -= 1;
    if (line.running === 0) this.#lines.delete(key);
  }
}
