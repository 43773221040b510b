/** Forgets what has expired, a little at a time, walking round the tables by their keys. */

import type { DatabaseSync, StatementSync } from "node:sqlite";

const EVERY_MILLIS = 1000;
/** Rows looked at in one step. */
const STEP_ROWS = 2000;
/** Rows removed in one step: about a millisecond of the writer's time. */
const REMOVED_ROWS = 200;

type Place = string | number;

/** One table's walk. `place` is the column walked by. */
class Walk {
  readonly #step: StatementSync;
  readonly #expired: StatementSync;
  readonly #remove: StatementSync;
  readonly #start: Place;
  #at: Place;

  constructor(database: DatabaseSync, table: string, place: string, start: Place) {
    this.#start = start;
    this.#at = start;
    this.#step = database.prepare(
      `SELECT ${place} AS place FROM ${table} WHERE ${place} > ? ORDER BY ${place} LIMIT 1 OFFSET ${STEP_ROWS - 1}`,
    );
    const from = `FROM ${table} WHERE ${place} > ?1 AND (?2 IS NULL OR ${place} <= ?2) AND expires_at <= ?3`;
    this.#expired = database.prepare(`SELECT ${place} AS place ${from} ORDER BY ${place} LIMIT ${REMOVED_ROWS}`);
    this.#remove = database.prepare(`DELETE FROM ${table} WHERE ${place} = ? AND expires_at <= ?`);
  }

  /** The next places that have expired. Reads only. */
  find(now: number): Place[] {
    const end = placeOf(this.#step.get(this.#at)) ?? null;
    const found = this.#expired.all(this.#at, end, now).map((row) => placeOf(row) ?? this.#start);
    // A full hand: the next step goes on behind it. Otherwise behind this step, or from the start again.
    this.#at = (found.length === REMOVED_ROWS ? found.at(-1) : end) ?? this.#start;
    return found;
  }

  remove(places: readonly Place[], now: number): void {
    for (const place of places) this.#remove.run(place, now);
  }
}

function placeOf(row: Record<string, unknown> | undefined): Place | undefined {
  const place = row?.["place"];
  return typeof place === "string" || typeof place === "number" ? place : undefined;
}

export class Sweep {
  readonly #database: DatabaseSync;
  readonly #walks: readonly Walk[];
  #last: number;

  constructor(database: DatabaseSync, now: number) {
    this.#database = database;
    this.#walks = [new Walk(database, "document", "key", ""), new Walk(database, "log_entry", "id", 0)];
    this.#last = now;
  }

  /**
   * One step, at most once a second. `now` is the system clock, which is never later than the store's: while they
   * differ nothing goes early. The write lock is taken only if there is something to remove. Errors are thrown.
   */
  run(now: number): void {
    if (now >= this.#last && now - this.#last < EVERY_MILLIS) return;
    this.#last = now;
    const found = this.#walks.map((walk) => walk.find(now));
    if (found.every((places) => places.length === 0)) return;
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      for (const [index, walk] of this.#walks.entries()) walk.remove(found[index] ?? [], now);
      this.#database.exec("COMMIT");
    } finally {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
    }
  }
}
