/** The append-only file of a Redis: how long it was when, and how to lose its end. */

import { readdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import type { RedisServer } from "../../support/redis.ts";

const SAMPLE_MILLIS = 20;

interface Sample {
  readonly at: number;
  readonly bytes: number;
}

/** The file that is being appended to. */
function pathIn(folder: string): string {
  const path = join(folder, "appendonlydir");
  const name = readdirSync(path)
    .filter((one) => one.endsWith(".incr.aof"))
    .at(-1);
  if (name === undefined) throw new TypeError("this Redis keeps no append-only file");
  return join(path, name);
}

export class AppendOnlyFile {
  readonly #folder: string;
  readonly #now: () => number;
  readonly #samples: Sample[] = [];
  readonly #timer: NodeJS.Timeout;

  /** Looks at it on and on, until `close`. */
  constructor({ folder }: RedisServer, now: () => number) {
    this.#folder = folder;
    this.#now = now;
    this.#timer = setInterval(() => this.sample(), SAMPLE_MILLIS);
  }

  /** How long it is now: all that was acknowledged before is in it. */
  sample(): Sample {
    // The time first: what is acknowledged after it may be in the file or not.
    const sample = { at: this.#now(), bytes: statSync(pathIn(this.#folder)).size };
    this.#samples.push(sample);
    return sample;
  }

  /** The last look at or before a time. */
  before(time: number): Sample | undefined {
    return this.#samples.findLast(({ at }) => at <= time);
  }

  /** Of a Redis that does not run: it ends where it did then, which may be within a command. */
  cutTo({ bytes }: Sample): void {
    truncateSync(pathIn(this.#folder), bytes);
    this.#samples.length = 0;
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
