/** The connection's settings and the tables. */

import { DatabaseSync } from "node:sqlite";
import { StoreError } from "../../domain/ports.ts";
import { isBusy } from "./failures.ts";

/** "mint" in ASCII: `file` and sqlite3 show whose database it is. */
const APPLICATION_ID = 0x6d696e74;
const SCHEMA_VERSION = 1;

/** Keeps the log of changes from staying as large as it once was. */
const WAL_KEPT_BYTES = 64 * 1024 * 1024;

// No index by expires_at: it would cost two pages more with every swap. The sweep walks the keys instead. The value
// comes last, so that the walk doesn't read the pages of large ones. AUTOINCREMENT: no position is given twice.
const TABLES = `
  CREATE TABLE document (
    key TEXT PRIMARY KEY NOT NULL,
    expires_at INTEGER NOT NULL,
    value BLOB NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE log_entry (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    log TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    entry BLOB NOT NULL
  ) STRICT;
  CREATE INDEX log_entry_by_log ON log_entry (log, id);
  CREATE TABLE clock (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    time INTEGER NOT NULL
  ) STRICT;
  INSERT INTO clock (only, time) VALUES (1, 0);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

function pragma(database: DatabaseSync, name: string): unknown {
  const row = database.prepare(`PRAGMA ${name}`).get();
  return row === undefined ? undefined : Object.values(row)[0];
}

/** Turning on WAL needs the file for itself, and SQLite does not wait for that by its busy timeout. */
function turnOnWal(database: DatabaseSync, attempts: number): void {
  const nap = new Int32Array(new SharedArrayBuffer(4));
  for (let attempt = 1; ; attempt += 1) {
    try {
      if (pragma(database, "journal_mode = WAL") === "wal") return;
      throw new StoreError("unavailable", "the file system can't hold a database in WAL mode: use a local disk");
    } catch (error) {
      if (!isBusy(error) || attempt >= attempts) throw error;
      Atomics.wait(nap, 0, 0, 20);
    }
  }
}

function createTables(database: DatabaseSync): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    if (pragma(database, "user_version") === 0) database.exec(TABLES);
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

/** In this order: another process of ours may be making the tables, and their id is there when they are. */
function isForeign(database: DatabaseSync): boolean {
  if (database.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === undefined) return false;
  return pragma(database, "application_id") !== APPLICATION_ID;
}

/** Opens the file for writing, makes the tables in an empty one. Blocks for at most about `busyTimeoutMillis`. */
export function openForWriting(file: string, busyTimeoutMillis: number): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: busyTimeoutMillis });
  try {
    if (isForeign(database)) {
      throw new StoreError("unavailable", "the database belongs to another program: name another folder in `store`");
    }
    turnOnWal(database, Math.ceil(busyTimeoutMillis / 20));
    database.exec(`PRAGMA synchronous = FULL; PRAGMA journal_size_limit = ${WAL_KEPT_BYTES}`);
    if (pragma(database, "synchronous") !== 2) {
      throw new StoreError("unavailable", "SQLite does not sync every commit (synchronous is not FULL): use Node.js 24.21 or newer");
    }
    if (pragma(database, "user_version") === 0) createTables(database);
    const version = pragma(database, "user_version");
    if (version !== SCHEMA_VERSION) {
      throw new StoreError(
        "unavailable",
        `the database has format ${String(version)}, this mintmark knows ${SCHEMA_VERSION}: use a newer one`,
      );
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** A connection that only reads; the file must have been opened for writing before. */
export function openForReading(file: string, busyTimeoutMillis: number): DatabaseSync {
  return new DatabaseSync(file, { readOnly: true, timeout: busyTimeoutMillis });
}
