import { chmod, chown, mkdir, mkdtemp, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import t from "tap";
import { openEmbeddedStore } from "../../src/stores/embedded/index.ts";
import { openForWriting } from "../../src/stores/embedded/schema.ts";
import { checkSqliteVersion } from "../../src/stores/embedded/version.ts";
import { bytes, HOUR_MILLIS } from "../contract/harness.ts";

async function freshDirectory(test: { teardown(remove: () => Promise<void>): unknown }): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "mintmark-embedded-"));
  test.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

const open = (directory: string) => openEmbeddedStore({ directory, clock: Date.now });
const refusal = (message: RegExp) => ({ name: "StoreError", outcome: "unavailable", message });

t.test("folder and files are made for their owner only, whatever the umask", async (t) => {
  const directory = join(await freshDirectory(t), "deep", "data");
  const umask = process.umask(0);
  const store = await open(directory).finally(() => process.umask(umask));
  await store.compareAndSet("key", undefined, bytes("value"), { expiresAt: Date.now() + HOUR_MILLIS, confirmed: false });
  const files = (await readdir(directory)).sort();
  t.same(files, ["mintmark.db", "mintmark.db-shm", "mintmark.db-wal"]);
  for (const file of files) t.equal((await stat(join(directory, file))).mode & 0o777, 0o600, file);
  t.equal((await stat(directory)).mode & 0o777, 0o700);
  t.equal((await stat(join(directory, ".."))).mode & 0o777, 0o700);
  await store.close();
  t.same(await readdir(directory), ["mintmark.db"], "closing leaves one file");
});

t.test("as root, new files belong to the owner of the folder", { skip: process.geteuid?.() !== 0 && "needs root" }, async (t) => {
  const parent = await freshDirectory(t);
  const owner = 12_345;
  await chown(parent, owner, owner);
  const store = await open(join(parent, "data"));
  await store.ping();
  t.equal((await stat(join(parent, "data"))).uid, owner);
  for (const file of await readdir(join(parent, "data"))) {
    const { uid, gid } = await stat(join(parent, "data", file));
    t.same([uid, gid], [owner, owner], file);
  }
  await store.close();
});

t.test("a path through a file is refused", async (t) => {
  const directory = await freshDirectory(t);
  await writeFile(join(directory, "file"), "text");
  await t.rejects(open(join(directory, "file")), refusal(/^[^\n]*can't be used \(EEXIST\): make it a folder[^\n]*$/u));
  await t.rejects(open(join(directory, "file", "data")), refusal(/^[^\n]*can't be used \(ENOTDIR\)[^\n]*$/u));
});

t.test("a folder that takes none is refused with the system's code", { skip: process.platform !== "linux" && "needs /proc" }, async (t) => {
  await t.rejects(open("/proc/nope"), refusal(/^\/proc\/nope: can't be used \((?:ENOENT|EACCES)\): make it a folder[^\n]*$/u));
  await t.rejects(open("/proc/nope/deeper"), refusal(/^\/proc\/nope\/deeper: can't be used \((?:ENOENT|EACCES)\)[^\n]*$/u));
});

t.test("a file that is no database is refused and left as it is", async (t) => {
  const directory = await freshDirectory(t);
  const file = join(directory, "mintmark.db");
  await writeFile(file, "this is no database, but a text of someone's\n".repeat(50));
  const { size } = await stat(file);
  await t.rejects(open(directory), refusal(/^[^\n]*mintmark\.db: the file is not a SQLite database: move it away[^\n]*$/u));
  t.equal((await stat(file)).size, size);
});

t.test("another program's database is refused and left as it is", async (t) => {
  const directory = await freshDirectory(t);
  const other = new DatabaseSync(join(directory, "mintmark.db"));
  other.exec("CREATE TABLE theirs (a)");
  other.close();
  await t.rejects(open(directory), refusal(/belongs to another program/u));
  const again = new DatabaseSync(join(directory, "mintmark.db"));
  t.same(
    again
      .prepare("SELECT name FROM sqlite_schema")
      .all()
      .map((row) => row["name"]),
    ["theirs"],
  );
  again.close();
});

t.test("tables that another process makes while this one looks are not taken for another program's", async (t) => {
  const file = join(await freshDirectory(t), "mintmark.db");
  const { prepare } = DatabaseSync.prototype;
  t.teardown(() => void (DatabaseSync.prototype.prepare = prepare));
  let looks = 0;
  DatabaseSync.prototype.prepare = function (this: DatabaseSync, sql: string) {
    looks += 1;
    // After its first look.
    if (looks === 2) {
      DatabaseSync.prototype.prepare = prepare;
      openForWriting(file, 1_000).close();
    }
    return prepare.call(this, sql);
  };
  const database = openForWriting(file, 1_000);
  t.equal(looks, 2);
  t.equal(database.prepare("SELECT count(*) AS count FROM clock").get()?.["count"], 1);
  database.close();
});

t.test("a database of a later format is refused", async (t) => {
  const directory = await freshDirectory(t);
  await (await open(directory)).close();
  const later = new DatabaseSync(join(directory, "mintmark.db"));
  later.exec("PRAGMA user_version = 2");
  later.close();
  await t.rejects(open(directory), refusal(/the database has format 2, this mintmark knows 1/u));
});

t.test("a truncated database is refused or its loss is an error, never an empty store", async (t) => {
  const directory = await freshDirectory(t);
  await (await open(directory)).close();
  await truncate(join(directory, "mintmark.db"), 4096);
  await t.rejects(open(directory), refusal(/the database is damaged: restore a backup/u));
});

t.test("SQLite older than 3.51.3 is refused", async (t) => {
  for (const version of ["3.51.3", "3.51.10", "3.53.4", "4.0.0"]) t.doesNotThrow(() => checkSqliteVersion(version), version);
  for (const version of ["3.51.2", "3.46.1", "2.99.99", "", undefined]) {
    t.throws(() => checkSqliteVersion(version), refusal(/use Node\.js 24\.21 or newer/u), String(version));
  }
});

t.test("inspect warns of a folder others may write and a file others may read", async (t) => {
  const directory = join(await freshDirectory(t), "data");
  await mkdir(directory);
  await chmod(directory, 0o777);
  const store = await open(directory);
  await chmod(join(directory, "mintmark.db"), 0o644);
  const warnings = (await store.inspect()).filter(({ severity }) => severity === "warning");
  t.same(warnings, [
    { severity: "warning", subject: "folder", finding: "mode 0777 is too open", advice: "chmod 0700" },
    { severity: "warning", subject: "file", finding: "mode 0644 is too open", advice: "chmod 0600" },
  ]);
  await store.close();
});
