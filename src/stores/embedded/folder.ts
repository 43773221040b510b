/**
 * The folder and the file, made for their owner only. SQLite gives its companion files the mode and, as root, the
 * owner of the database file, so no umask is needed. The file is opened here only where it did not exist: closing a
 * second descriptor of an open database would drop this process's locks on it.
 */

import { chownSync, closeSync, constants, fchownSync, fsyncSync, mkdirSync, openSync, accessSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const asRoot = (): boolean => process.geteuid?.() === 0;
const hasCode = (error: unknown, code: string): boolean => error instanceof Error && "code" in error && error.code === code;

/** Makes the folder and what is missing above it. As root, a new folder belongs to the owner of the one it is in. */
function ensureDirectory(directory: string, isAboveMade = false): void {
  const above = dirname(directory);
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if (hasCode(error, "EEXIST") && statSync(directory).isDirectory()) return;
    // In a folder that is there and takes none (/proc), trying on would not end.
    if (!hasCode(error, "ENOENT") || isAboveMade || above === directory) throw error;
    ensureDirectory(above);
    return ensureDirectory(directory, true);
  }
  if (asRoot()) {
    const { uid, gid } = statSync(above);
    chownSync(directory, uid, gid);
  }
  syncDirectory(above);
}

function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, constants.O_RDONLY);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function createFile(directory: string, file: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(file, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR, 0o600);
  } catch (error) {
    if (hasCode(error, "EEXIST")) return;
    throw error;
  }
  try {
    if (asRoot()) {
      const { uid, gid } = statSync(directory);
      fchownSync(descriptor, uid, gid);
    }
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  syncDirectory(directory);
}

/** The database file in `directory`, both made if they aren't there. Throws the file system's error. */
export function prepareFile(directory: string): string {
  const absolute = resolve(directory);
  ensureDirectory(absolute);
  accessSync(absolute, constants.R_OK | constants.W_OK | constants.X_OK);
  const file = join(absolute, "mintmark.db");
  createFile(absolute, file);
  return file;
}
