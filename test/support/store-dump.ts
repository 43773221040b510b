/** Everything that a store holds, read beside the issuer: what a refused request changed shows in the difference of two dumps. */

import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { Redis } from "ioredis";

/** What is stored, by its key. */
export type StoreDump = ReadonlyMap<string, string>;

export interface DumpReader {
  read(): Promise<StoreDump>;
  close(): void;
}

/** Every key of a Redis server, in the server's own serialization; without the expiry, which is only garbage collection. */
export function redisDumps(port: number, keyPrefix = "mintmark:"): DumpReader {
  const redis = new Redis({ host: "127.0.0.1", port, enableReadyCheck: false });
  return {
    async read() {
      const names: Buffer[] = [];
      let cursor = "0";
      do {
        const [next, page] = await redis.scanBuffer(cursor, "COUNT", 1_000);
        cursor = next.toString();
        names.push(...page);
      } while (cursor !== "0");
      const values = await Promise.all(names.map((name) => redis.dumpBuffer(name)));
      return new Map(names.map((name, index) => [plain(name.toString("latin1"), keyPrefix), values[index]?.toString("base64") ?? ""]));
    },
    close: () => redis.disconnect(),
  };
}

function plain(name: string, keyPrefix: string): string {
  return name.startsWith(keyPrefix) ? name.slice(keyPrefix.length) : name;
}

/** Every row of the embedded store's tables, but for its clock. The file may not be there yet. */
export function embeddedDumps(file: string): DumpReader {
  let database: DatabaseSync | undefined;
  return {
    async read() {
      if (!existsSync(file)) return new Map();
      database ??= new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
      const documents = database.prepare("SELECT key, hex(value) AS value FROM document").all();
      const entries = database.prepare("SELECT id, log, hex(entry) AS value FROM log_entry").all();
      return new Map([
        ...documents.map(({ key, value }) => [String(key), String(value)] as const),
        ...entries.map(({ id, log, value }) => [`log ${String(log)} ${String(id)}`, String(value)] as const),
      ]);
    },
    close: () => database?.close(),
  };
}

export interface StoreChanges {
  /** Keys, sorted. */
  readonly documents: readonly string[];
  /** Counters of failed logins: a refused request may touch them, for that is what they are for. */
  readonly throttle: readonly string[];
  /** Ids of assertions that were used. */
  readonly assertions: readonly string[];
}

/** What every node writes by itself, whatever is asked. */
const BY_ITSELF: readonly string[] = ["marker", "verifiers"];

/** What differs, but for that. */
export function changesBetween(before: StoreDump, after: StoreDump): StoreChanges {
  const keys = [...new Set([...before.keys(), ...after.keys()])].filter(
    (key) => !BY_ITSELF.includes(key) && before.get(key) !== after.get(key),
  );
  const throttle = keys.filter((key) => key.startsWith("t"));
  const assertions = keys.filter((key) => key.startsWith("j"));
  const documents = keys.filter((key) => !throttle.includes(key) && !assertions.includes(key)).sort();
  return { documents, throttle, assertions };
}
