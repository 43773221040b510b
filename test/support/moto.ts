/** A server of moto for AWS KMS, behind a proxy that can be told to misbehave. What it keeps is in its memory. */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { atExit } from "./at-exit.ts";
import { freePort } from "./free-port.ts";
import { installMoto } from "./moto-install.ts";
import { startTcpProxy } from "./tcp-proxy.ts";
import type { TcpProxy } from "./tcp-proxy.ts";
import { until } from "./wait.ts";

const SERVER = join(import.meta.dirname, "moto_kms.py");
const START_MILLIS_MAX = 90_000;

export interface Moto {
  /** The endpoint for an SDK: through the proxy. */
  readonly url: string;
  readonly proxy: TcpProxy;
  /** SIGSTOP: connections stay open, nothing is answered. */
  pause(): void;
  resume(): void;
  remove(): Promise<void>;
}

/** A text says what is missing, for tap's `skip`. */
export async function startMoto(): Promise<Moto | string> {
  const install = await installMoto();
  if ("missing" in install) return install.missing;
  const port = await freePort();
  const child = spawn(install.python, [SERVER, String(port)], { stdio: ["ignore", "ignore", "pipe"] });
  const forget = atExit(() => child.kill("SIGKILL"));
  child.once("exit", forget);
  let log = "";
  child.stderr.on("data", (piece: Buffer) => void (log = (log + piece.toString()).slice(-2_000)));
  try {
    await until("moto answers", () => answers(child, port), START_MILLIS_MAX);
  } catch (error) {
    child.kill("SIGKILL");
    throw new Error(`moto did not start: ${log}`, { cause: error });
  }
  const proxy = await startTcpProxy(port);
  return {
    url: `http://127.0.0.1:${proxy.port}`,
    proxy,
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    async remove() {
      await proxy.close();
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once("exit", resolve));
    },
  };
}

async function answers(child: ChildProcess, port: number): Promise<boolean> {
  if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
  const answer = await fetch(`http://127.0.0.1:${port}/moto-api/data.json`).catch(() => undefined);
  await answer?.arrayBuffer();
  return answer?.status === 200;
}
