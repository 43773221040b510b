/** The workers of an issuer: which processes they are, and which connections they hold. Linux only. */

import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { connect } from "node:net";
import type { Socket } from "node:net";
import type { RunningIssuer } from "./issuer-process.ts";
import { until } from "./wait.ts";

const childrenFile = (pid: number): string => `/proc/${pid}/task/${pid}/children`;

export const skipWithoutProc = existsSync(childrenFile(process.pid)) ? false : "processes are found by /proc/…/children, which is not here";

/** The processes that `pid` forked and that live. */
export function childrenOf(pid: number): readonly number[] {
  return readFileSync(childrenFile(pid), "utf8").split(" ").filter(Boolean).map(Number);
}

/** Whether it runs; one that has ended and that nobody has asked about yet does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/** Resolves with the workers when there are `count`, none of `before` is among them where they must be others, and all are ready. */
export async function workersUp(issuer: RunningIssuer, count: number, without: readonly number[] = []): Promise<readonly number[]> {
  await until(`${count} workers`, async () => {
    const pids = childrenOf(issuer.pid);
    if (pids.length !== count || pids.some((pid) => without.includes(pid))) return false;
    return (await fetch(`${issuer.opsUrl}/readyz`)).status === 200;
  });
  return childrenOf(issuer.pid);
}

/** The sockets of the connections that were made to a port of this machine, by their inodes. */
function connectionsTo(port: number): ReadonlySet<string> {
  const hexPort = port.toString(16).toUpperCase().padStart(4, "0");
  const lines = readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1);
  const fields = lines.map((line) => line.trim().split(/\s+/));
  const established = fields.filter(([, local, , state]) => local?.endsWith(`:${hexPort}`) === true && state === "01");
  return new Set(established.map((line) => line[9] ?? ""));
}

/** How many of the connections to the issuer a process holds. */
export function connectionsHeldBy(pid: number, issuer: RunningIssuer): number {
  const inodes = connectionsTo(Number(new URL(issuer.url).port));
  const targets = readdirSync(`/proc/${pid}/fd`).map((name) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${name}`);
    } catch {
      return "";
    }
  });
  return targets.filter((target) => inodes.has(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? "none")).length;
}

/** A connection that stays, on which requests can be sent one after the other. */
export interface Kept {
  readonly socket: Socket;
  /** Sends a request; resolves when as many answers as requests came. */
  ask(): Promise<void>;
}

export async function keptConnection(issuer: RunningIssuer): Promise<Kept> {
  const { hostname, port } = new URL(issuer.url);
  const socket = connect(Number(port), hostname).on("error", () => undefined);
  await new Promise((resolve) => socket.once("connect", resolve));
  let [text, asked] = ["", 0];
  socket.on("data", (piece: Buffer) => void (text += piece.toString()));
  return {
    socket,
    async ask() {
      asked += 1;
      socket.write("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
      await until("an answer", () => text.split("HTTP/1.1 200").length - 1 === asked);
    },
  };
}
