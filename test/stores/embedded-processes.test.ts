import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import t from "tap";
import { openEmbeddedStore } from "../../src/stores/embedded/index.ts";
import { bytes, collect, HOUR_MILLIS, text } from "../contract/harness.ts";

const CHILD = new URL("../support/embedded-child.ts", import.meta.url).pathname;

const children: ChildProcess[] = [];
t.teardown(() => children.forEach((process) => void process.kill("SIGKILL")));

function child(...args: string[]): ChildProcess {
  const started = spawn(process.execPath, [CHILD, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(started);
  return started;
}

async function* linesOf(process: ChildProcess): AsyncGenerator<string> {
  if (process.stdout === null) throw new TypeError("stdout is piped");
  yield* createInterface({ input: process.stdout });
}

async function firstLine(process: ChildProcess): Promise<string | undefined> {
  if (process.stdout === null) throw new TypeError("stdout is piped");
  const said = once(createInterface({ input: process.stdout }), "line").then(([line]: unknown[]) => String(line));
  // Not at its exit: what it said may be in the pipe yet.
  return Promise.race([said, once(process, "close").then(([code]: unknown[]) => `ended with ${String(code)}`)]);
}

async function kill(process: ChildProcess): Promise<void> {
  process.kill("SIGKILL");
  if (process.exitCode === null && process.signalCode === null) await once(process, "exit");
}

async function freshDirectory(test: { teardown(remove: () => Promise<void>): unknown }): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "mintmark-embedded-"));
  test.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

const options = { expiresAt: Date.now() + HOUR_MILLIS, confirmed: true };

t.test("kill -9 in the middle of commits loses nothing that was acknowledged", async (t) => {
  const directory = await freshDirectory(t);
  const acknowledged: string[] = [];
  for (let round = 0; round < 5; round += 1) {
    const writer = child("commit", directory, String(round * 1_000_000));
    const wanted = acknowledged.length + 20 + round * 37;
    for await (const line of linesOf(writer)) {
      acknowledged.push(line);
      if (acknowledged.length === wanted) writer.kill("SIGKILL");
    }
    await kill(writer);

    const store = await openEmbeddedStore({ directory, clock: Date.now });
    const held = await collect(store, "n:");
    const logged = new Set((await store.read("ends", undefined, 1_000_000)).map(({ entry }) => text(entry)));
    t.same(
      acknowledged.filter((number) => text(held.get(`n:${number}`)) !== number),
      [],
      `round ${round}: documents`,
    );
    t.same(
      acknowledged.filter((number) => !logged.has(number)),
      [],
      `round ${round}: log`,
    );
    t.equal(await store.compareAndSet(`after:${round}`, undefined, bytes("works"), options), true, "and it goes on");
    await store.close();
  }
  t.ok(acknowledged.length >= 100);
});

t.test("two processes that count in one document lose no update", async (t) => {
  const directory = await freshDirectory(t);
  const counters = [child("increment", directory, "150"), child("increment", directory, "150")];
  const said = await Promise.all(counters.map(firstLine));
  t.same(said, ["done", "done"]);
  const store = await openEmbeddedStore({ directory, clock: Date.now });
  t.equal(text(await store.get("counter")), "300");
  await store.close();
});

t.test("while another process holds the lock, writes are refused, reads go on, and service resumes by itself", async (t) => {
  const directory = await freshDirectory(t);
  const store = await openEmbeddedStore({ directory, clock: Date.now, commandTimeoutMillis: 1_000 });
  t.teardown(() => store.close());
  t.equal(await store.compareAndSet("key", undefined, bytes("old"), options), true);
  const holder = child("hold", directory);
  t.equal(await firstLine(holder), "held");

  const refused = { name: "StoreError", outcome: "unavailable" };
  await t.rejects(store.compareAndSet("key", bytes("old"), bytes("new"), options), refused);
  await t.rejects(Promise.all([store.append("ends", bytes("end"), options.expiresAt), store.ping()]), refused);
  t.equal(text(await store.get("key")), "old");
  const second = await openEmbeddedStore({ directory, clock: Date.now, commandTimeoutMillis: 1_000 });
  t.equal(text(await second.get("key")), "old", "a second process can be started to look");
  await second.close();

  await kill(holder);
  t.equal(await store.compareAndSet("key", bytes("old"), bytes("new"), options), true);
  t.equal(text(await store.get("key")), "new");
});

t.test("a new store whose file is locked is refused in one line", async (t) => {
  const directory = await freshDirectory(t);
  const holder = child("hold", directory);
  t.equal(await firstLine(holder), "held");
  const opening = openEmbeddedStore({ directory, clock: Date.now, commandTimeoutMillis: 200 });
  await t.rejects(opening, { name: "StoreError", outcome: "unavailable", message: /^[^\n]*locked by another process[^\n]*$/u });
  await kill(holder);
  await (await openEmbeddedStore({ directory, clock: Date.now })).close();
});

t.test("a folder that this user may not write is refused in one line that says what to do", async (t) => {
  const directory = await freshDirectory(t);
  await writeFile(join(directory, "mintmark.db"), "", { mode: 0o600 });
  await chmod(directory, 0o555);
  t.teardown(() => chmod(directory, 0o755));
  const line = await firstLine(child("openAsNobody", directory));
  t.match(line, /can't be used \(EACCES\): make it a folder this user may write/u);
});
