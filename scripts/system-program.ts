/** Finds a program that tests need, and as root installs it with the system's package manager. */
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

type Manager = "apt-get" | "dnf" | "apk";

export interface SystemProgram {
  /** What it may be called on the PATH; the first found is used. */
  readonly commands: readonly [string, ...string[]];
  /** The environment variable that may hold its path. */
  readonly variable: string;
  /** The package it comes in. */
  readonly packages: Readonly<Record<Manager, string>>;
}

const usualPlaces = ["/usr/bin", "/usr/local/bin", "/usr/sbin", "/usr/local/sbin", "/usr/local/go/bin"];

/** Nobody is asked, and Debian's packages start no servers of their own where there is no systemd (RUNLEVEL=1). */
export const QUIET_INSTALL = { DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };

const installArgs: Readonly<Record<Manager, readonly string[]>> = {
  // Something else may be installing, as a machine does by itself when it is new.
  "apt-get": ["install", "-y", "-qq", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"],
  dnf: ["install", "-y", "-q"],
  apk: ["add", "--quiet"],
};

/** Of a large package on a slow line. What is ended half-way can leave the package manager unable to go on. */
const STEP_MILLIS_MAX = 900_000;

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export function findOnPath(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== ""), ...usualPlaces];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** Its path: what the environment names where it does, else the first on the PATH. */
export function findProgram({ commands, variable }: SystemProgram): string | undefined {
  const named = process.env[variable];
  if (named !== undefined && named !== "") return isExecutable(named) ? named : undefined;
  return commands.map(findOnPath).find((path) => path !== undefined);
}

/** For tap's `skip`: the reason where it is not there, else false. */
export function skipWithout(program: SystemProgram): string | false {
  return findProgram(program) === undefined ? `no ${program.commands[0]} found on the PATH or in ${program.variable}` : false;
}

/** Installs it where this is root and a known package manager is there. Says what it does. */
export function installProgram(program: SystemProgram, say: (text: string) => void): string | undefined {
  const [name] = program.commands;
  if (process.getuid?.() !== 0) {
    say(`no ${name} found, and only root can install it: the tests that need it are skipped`);
    return undefined;
  }
  const manager = (["apt-get", "dnf", "apk"] as const).find((tool) => findOnPath(tool) !== undefined);
  if (manager === undefined) {
    say(`no ${name} found and no apt-get, dnf or apk: the tests that need it are skipped`);
    return undefined;
  }
  const update = manager === "apt-get" ? [["update", "-qq"]] : [];
  const env = { ...process.env, ...QUIET_INSTALL };
  for (const step of [...update, [...installArgs[manager], program.packages[manager]]]) {
    say(`no ${name} found: running ${manager} ${step.join(" ")}`);
    spawnSync(manager, step, { stdio: ["ignore", 2, 2], env, timeout: STEP_MILLIS_MAX });
  }
  const found = findProgram(program);
  if (found === undefined) say(`${name} could not be installed: the tests that need it are skipped`);
  return found;
}
