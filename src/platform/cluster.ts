/** Several processes of this program on one port: node:cluster, and nothing of what they say to each other. */

import cluster from "node:cluster";
import { availableParallelism } from "node:os";

export interface ForkedProcess {
  readonly pid: number;
  /** Sends nothing where it is gone. */
  send(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  /** Resolves when it has ended and all that it sent was heard. */
  readonly ended: Promise<{ readonly code: number | undefined; readonly signal: string | undefined }>;
}

export interface ParentProcess {
  /** Resolves when it was handed over, or nobody is there; never rejects. */
  send(message: unknown): Promise<void>;
  onMessage(listener: (message: unknown) => void): void;
  onGone(listener: () => void): void;
}

export function coreCount(): number {
  return availableParallelism();
}

/**
 * Forks this program with another command. What forked processes listen on is one socket that all of them accept from: a
 * connection belongs to nobody until a process takes it, so one that dies loses none but its own.
 */
export function forkProcess(command: string): ForkedProcess {
  if (!cluster.isPrimary) throw new Error("this process is itself a worker of another program's cluster: set workers to 1");
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  cluster.setupPrimary({ args: [command], serialization: "advanced" });
  const worker = cluster.fork();
  const { process: child } = worker;
  const exit = new Promise<{ code: number | undefined; signal: string | undefined }>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code: code ?? undefined, signal: signal ?? undefined }));
    // The system had no room for another process; other errors are followed by an exit.
    worker.on("error", () => (child.pid === undefined ? resolve({ code: undefined, signal: undefined }) : undefined));
  });
  const silence = new Promise<void>((resolve) => {
    if (child.pid === undefined) resolve();
    else child.once("disconnect", resolve);
  });
  return {
    pid: child.pid ?? 0,
    send: (message) => void worker.send(message as object, () => undefined),
    onMessage: (listener) => void worker.on("message", listener),
    ended: exit.then(async (end) => {
      await silence;
      return end;
    }),
  };
}

/** Ends at once what was forked and has not ended. */
export function killForked(): void {
  for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill("SIGKILL");
}

/** The process that forked this one; undefined where it was started by itself. */
export function parentProcess(): ParentProcess | undefined {
  const { worker } = cluster;
  if (worker === undefined) return undefined;
  return {
    send: (message) =>
      new Promise((resolve) => {
        if (process.send === undefined || !process.connected) resolve();
        else process.send(message, undefined, undefined, () => resolve());
      }),
    onMessage: (listener) => void process.on("message", listener),
    onGone(listener) {
      worker.once("disconnect", () => {
        // Node.js would end this process now, in the middle of its answers.
        worker.exitedAfterDisconnect = true;
        listener();
      });
    },
  };
}
