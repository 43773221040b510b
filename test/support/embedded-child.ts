/** A process of its own on an embedded store: `node embedded-child.ts <what> <directory> [count]`. */

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StoreError } from "../../src/domain/ports.ts";
import type { Store } from "../../src/domain/ports.ts";
import { openEmbeddedStore } from "../../src/stores/embedded/index.ts";
import { bytes, HOUR_MILLIS, text } from "../contract/harness.ts";

const [what = "", directory = "", count = "0"] = process.argv.slice(2);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const later = (): { expiresAt: number; confirmed: boolean } => ({ expiresAt: Date.now() + HOUR_MILLIS, confirmed: true });
const open = (): Promise<Store> => openEmbeddedStore({ directory, clock: Date.now });

/** Commits until it is killed; says each number when it is acknowledged. Several writes are always under way. */
async function commit(): Promise<void> {
  const store = await open();
  let next = Number(count);
  const one = async (): Promise<void> => {
    for (;;) {
      const number = next;
      next += 1;
      if (!(await store.compareAndSet(`n:${number}`, undefined, bytes(String(number)), later()))) return;
      await store.append("ends", bytes(String(number)), later().expiresAt);
      say(String(number));
    }
  };
  await Promise.all([one(), one(), one(), one()]);
}

async function increment(): Promise<void> {
  const store = await open();
  for (let done = 0; done < Number(count); ) {
    const held = await store.get("counter");
    const next = bytes(String(Number(text(held) ?? "0") + 1));
    // The other process may keep the lock for the whole time that a call has: then certainly nothing was done.
    const isDone = await store.compareAndSet("counter", held, next, later()).catch((error: unknown) => {
      if (error instanceof StoreError && error.outcome === "unavailable") return false;
      throw error;
    });
    if (isDone) done += 1;
  }
  await store.close();
  say("done");
}

/** Holds the write lock, as a stuck process would, until it is killed. */
function hold(): void {
  const database = new DatabaseSync(join(directory, "mintmark.db"));
  database.exec("BEGIN IMMEDIATE");
  say("held");
  setInterval(() => database.isOpen, 1000);
}

/** Opens as a user who may not write the folder. */
async function openAsNobody(): Promise<void> {
  const nobody = 65_534;
  if (process.geteuid?.() === 0) process.setuid?.(nobody);
  try {
    const store = await open();
    await store.close();
    say("opened");
  } catch (error) {
    say(error instanceof StoreError ? error.message : `not a StoreError: ${String(error)}`);
  }
}

const actions: Readonly<Record<string, () => void | Promise<void>>> = { commit, increment, hold, openAsNobody };
await actions[what]?.();
