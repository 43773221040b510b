/** Runs a batch as one transaction: each operation is one statement, and nothing is answered before the COMMIT. */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { reasonOf, surelyNotCommitted } from "./failures.ts";
import type { Batch, Committed, Failed, Operation, Result, SwapOperation } from "./protocol.ts";

/** Hands out a batch's bytes from front to back. */
class Bytes {
  readonly #all: Uint8Array;
  #at = 0;

  constructor(all: Uint8Array) {
    this.#all = all;
  }

  take(length: number): Uint8Array {
    const from = this.#at;
    this.#at += length;
    return this.#all.subarray(from, this.#at);
  }
}

export class Transactions {
  readonly #database: DatabaseSync;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #has: StatementSync;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #delete: StatementSync;
  readonly #append: StatementSync;
  readonly #tick: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    // IMMEDIATE: a transaction that starts as a reader and then writes fails where another process wrote in between.
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#commit = database.prepare("COMMIT");
    this.#has = database.prepare("SELECT 1 FROM document WHERE key = ?");
    this.#insert = database.prepare("INSERT INTO document (key, expires_at, value) VALUES (?, ?, ?) ON CONFLICT (key) DO NOTHING");
    this.#update = database.prepare("UPDATE document SET expires_at = ?, value = ? WHERE key = ? AND value = ?");
    this.#delete = database.prepare("DELETE FROM document WHERE key = ? AND value = ?");
    this.#append = database.prepare("INSERT INTO log_entry (log, expires_at, entry) VALUES (?, ?, ?)");
    this.#tick = database.prepare("UPDATE clock SET time = ?1 WHERE time < ?1");
  }

  run(batch: Batch): Committed | Failed {
    let results: Result[];
    try {
      this.#begin.run();
      results = this.#operate(batch);
      this.#tick.run(batch.now);
    } catch (error) {
      this.#rollBack();
      return { kind: "failed", outcome: "unavailable", message: reasonOf(error) };
    }
    try {
      this.#commit.run();
    } catch (error) {
      this.#rollBack();
      return { kind: "failed", outcome: surelyNotCommitted(error) ? "unavailable" : "unknown", message: reasonOf(error) };
    }
    return { kind: "committed", results };
  }

  #operate(batch: Batch): Result[] {
    const bytes = new Bytes(batch.bytes);
    return batch.operations.map((operation) => {
      const values = takeValues(operation, bytes);
      try {
        return this.#execute(operation, values);
      } catch (error) {
        // A failed statement undoes itself; where SQLite undid the whole transaction, all of it failed.
        if (!this.#database.isTransaction) throw error;
        return null;
      }
    });
  }

  #execute(operation: Operation, [first, second]: Values): Result {
    if (operation.kind === "swap") return this.#swap(operation, first, second);
    if (first === undefined) return null;
    return Number(this.#append.run(operation.log, operation.expiresAt, first).lastInsertRowid);
  }

  #swap({ key, expiresAt }: SwapOperation, expected: Uint8Array | undefined, next: Uint8Array | undefined): boolean {
    if (expected === undefined && next === undefined) return this.#has.get(key) === undefined;
    if (expected === undefined) return this.#insert.run(key, expiresAt, next ?? null).changes === 1;
    if (next === undefined) return this.#delete.run(key, expected).changes === 1;
    return this.#update.run(expiresAt, next, key, expected).changes === 1;
  }

  #rollBack(): void {
    if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
  }
}

type Values = readonly [Uint8Array | undefined, Uint8Array | undefined];

function takeValues(operation: Operation, bytes: Bytes): Values {
  if (operation.kind === "append") return [bytes.take(operation.entryLength), undefined];
  const { expectedLength, nextLength } = operation;
  const expected = expectedLength === undefined ? undefined : bytes.take(expectedLength);
  return [expected, nextLength === undefined ? undefined : bytes.take(nextLength)];
}
