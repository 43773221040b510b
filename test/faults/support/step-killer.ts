/**
 * Loaded before a command of the command line (`node --import`), so that a process can be killed at every step that leaves
 * something behind: what it does to files, and what it sends to the store or says. Product code knows nothing of it.
 *
 * `MINTMARK_TEST_KILL_AT`: the number of the step at which it is killed; a step is the moment before such a call or after it.
 * `MINTMARK_TEST_MEET`: a folder; before it swaps the ring the process waits there for one other.
 */

import { readdirSync, writeFileSync } from "node:fs";
import files from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { Socket } from "node:net";
import { join } from "node:path";

const MEET_MILLIS_MAX = 20_000;
const LOOK_EVERY_MILLIS = 2;
/** The swap of the ring, by a script or by the server's own command. */
const RING_SWAP = /\b(?:eval|evalsha|set)\r\n[^]*:ring\r\n/i;

const killAt = Number(process.env["MINTMARK_TEST_KILL_AT"] ?? 0);
let meetingPlace = process.env["MINTMARK_TEST_MEET"];
let steps = 0;

function step(): void {
  steps += 1;
  if (steps === killAt) process.kill(process.pid, "SIGKILL");
}

type Call<A extends unknown[], R> = (...args: A) => Promise<R>;

function stepped<A extends unknown[], R>(call: Call<A, R>): Call<A, R> {
  return async function (this: unknown, ...args: A): Promise<R> {
    step();
    const result = await call.apply(this, args);
    step();
    return result;
  };
}

/** All file handles have one prototype, which is only to be had from one of them. */
function stepHandles(handle: FileHandle): void {
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  const { writeFile, sync } = prototype;
  Object.assign(prototype, { writeFile: stepped(writeFile), sync: stepped(sync) });
  Object.assign(files, { open: openNew });
  syncBuiltinESMExports();
}

const { open, rename, unlink, rm, mkdir } = files;

/** Opening changes something only where it makes a file. */
const openNew: typeof open = (path, flags, mode) => (flags === "wx" ? stepped(open)(path, flags, mode) : open(path, flags, mode));

const openFirst: typeof open = async (path, flags, mode) => {
  const handle = await openNew(path, flags, mode);
  stepHandles(handle);
  return handle;
};

Object.assign(files, { open: openFirst, rename: stepped(rename), unlink: stepped(unlink), rm: stepped(rm), mkdir: stepped(mkdir) });
syncBuiltinESMExports();

const write = Socket.prototype.write as (this: Socket, ...args: unknown[]) => boolean;

Socket.prototype.write = function (this: Socket, ...args: unknown[]): boolean {
  if (RING_SWAP.test(textOf(args[0]))) meet();
  step();
  const result = write.apply(this, args);
  step();
  return result;
};

function textOf(piece: unknown): string {
  return piece instanceof Uint8Array ? Buffer.from(piece).toString("latin1") : String(piece);
}

/** Stands still until the other one is here too: both have read the same ring. */
function meet(): void {
  if (meetingPlace === undefined) return;
  const place = meetingPlace;
  meetingPlace = undefined;
  writeFileSync(join(place, String(process.pid)), "");
  const end = performance.now() + MEET_MILLIS_MAX;
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  while (readdirSync(place).length < 2 && performance.now() < end) Atomics.wait(sleeper, 0, 0, LOOK_EVERY_MILLIS);
}
