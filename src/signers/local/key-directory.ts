/** The folder of the key files: whole files or none, made durable before anyone hears of them. */

import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { chown, lstat, mkdir, open, readdir, rename, rm, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { KeyError } from "../../domain/ports.ts";
import type { Bytes, Random } from "../../domain/ports.ts";

/** Far above any key file. */
const MAX_FILE_BYTES = 65_536;
const PRIVATE_MODE = 0o600;
const OTHERS = 0o077;

/** Temporary files of a process that was killed while it wrote. */
const TEMPORARY = /^\.mintmark-[0-9a-f]+\.tmp$/;
const TEMPORARY_LIFETIME_MILLIS = 600_000;

export interface StoredFile {
  readonly content: Bytes;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
  /** Permission bits that let others than the owner in; 0 where there are none. */
  readonly othersMode: number;
}

export interface KeyDirectory {
  /** As configured and with the file's name: how messages name it. */
  pathOf(name: string): string;
  /** Names in a stable order; none where the folder doesn't exist. Throws `KeyError`. */
  list(): Promise<readonly string[]>;
  /** Undefined where there is no such file. Throws `KeyError`. */
  read(name: string): Promise<StoredFile | undefined>;
  /** A whole file that is durable when this resolves; on failure there is what was there before. Throws `KeyError`. */
  write(name: string, content: string, now: number): Promise<void>;
  /** Idempotent; whether there was one. Throws `KeyError`. */
  remove(names: readonly string[]): Promise<boolean>;
}

export function openKeyDirectory(directory: string, random: Random): KeyDirectory {
  const pathOf = (name: string) => join(directory, name);

  async function list(): Promise<readonly string[]> {
    try {
      return (await readdir(directory)).toSorted();
    } catch (error) {
      if (codeOf(error) === "ENOENT") return [];
      throw new KeyError(`${directory}: the folder of the keys can't be read (${codeOf(error)}); give it to the user mintmark runs as.`);
    }
  }

  async function read(name: string): Promise<StoredFile | undefined> {
    const path = pathOf(name);
    try {
      // Not to wait for ever on what turns out to be a pipe.
      return await readFrom(await open(path, constants.O_RDONLY | constants.O_NONBLOCK), path);
    } catch (error) {
      if (error instanceof KeyError) throw error;
      if (codeOf(error) === "ENOENT") return undefined;
      throw new KeyError(`${path}: can't be read (${codeOf(error)}); give the file to the user mintmark runs as, mode 0600.`);
    }
  }

  async function write(name: string, content: string, now: number): Promise<void> {
    const temporary = `.mintmark-${Buffer.from(random(8)).toString("hex")}.tmp`;
    const wasThere = await isThere(pathOf(name));
    try {
      await makeDirectory(directory);
      await sweep(now);
      await writeSynced(pathOf(temporary), content, directory);
      await rename(pathOf(temporary), pathOf(name));
      await syncDirectory(directory);
    } catch (error) {
      await removeQuietly([temporary, ...(wasThere ? [] : [name])].map(pathOf));
      throw new KeyError(`${pathOf(name)}: a new key can't be written: ${adviceFor(codeOf(error))}`);
    }
  }

  async function sweep(now: number): Promise<void> {
    for (const name of (await list()).filter((each) => TEMPORARY.test(each))) {
      const { mtimeMs } = await stat(pathOf(name)).catch(() => ({ mtimeMs: Infinity }));
      if (mtimeMs < now - TEMPORARY_LIFETIME_MILLIS) await removeQuietly([pathOf(name)]);
    }
  }

  async function remove(names: readonly string[]): Promise<boolean> {
    try {
      const removed = await Promise.all(names.map((name) => unlinkIfThere(pathOf(name))));
      if (removed.includes(true)) await syncDirectory(directory);
      return removed.includes(true);
    } catch (error) {
      throw new KeyError(`${directory}: a private key can't be erased: ${adviceFor(codeOf(error))} Its files: ${names.join(", ")}.`);
    }
  }

  return {
    pathOf,
    list,
    read,
    write,
    remove,
  };
}

async function readFrom(file: FileHandle, path: string): Promise<StoredFile> {
  try {
    const { mode, mtimeMs, size } = await checkedStat(file, path);
    const content = new Uint8Array(size);
    const { bytesRead } = await file.read(content, 0, size, 0);
    return { content: content.subarray(0, bytesRead), modifiedAt: mtimeMs, othersMode: mode & OTHERS };
  } finally {
    await file.close();
  }
}

async function checkedStat(file: FileHandle, path: string) {
  const stats = await file.stat();
  if (!stats.isFile()) throw new KeyError(`${path}: is not a file; a key file or a link to one is expected here.`);
  if (stats.size > MAX_FILE_BYTES) throw new KeyError(`${path}: is too large for a key file; restore it from a backup.`);
  return stats;
}

/** Owner 0700. Root leaves it to whoever owns the folder around it, so that the server can go on using it. */
async function makeDirectory(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode: 0o700 });
  if (first === undefined || process.getuid?.() !== 0) return;
  const { uid, gid } = await stat(dirname(first));
  for (let made = directory; made.length >= first.length; made = dirname(made)) await chown(made, uid, gid);
}

async function writeSynced(path: string, content: string, directory: string): Promise<void> {
  const file = await open(path, "wx", PRIVATE_MODE);
  try {
    if (process.getuid?.() === 0) {
      const { uid, gid } = await stat(directory);
      await file.chown(uid, gid);
    }
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** So that the name survives a power cut too. */
async function syncDirectory(directory: string): Promise<void> {
  const folder = await open(directory, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** What can't be looked at may be there, and is left alone. */
async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    return codeOf(error) !== "ENOENT";
  }
}

async function unlinkIfThere(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}

async function removeQuietly(paths: readonly string[]): Promise<void> {
  await Promise.all(paths.map((path) => rm(path, { force: true }).catch(() => undefined)));
}

function adviceFor(code: string): string {
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return `the disk is full (${code}); make room and try again.`;
    case "EROFS":
      return `the file system is read-only (${code}); point keys.store at a folder that can be written.`;
    case "EACCES":
    case "EPERM":
      return `no permission (${code}); give the folder to the user mintmark runs as, mode 0700.`;
    case "ENOTDIR":
    case "EEXIST":
      return `the path of the folder leads through a file (${code}); point keys.store at a folder.`;
    default:
      return `${code}; see that the folder and its disk are in order.`;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown error";
}
