/** Which SQLite may be trusted with the file. */

import { StoreError } from "../../domain/ports.ts";

/** Before it, resetting the WAL could lose commits where several connections write (https://sqlite.org/wal.html#walresetbug). */
const OLDEST = [3, 51, 3] as const;

/** Throws `StoreError` if the SQLite in this Node.js is older than 3.51.3. */
export function checkSqliteVersion(version: string | undefined): void {
  const parts = (version ?? "0").split(".").map(Number);
  for (const [index, wanted] of OLDEST.entries()) {
    const part = parts[index] ?? 0;
    if (part > wanted) return;
    if (part < wanted || Number.isNaN(part)) {
      throw new StoreError(
        "unavailable",
        `SQLite ${version ?? "is missing: it"} is too old for the embedded store: use Node.js 24.21 or newer`,
      );
    }
  }
}
