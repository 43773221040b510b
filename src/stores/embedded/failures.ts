/** SQLite's and the system's errors in words an operator can act on. No message holds a key or a value. */

import { StoreError } from "../../domain/ports.ts";

// Primary result codes, https://sqlite.org/rescode.html
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;

const reasons: ReadonlyMap<number, string> = new Map([
  [BUSY, "the database is locked by another process"],
  [LOCKED, "the database is locked"],
  [READONLY, "the database can't be written: check the owner and mode of its files and folder"],
  [IOERR, "reading or writing the disk failed: check the disk"],
  [CORRUPT, "the database is damaged: restore a backup"],
  [FULL, "the disk is full: make room"],
  [CANTOPEN, "the database can't be opened: check the owner and mode of its files and folder"],
  [NOTADB, "the file is not a SQLite database: move it away, or name another folder in `store`"],
]);

/** SQLite's primary result code; undefined where the error isn't SQLite's. */
function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return undefined;
  return error.errcode & 0xff;
}

export const isBusy = (error: unknown): boolean => sqliteCode(error) === BUSY;

/**
 * True if a COMMIT that failed with this error left nothing behind: the lock was not had, or the frame that makes the
 * transaction valid found no room. After a failed sync the frame may be in the file, and a recovery would find it.
 */
export function surelyNotCommitted(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === BUSY || code === FULL || code === READONLY;
}

/** One line: what happened and, where there is something, what to do. */
export function reasonOf(error: unknown): string {
  const code = sqliteCode(error);
  if (code === undefined) return "the embedded store failed";
  return reasons.get(code) ?? `SQLite answered with code ${code}`;
}

/** For an error at opening, of SQLite or of the file system. */
export function openingError(path: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  if (sqliteCode(error) !== undefined) return new StoreError("unavailable", `${path}: ${reasonOf(error)}`);
  const code = error instanceof Error && "code" in error ? String(error.code) : "an unknown error";
  const advice = "make it a folder this user may write, or name another one in `store`";
  return new StoreError("unavailable", `${path}: can't be used (${code}): ${advice}`);
}
