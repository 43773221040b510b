/** Reads on the main thread's own connection: a prepared statement is faster than asking another thread. */

import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { StoreError } from "../../domain/ports.ts";
import type { Bytes, LogEntry } from "../../domain/ports.ts";
import { reasonOf } from "./failures.ts";
import { openForReading } from "./schema.ts";

export type Pair = readonly [key: string, value: Bytes];
type Row = Record<string, unknown>;

/** Rows of one page of a scan. */
const PAGE_ROWS = 256;
/** Above every character a key may have. */
const ABOVE_ALL = "\x7f";

export class Reader {
  readonly #database: DatabaseSync;
  readonly #get: StatementSync;
  readonly #firstPage: StatementSync;
  readonly #nextPage: StatementSync;
  readonly #log: StatementSync;
  readonly #time: StatementSync;

  constructor(file: string, busyTimeoutMillis: number) {
    this.#database = openForReading(file, busyTimeoutMillis);
    const page = (from: string) => `SELECT key, value FROM document WHERE key ${from} ? AND key < ? ORDER BY key LIMIT ${PAGE_ROWS}`;
    this.#get = this.#database.prepare("SELECT value FROM document WHERE key = ?");
    this.#firstPage = this.#database.prepare(page(">="));
    this.#nextPage = this.#database.prepare(page(">"));
    this.#log = this.#database.prepare("SELECT id, entry FROM log_entry WHERE log = ? AND id > ? ORDER BY id LIMIT ?");
    this.#time = this.#database.prepare("SELECT time FROM clock");
  }

  get(key: string): Bytes | undefined {
    const row = this.#one(this.#get, key);
    return row === undefined ? undefined : bytesOf(row["value"]);
  }

  /** Up to a page of pairs whose key starts with `prefix`, after the key `after`. Empty: no more. */
  page(prefix: string, after: string | undefined): Pair[] {
    const end = prefix + ABOVE_ALL;
    const rows = after === undefined ? this.#all(this.#firstPage, prefix, end) : this.#all(this.#nextPage, after, end);
    return rows.map((row) => [String(row["key"]), bytesOf(row["value"])]);
  }

  log(log: string, after: number, limit: number): LogEntry[] {
    return this.#all(this.#log, log, after, limit).map((row) => ({ position: String(row["id"]), entry: bytesOf(row["entry"]) }));
  }

  /** The last time that was written. */
  time(): number {
    return Number(this.#one(this.#time)?.["time"] ?? 0);
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #one(statement: StatementSync, ...parameters: SQLInputValue[]): Row | undefined {
    return this.#read(() => statement.get(...parameters));
  }

  #all(statement: StatementSync, ...parameters: SQLInputValue[]): Row[] {
    return this.#read(() => statement.all(...parameters));
  }

  #read<Answer>(read: () => Answer): Answer {
    if (!this.#database.isOpen) throw new StoreError("unavailable", "embedded store: it is closed");
    try {
      return read();
    } catch (error) {
      throw new StoreError("unavailable", `embedded store: ${reasonOf(error)}`);
    }
  }
}

function bytesOf(value: unknown): Bytes {
  if (value instanceof Uint8Array) return value;
  throw new StoreError("unavailable", "embedded store: a row of the database has no bytes: restore a backup");
}
