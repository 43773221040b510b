/** What the machine has, and what can be had for it. */

import { execFile } from "node:child_process";
import { findOnPath, QUIET_INSTALL } from "../system-program.ts";

/** For everything that is installed, together: what is not there by then is not run. */
const INSTALLING = AbortSignal.timeout(200_000);
export interface Ran {
  readonly isGood: boolean;
  readonly stdout: string;
}

/** Runs a command to its end. What it says when it fails goes to stderr: it is for the person at the terminal, not for the table. */
export function run(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = process.env): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd, env, signal: INSTALLING, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      if (error !== null) say(`${command} ${args.join(" ")} failed: ${(stderr || stdout || error.message).slice(-1_000)}`);
      resolve({ isGood: error === null, stdout });
    });
  });
}

export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

let debian: Promise<boolean> = Promise.resolve(true);

/** Installs Debian's packages where this is root and apt-get is there; one call at a time. False: they could not be had. */
export function installFromDebian(packages: readonly string[]): Promise<boolean> {
  debian = debian.then(() => install(packages));
  return debian;
}

let isUpdated = false;

async function install(packages: readonly string[]): Promise<boolean> {
  const aptGet = findOnPath("apt-get");
  if (aptGet === undefined || process.getuid?.() !== 0) return false;
  const env = { ...process.env, ...QUIET_INSTALL };
  say(`installing ${packages.join(" ")} with apt-get`);
  if (!isUpdated) await run(aptGet, ["update", "-qq"], "/", env);
  isUpdated = true;
  return (await run(aptGet, ["install", "-y", "-qq", "--no-install-recommends", ...packages], "/", env)).isGood;
}

/** The version of an installed package of Debian's, without Debian's own part: "3.3.1-1" is 3.3.1. */
export async function versionInDebian(name: string): Promise<string> {
  const { isGood, stdout } = await run("dpkg-query", ["--show", "--showformat=${source:Upstream-Version}", name], "/");
  return isGood ? stdout.trim() : "?";
}
