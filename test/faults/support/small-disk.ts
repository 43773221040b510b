/** A disk that is small enough to be filled. */

import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Skip } from "../rows/row.ts";

const BLOCK = Buffer.alloc(4_096);

export interface SmallDisk {
  readonly folder: string;
  /** Until nothing more goes on it. */
  fill(): void;
  /** What filled it is removed. */
  free(): void;
  remove(): void;
}

/** Throws `Skip` where this user can't mount one. */
export function smallDisk(bytes: number): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), "mintmark-disk-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", folder], { stdio: "ignore" });
  if (mounted.status !== 0) {
    rmSync(folder, { recursive: true, force: true });
    throw new Skip("a small disk (tmpfs) can only be mounted by root");
  }
  const filler = join(folder, "filler");
  const remove = (): void => {
    process.off("exit", remove);
    // Whoever is on it still may be about to end.
    spawnSync("umount", ["--lazy", folder], { stdio: "ignore" });
    rmSync(folder, { recursive: true, force: true });
  };
  process.on("exit", remove);
  return {
    folder,
    fill() {
      const file = openSync(filler, "w");
      try {
        while (writeSync(file, BLOCK) === BLOCK.length);
      } catch (error) {
        if (!(error instanceof Error) || !("code" in error) || error.code !== "ENOSPC") throw error;
      } finally {
        closeSync(file);
      }
    },
    // Unlinking needs no space; an empty file in its place would.
    free: () => rmSync(filler, { force: true }),
    remove,
  };
}
