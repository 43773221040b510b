/** The `Store` port on a SQLite file: reads here, writes through the writer thread. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { StoreError } from "../../domain/ports.ts";
import type { Bytes, Clock, LogEntry, SetOptions, Store, StoreFinding } from "../../domain/ports.ts";
import { openingError } from "./failures.ts";
import { inspectFiles, latency } from "./findings.ts";
import { prepareFile } from "./folder.ts";
import { Reader } from "./reader.ts";
import type { Pair } from "./reader.ts";
import { checkSqliteVersion } from "./version.ts";
import { Writer } from "./writer.ts";

export interface EmbeddedStoreOptions {
  /** The folder of `mintmark.db`; made, for its owner only, if it isn't there. */
  readonly directory: string;
  /** The system clock. */
  readonly clock: Clock;
  /** Every call settles within this; default 5000. */
  readonly commandTimeoutMillis?: number;
}

/** A read waits at most this long for a lock, since it holds up the event loop. In WAL mode it hardly ever waits. */
const READ_BUSY_MILLIS = 250;
/** No document has this key: swapping absent for absent takes the lock and syncs the time to the disk. */
const PING_KEY = "ping";

const KEY = /^[\x20-\x7e]{1,512}$/u;
const POSITION = /^[1-9][0-9]{0,15}$/u;

/**
 * Opens the store in `directory`, making it if it isn't there. Throws `StoreError`, one line that says what to do:
 * the folder can't be written, the file is no database or not ours, it is locked, SQLite is too old.
 */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<Store> {
  const { directory, clock, commandTimeoutMillis = 5000 } = options;
  // Shorter than the command timeout, so that a lock that is never had is a certain "not done".
  const busyTimeoutMillis = Math.ceil(commandTimeoutMillis / 2);
  try {
    checkSqliteVersion(process.versions.sqlite);
    const file = prepareFile(directory);
    const writer = new Writer({ file, clock, commandTimeoutMillis, busyTimeoutMillis });
    await writer.start();
    try {
      return new EmbeddedStore(file, clock, writer, new Reader(file, Math.min(READ_BUSY_MILLIS, busyTimeoutMillis)));
    } catch (error) {
      await writer.close();
      throw error;
    }
  } catch (error) {
    throw openingError(directory, error);
  }
}

class EmbeddedStore implements Store {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #writer: Writer;
  readonly #reader: Reader;
  #latest = 0;

  constructor(file: string, clock: Clock, writer: Writer, reader: Reader) {
    this.#file = file;
    this.#clock = clock;
    this.#writer = writer;
    this.#reader = reader;
  }

  async get(key: string): Promise<Bytes | undefined> {
    checkKey(key);
    return this.#reader.get(key);
  }

  async compareAndSet(key: string, expected: Bytes | undefined, next: Bytes | undefined, options: SetOptions): Promise<boolean> {
    checkKey(key);
    const values: Bytes[] = [];
    for (const value of [expected, next]) if (value !== undefined) values.push(checkedValue(value));
    const operation = {
      kind: "swap",
      key,
      expectedLength: expected?.length,
      nextLength: next?.length,
      expiresAt: checkedTime(options.expiresAt),
    } as const;
    return (await this.#writer.submit(operation, values)) === true;
  }

  async *scan(prefix: string): AsyncGenerator<readonly Pair[]> {
    if (prefix !== "") checkKey(prefix);
    let page = this.#reader.page(prefix, undefined);
    while (page.length > 0) {
      yield page;
      await nextTurn();
      page = this.#reader.page(prefix, page.at(-1)?.[0]);
    }
  }

  async append(log: string, entry: Bytes, expiresAt: number): Promise<string> {
    checkKey(log);
    const value = checkedValue(entry);
    const operation = { kind: "append", log, entryLength: value.length, expiresAt: checkedTime(expiresAt) } as const;
    return String(await this.#writer.submit(operation, [value]));
  }

  async read(log: string, after: string | undefined, limit: number): Promise<readonly LogEntry[]> {
    checkKey(log);
    if (after !== undefined && !POSITION.test(after)) throw new TypeError("not a position of this store");
    if (!Number.isSafeInteger(limit) || limit < 1) throw new TypeError("the limit must be a positive integer");
    return this.#reader.log(log, after === undefined ? 0 : Number(after), limit);
  }

  /** One file has no replica that could know better; a disk that is full says so at the write. */
  takesWrites(): Promise<boolean> {
    return Promise.resolve(true);
  }

  async now(): Promise<number> {
    this.#latest = Math.max(this.#latest, this.#clock(), this.#reader.time());
    return this.#latest;
  }

  async ping(): Promise<void> {
    await this.compareAndSet(PING_KEY, undefined, undefined, { expiresAt: 0, confirmed: true });
  }

  async inspect(): Promise<readonly StoreFinding[]> {
    const before = this.#clock();
    await this.ping();
    const writeMillis = Math.max(0, this.#clock() - before);
    try {
      return [...inspectFiles(this.#file), latency(writeMillis)];
    } catch {
      throw new StoreError("unavailable", "embedded store: its folder can't be read: was it moved or removed?");
    }
  }

  /** One file has no other primary. */
  onPrimaryChange(): () => void {
    return () => undefined;
  }

  async close(): Promise<void> {
    // The reader first: the last connection to close tidies up the log of changes, and only the writer can.
    this.#reader.close();
    await this.#writer.close();
  }
}

function checkKey(key: string): void {
  if (!KEY.test(key)) throw new TypeError("a key must be 1 to 512 printable ASCII characters");
}

function checkedValue(value: Bytes): Bytes {
  if (value.length === 0) throw new TypeError("a value must not be empty");
  return value;
}

function checkedTime(expiresAt: number): number {
  if (!Number.isFinite(expiresAt)) throw new TypeError("expiresAt must be a time in milliseconds");
  return Math.ceil(expiresAt);
}
