/** An issuer of its own: a temporary folder, a free port, the same command as `npm start`. Nothing of it stays. */

import { createHash, randomBytes } from "node:crypto";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startChild } from "../figures/support/child.ts";
import { until } from "../figures/support/wait.ts";
import type { ConfigDocument } from "../../src/config.ts";
import { CLIENT_ID } from "./client.ts";
import { freePort } from "./listen.ts";
import { TourError } from "./paper.ts";

const MAIN = join(import.meta.dirname, "../../src/main.ts");
const START_MILLIS_MAX = 20_000;

export const RESOURCE = "https://api.example.com";
/** The resource server's own client: it may introspect tokens for its resource. */
export const API_CLIENT_ID = "api";

/** Short, so that a tour can wait for them; the defaults are 24 h and 30 s (with 10 s of clock skew). */
export const STAGE_SECONDS = 2;
export const RETRY_WINDOW_SECONDS = 3;

export interface DemoIssuer {
  readonly url: string;
  readonly port: number;
  readonly apiSecret: string;
  /** Runs `mintmark <args>` beside the server. The lines it printed as data; throws `TourError` where it fails. */
  command(args: readonly string[], input?: string): Promise<readonly string[]>;
  /** The events of its log so far. */
  events(): readonly Readonly<Record<string, unknown>>[];
  /** Stops it and removes the folder; may be called twice. */
  remove(): Promise<void>;
}

export async function startIssuer(): Promise<DemoIssuer> {
  const directory = mkdtempSync(join(tmpdir(), "mintmark-demo-"));
  const erase = (): void => rmSync(directory, { recursive: true, force: true });
  process.on("exit", erase);
  const port = await freePort();
  const apiSecret = randomBytes(32).toString("base64url");
  const configPath = join(directory, "mintmark.config.json");
  writeFileSync(configPath, JSON.stringify(configuration(directory, port, apiSecret)), { mode: 0o600 });
  const options = { cwd: directory, env: environment(configPath) };

  const child = startChild(process.execPath, [MAIN, "serve"], options);
  let log = "";
  child.onOutput((text) => void (log += text));
  const url = `http://127.0.0.1:${port}`;
  const remove = async (): Promise<void> => {
    if (!child.hasEnded()) await child.stop();
    erase();
  };
  try {
    await until("the issuer", () => isReady(url, child.hasEnded()), START_MILLIS_MAX);
  } catch {
    const said = child.tail();
    await remove();
    throw new TourError(`the issuer starts\n${said}`);
  }
  return {
    url,
    port,
    apiSecret,
    command: (args, input = "") => run(args, input, options),
    events: () =>
      log
        .split("\n")
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    remove,
  };
}

function configuration(directory: string, port: number, apiSecret: string): ConfigDocument {
  return {
    issuer: `http://127.0.0.1:${port}`,
    listen: { port },
    ops: { port: false },
    clockSkew: "0s",
    store: `embedded:${join(directory, "data")}`,
    keys: { store: `file:${join(directory, "keys")}`, stageFor: `${STAGE_SECONDS}s`, jwksMaxAge: `${STAGE_SECONDS}s` },
    refreshToken: { retryWindow: `${RETRY_WINDOW_SECONDS}s` },
    resources: [{ id: RESOURCE, scopes: ["read", "write"] }],
    clients: [
      { id: CLIENT_ID, type: "public", grants: ["login", "refresh_token"], resources: [RESOURCE], scopes: ["read", "write"] },
      {
        id: API_CLIENT_ID,
        type: "confidential",
        secretSha256: createHash("sha256").update(apiSecret).digest("hex"),
        grants: ["client_credentials"],
        resources: [RESOURCE],
        scopes: ["read"],
      },
    ],
  };
}

/** Nobody's own settings reach the tour's issuer. */
function environment(configPath: string): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith("MINTMARK_") && name !== "NODE_ENV");
  return { ...Object.fromEntries(others), MINTMARK_CONFIG: configPath };
}

async function isReady(url: string, hasEnded: boolean): Promise<boolean> {
  if (hasEnded) throw new Error("it ended");
  const response = await fetch(`${url}/readyz`).catch(() => undefined);
  await response?.body?.cancel();
  return response?.ok === true;
}

function run(args: readonly string[], input: string, options: { cwd: string; env: NodeJS.ProcessEnv }): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args], { ...options, stdio: ["pipe", "pipe", "pipe"] });
    let out = "";
    let said = "";
    child.stdout.on("data", (piece: Buffer) => void (out += piece.toString()));
    child.stderr.on("data", (piece: Buffer) => void (said += piece.toString()));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(out.split("\n").filter((line) => line !== ""));
      else reject(new TourError(`mintmark ${args.join(" ")} exits 0 (it was ${code})\n${said}`));
    });
    child.stdin.end(input);
  });
}
