/** `mintmark serve` as a process: what it wrote, where it listens, how it ended. */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";

const MAIN = join(import.meta.dirname, "../../src/main.ts");
const START_MILLIS_MAX = 120_000;

export type End = number | NodeJS.Signals;

export interface ServerProcess {
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  /** Resolves with the exit code or the signal. */
  readonly ended: Promise<End>;
  /** Where it listens, as it says itself. Rejects, with what it wrote, where it ends before. */
  readonly listening: Promise<{ readonly url: string; readonly opsUrl: string | undefined }>;
  signal(name: NodeJS.Signals): void;
  /** To all its processes at once, as a terminal does; only where it was launched as a group. */
  signalGroup(name: NodeJS.Signals): void;
}

export interface Launch {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** A process group of its own. */
  readonly asGroup?: boolean;
}

const running = new Set<ChildProcess>();

function killAll(): void {
  for (const child of running) child.kill("SIGKILL");
}

process.once("exit", killAll);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGALRM"] as const) {
  process.once(signal, () => {
    killAll();
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  });
}

/** The environment of a process that must not see the configuration of whoever runs the tests. */
export function cleanEnvironment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    ([name, value]) => value !== undefined && !/^(MINTMARK_|NODE_ENV$|NODE_OPTIONS$|NODE_V8_COVERAGE$|TAP|npm_)/.test(name),
  );
  return { ...(Object.fromEntries(kept) as Record<string, string>), ...more };
}

/** `node src/main.ts <args>`, or another command. */
export function launch({ cwd, env, asGroup = false }: Launch, args: readonly string[] = ["serve"], command?: string): ServerProcess {
  const argv = command === undefined ? [MAIN, ...args] : [...args];
  const child = spawn(command ?? process.execPath, argv, {
    cwd,
    env: cleanEnvironment(env),
    stdio: ["ignore", "pipe", "pipe"],
    detached: asGroup,
  });
  running.add(child);
  const texts = { stdout: "", stderr: "" };
  const ended = new Promise<End>((resolve) => {
    child.once("error", (error) => {
      texts.stderr += error.message;
      running.delete(child);
      resolve(127);
    });
    child.once("close", (code, signal) => {
      running.delete(child);
      resolve(signal ?? code ?? 1);
    });
  });
  const listening = new Promise<{ url: string; opsUrl: string | undefined }>((resolve, reject) => {
    const fail = (what: string) => reject(new Error(`${what}:\n${texts.stderr}`));
    const timer = setTimeout(() => fail("it does not listen"), START_MILLIS_MAX);
    const look = () => {
      const [, url, opsUrl] = /^listening on (\S+)(?: \(metrics and health on (\S+)\))?$/m.exec(texts.stderr) ?? [];
      if (url === undefined) return;
      clearTimeout(timer);
      resolve({ url, opsUrl });
    };
    child.stdout.on("data", (piece: Buffer) => void (texts.stdout += piece.toString()));
    child.stderr.on("data", (piece: Buffer) => {
      texts.stderr += piece.toString();
      look();
    });
    void ended.then((end) => {
      clearTimeout(timer);
      fail(`it ended with ${end}`);
    });
  });
  listening.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    stdout: () => texts.stdout,
    stderr: () => texts.stderr,
    ended,
    listening,
    signal: (name) => void child.kill(name),
    signalGroup(name) {
      if (!asGroup || child.pid === undefined) throw new TypeError("it has no group of its own");
      process.kill(-child.pid, name);
    },
  };
}
