/** moto, an emulator of AWS in Python, in a virtual environment of its own that is made once per installation of node_modules. */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { findProgram, installProgram } from "../../scripts/system-program.ts";
import { PYTHON } from "../../scripts/test-programs.ts";
import { pause } from "./wait.ts";

const REQUIREMENTS = join(import.meta.dirname, "moto-requirements.txt");
const CACHE = join(import.meta.dirname, "../../node_modules/.cache/mintmark-test");
/** Of some 40 MB from a slow index. */
const INSTALL_MILLIS_MAX = 300_000;
/** Whoever holds a lock for longer has been killed. */
const LOCK_MILLIS_MAX = 2 * INSTALL_MILLIS_MAX;

/** The environment's own python; or, as `missing`, why there is none. */
export type MotoInstall = { readonly python: string } | { readonly missing: string };

/** Installs it where it isn't yet; says so on stderr. Other processes that ask meanwhile wait. */
export async function installMoto(): Promise<MotoInstall> {
  const name = `moto-${createHash("sha256").update(readFileSync(REQUIREMENTS)).digest("hex").slice(0, 12)}`;
  const folder = join(CACHE, name);
  const installed = { python: join(folder, "bin/python") };
  if (existsSync(folder)) return installed;
  mkdirSync(CACHE, { recursive: true });
  const unlock = await lock(`${folder}.lock`);
  try {
    if (existsSync(folder)) return installed;
    const missing = makeEnvironment(folder);
    return missing === undefined ? installed : { missing };
  } finally {
    unlock();
  }
}

async function lock(path: string): Promise<() => void> {
  for (;;) {
    try {
      mkdirSync(path);
      return () => rmSync(path, { recursive: true, force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const since = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - since > LOCK_MILLIS_MAX) rmSync(path, { recursive: true, force: true });
    await pause(200);
  }
}

/** Whole or not there: it gets its name at the end. Undefined where it was made, else what is missing. */
function makeEnvironment(folder: string): string | undefined {
  const python = findProgram(PYTHON) ?? installProgram(PYTHON, say);
  if (python === undefined) return "no python3 found on the PATH";
  const half = `${folder}.half`;
  rmSync(half, { recursive: true, force: true });
  say("installing moto, an emulator of AWS KMS, from PyPI; once");
  const makeVenv = (): boolean => succeeds(python, ["-m", "venv", half]);
  // Debian has the module venv in a package of its own.
  if (!makeVenv() && (installProgram(PYTHON, say) === undefined || !makeVenv())) return "python3 has no module venv";
  const pip = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-compile"];
  if (!succeeds(join(half, "bin/python"), [...pip, "--no-deps", "--only-binary", ":all:", "-r", REQUIREMENTS]))
    return "moto could not be installed from PyPI";
  renameSync(half, folder);
  return undefined;
}

function succeeds(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: ["ignore", "ignore", 2], timeout: INSTALL_MILLIS_MAX }).status === 0;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
