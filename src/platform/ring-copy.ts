/** A node's last copy of the key ring: `ring.json` in the folder of the keys. */

import { chown, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Bytes, Random, RingCopy } from "../domain/ports.ts";
import { systemRandom } from "./random.ts";

const FILE_NAME = "ring.json";

/**
 * Keeps the copy in `directory`, which is made (0700) where it is missing. A save is whole or not at all: a new file,
 * synced, renamed over the old one; the last save that was asked for wins. Both reject with an `Error` that names the
 * file as configured.
 */
export function openRingCopy(directory: string, random: Random = systemRandom): RingCopy {
  const path = join(directory, FILE_NAME);
  let last: Promise<void> = Promise.resolve();

  async function replace(ring: Bytes): Promise<void> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    // The same beginning as the key files' temporary names, whose remains the custodian sweeps away.
    const temporary = join(directory, `.mintmark-${Buffer.from(random(8)).toString("hex")}.tmp`);
    try {
      await writeSynced(temporary, ring, directory);
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    }
    await syncDirectory(directory);
  }

  return {
    async load() {
      try {
        return await readFile(path);
      } catch (error) {
        if (errorCode(error) === "ENOENT") return undefined;
        throw new Error(`${path}: can't be read (${errorCode(error)}).`, { cause: error });
      }
    },
    save(ring) {
      const saved = last.then(() => replace(ring));
      last = saved.catch(() => undefined);
      return saved.catch((error: unknown) => {
        throw new Error(`${path}: can't be written (${errorCode(error)}); check space and permissions.`, { cause: error });
      });
    },
  };
}

async function writeSynced(path: string, content: Bytes, directory: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    // Where root runs the command line, the server must still be able to replace the file.
    if (process.getuid?.() === 0) {
      const { uid, gid } = await stat(directory);
      await chown(path, uid, gid);
    }
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** So that the new name survives a power cut too. */
async function syncDirectory(directory: string): Promise<void> {
  const folder = await open(directory, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown error";
}
