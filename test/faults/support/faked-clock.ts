/** A process whose wall clock is set while it runs, by libfaketime. Its monotonic clock goes on as it should. */

import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Skip } from "../rows/row.ts";

const PLACES = ["x86_64-linux-gnu", "aarch64-linux-gnu"].map((machine) => `/usr/lib/${machine}/faketime/libfaketimeMT.so.1`);
const LIBRARY = "MINTMARK_TEST_LIBFAKETIME";

export interface FakedClock {
  readonly env: Readonly<Record<string, string>>;
  /** By how much it is ahead of the machine's. */
  set(offsetSeconds: number): void;
  remove(): void;
}

/** Throws `Skip` where there is no libfaketime. */
export function fakedClock(): FakedClock {
  const library = [process.env[LIBRARY] ?? "", ...PLACES].find((path) => path !== "" && existsSync(path));
  if (library === undefined) throw new Skip(`no libfaketime (Debian: apt-get install libfaketime) in its usual place or in ${LIBRARY}`);
  const folder = mkdtempSync(join(tmpdir(), "mintmark-clock-"));
  const file = join(folder, "offset");
  const set = (offsetSeconds: number): void => writeFileSync(file, `${offsetSeconds < 0 ? "" : "+"}${offsetSeconds}\n`);
  set(0);
  return {
    env: { LD_PRELOAD: library, FAKETIME_DONT_FAKE_MONOTONIC: "1", FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: "1" },
    set,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
