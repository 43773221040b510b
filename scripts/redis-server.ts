/** Finds a redis-server binary for the tests, and as root installs one with the system's package manager. */
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const usualPlaces = ["/usr/bin", "/usr/local/bin", "/usr/sbin", "/usr/local/sbin"];

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function findIn(folders: string[], name: string): string | undefined {
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function searchPath(): string[] {
  return [...(process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== ""), ...usualPlaces];
}

/** The path of a redis-server: `MINTMARK_REDIS_SERVER` where set, else the first on the PATH. */
export function findRedisServer(): string | undefined {
  const named = process.env["MINTMARK_REDIS_SERVER"];
  if (named !== undefined && named !== "") return isExecutable(named) ? named : undefined;
  return findIn(searchPath(), "redis-server");
}

const managers: { tool: string; steps: string[][] }[] = [
  {
    tool: "apt-get",
    steps: [
      ["update", "-qq"],
      ["install", "-y", "-qq", "--no-install-recommends", "redis-server"],
    ],
  },
  { tool: "dnf", steps: [["install", "-y", "-q", "redis"]] },
  { tool: "apk", steps: [["add", "--quiet", "redis"]] },
];

/** Installs redis-server where this is root and a known package manager is there. Says what it does. */
export function installRedisServer(say: (text: string) => void): string | undefined {
  if (process.getuid?.() !== 0) {
    say("no redis-server found, and only root can install it: the tests that need it are skipped");
    return undefined;
  }
  const manager = managers.find(({ tool }) => findIn(searchPath(), tool) !== undefined);
  if (manager === undefined) {
    say("no redis-server found and no apt-get, dnf or apk: the tests that need it are skipped");
    return undefined;
  }
  // RUNLEVEL=1 keeps Debian's package from starting a server of its own where there is no systemd.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  for (const step of manager.steps) {
    say(`no redis-server found: running ${manager.tool} ${step.join(" ")}`);
    spawnSync(manager.tool, step, { stdio: ["ignore", 2, 2], env, timeout: 300_000 });
  }
  const found = findRedisServer();
  if (found === undefined) say("redis-server could not be installed: the tests that need it are skipped");
  return found;
}
