/** A process that this script started, and nothing else that runs on the machine. */

import { spawn } from "node:child_process";
import type { ChildProcess, SpawnOptions } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";

const TAIL_CHARACTERS = 4_000;
const STOP_MILLIS_MAX = 15_000;

export interface Child {
  readonly pid: number;
  /** The end of what it wrote on stdout and stderr. */
  tail(): string;
  hasEnded(): boolean;
  /** Resolves when it has ended, with its exit code or signal. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** SIGTERM; SIGKILL if that does not end it. */
  stop(): Promise<void>;
  /** SIGKILL to it and to what it forked, and waits for its end. */
  kill(): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** Called with each piece of stdout. */
  onOutput(listener: (text: string) => void): void;
}

const running = new Set<ChildProcess>();
// A figure that fails half-way leaves no process behind.
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** `logPath`: a file that gets everything it writes. */
export function startChild(command: string, args: readonly string[], options: SpawnOptions, logPath?: string): Child {
  const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let text = "";
  const listeners: ((text: string) => void)[] = [];
  const keep = (piece: Buffer): void => {
    text = (text + piece.toString()).slice(-TAIL_CHARACTERS);
    if (logPath !== undefined) appendFileSync(logPath, piece);
  };
  child.stdout?.on("data", (piece: Buffer) => {
    keep(piece);
    for (const listener of listeners) listener(piece.toString());
  });
  child.stderr?.on("data", keep);
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.on("error", (error) => {
      text += error.message;
      running.delete(child);
      resolve(127);
    });
    child.on("exit", (code, signal) => {
      running.delete(child);
      resolve(signal ?? code ?? 1);
    });
  });
  return {
    pid: child.pid ?? 0,
    tail: () => text,
    hasEnded: () => !running.has(child),
    signal: (name) => void child.kill(name),
    ended,
    async stop() {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MILLIS_MAX);
      await ended;
      clearTimeout(timer);
    },
    async kill() {
      const forked = child.pid === undefined ? [] : childrenOf(child.pid);
      // First the one that would replace the others.
      child.kill("SIGKILL");
      for (const pid of forked) killOne(pid);
      await ended;
    },
    onOutput: (listener) => void listeners.push(listener),
  };
}

/** The processes that a process forked, where the system says so. */
function childrenOf(pid: number): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function killOne(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
