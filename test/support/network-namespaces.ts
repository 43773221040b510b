/** Network namespaces by iproute2's `ip`: making, configuring and taking them away. */

import { spawn, spawnSync } from "node:child_process";
import { text } from "node:stream/consumers";
import { findOnPath } from "../../scripts/system-program.ts";

/** One call, while everything waits: for beginnings and for the end of the process. Returns what it printed. */
function ip(...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync("ip", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${error?.message ?? stderr.trim()}`);
  return stdout;
}

/** Several commands in one process, inside the namespace or, where it is undefined, outside. */
export async function configure(namespace: string | undefined, commands: readonly string[]): Promise<void> {
  const args = [...(namespace === undefined ? [] : ["-n", namespace]), "-batch", "-"];
  const child = spawn("ip", args, { stdio: ["pipe", "ignore", "pipe"] });
  child.stdin.end(commands.map((command) => `${command}\n`).join(""));
  const ended = new Promise<number | null>((resolve, reject) => child.once("error", reject).once("close", resolve));
  const [status, errors] = await Promise.all([ended, text(child.stderr)]);
  if (status !== 0) throw new Error(`ip ${commands.join("; ")}: ${errors.trim()}`);
}

export function namespaces(): string[] {
  const lines = ip("netns", "list").split("\n");
  return lines.map((line) => line.split(" ")[0] ?? "").filter((name) => name !== "");
}

/** Kills what runs in it. Its devices go with it, and their other ends. */
export function removeNamespace(namespace: string): void {
  for (const pid of ip("netns", "pids", namespace).split("\n").filter(Boolean)) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // It has just ended by itself.
    }
  }
  ip("netns", "del", namespace);
}

/** Whether no route of this machine, but perhaps the default one, leads there. */
export function isUnused(subnet: string): boolean {
  const routes = `${ip("-4", "route", "show", "match", subnet)}${ip("-4", "route", "show", "root", subnet)}`;
  return routes.split("\n").every((route) => route === "" || route.startsWith("default"));
}

/** Why there can be none here; false where there can. Tries, since containers and old kernels differ. */
export function whyNoNamespaces(name: string): string | false {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (process.getuid?.() !== 0) return "only root can make network namespaces";
  if (findOnPath("ip") === undefined) return "no ip (iproute2) found on the PATH";
  try {
    ip("netns", "add", name);
    ip("-n", name, "link", "add", "switch", "type", "bridge");
    ip("-n", name, "link", "add", "one", "type", "veth", "peer", "name", "other");
    return false;
  } catch (error) {
    return `no network namespaces here: ${String(error)}`;
  } finally {
    spawnSync("ip", ["netns", "del", name], { stdio: "ignore" });
  }
}
