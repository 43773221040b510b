/** The Lua scripts, one file each; every one touches a single key. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

export interface Script {
  readonly source: string;
  /** What EVALSHA calls it by. */
  readonly sha: string;
}

function load(file: string): Script {
  const source = readFileSync(new URL(file, import.meta.url), "utf8");
  return { source, sha: createHash("sha1").update(source).digest("hex") };
}

export const compareAndSetScript = load("./compare-and-set.lua");
export const compareAndRemoveScript = load("./compare-and-remove.lua");
export const appendScript = load("./append.lua");
