/** An issuer as an operator runs it: a folder with a configuration, processes that serve it, and the command line beside them. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { run } from "../../src/cli/index.ts";
import { openOperator, sha256Hex, systemClock, systemRandom } from "../../src/compose.ts";
import type { ConfigDocument } from "../../src/config.ts";
import { Description } from "./described.ts";
import { call } from "./http-call.ts";
import type { HttpAnswer, HttpCall } from "./http-call.ts";
import { freePort } from "./redis.ts";
import { launch } from "./server-process.ts";
import type { End, ServerProcess } from "./server-process.ts";

export const API = "https://api.example.com";
export const ED_API = "https://ed.example.com";
export const ED25519_API = "https://ed25519.example.com";
/** The secret of the confidential clients. */
export const SECRET = "s3cret-of-the-confidential-clients";

const OWN = {
  grants: ["login", "refresh_token"],
  type: "public",
  resources: [API, ED_API, ED25519_API],
  scopes: ["read", "write"],
} as const;

/** What every test here has, unless it says otherwise. */
export function baseSettings() {
  return {
    ops: { port: 0 },
    // A disk that takes its time is not what these tests are about.
    redis: { commandTimeout: "2s" },
    resources: [
      { id: API, scopes: ["read", "write"] },
      { id: ED_API, scopes: ["read"], algorithm: "EdDSA" },
      { id: ED25519_API, scopes: ["read"], algorithm: "EdDSA", edAlgName: "Ed25519" },
    ],
    clients: [
      { ...OWN, id: "app", sessions: true },
      { ...OWN, id: "other" },
      {
        id: "service",
        type: "confidential",
        secretSha256: sha256Hex(SECRET),
        grants: ["client_credentials"],
        resources: [API, ED_API, ED25519_API],
        scopes: ["read"],
      },
      { ...OWN, id: "backend", type: "confidential", secretSha256: sha256Hex(SECRET) },
    ],
  } satisfies ConfigDocument;
}

/** What ends with a test, or with whatever else made it. */
export interface Teardown {
  teardown(end: () => unknown): void;
}

export interface HomeOptions {
  /** A `redis:` URL; embedded if absent. */
  readonly store?: string;
  readonly settings?: Partial<ConfigDocument>;
}

/** A refresh token of ours, or a JWT. */
const TOKEN_SHAPE = /mmr_[\w-]{16}|eyJ[\w-]{8}/;
/** Shorter ones, which only some tests have, could be part of anything. */
const SECRET_LENGTH_MIN = 12;

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningIssuer extends ServerProcess {
  readonly url: string;
  /** Metrics and health. */
  readonly opsUrl: string;
  /** One request to it; `path` begins with a slash. What is answered must be what its API description says. */
  send(path: string, options?: HttpCall): Promise<HttpAnswer>;
  /** Throws where an answer is not what its API description says. */
  assertDescribed(method: string, path: string, answer: HttpAnswer): void;
  /** SIGTERM; resolves with how it ended. */
  stop(): Promise<End>;
  kill(): Promise<void>;
}

export class Home {
  readonly folder = mkdtempSync(join(tmpdir(), "mintmark-home-"));
  readonly configPath = join(this.folder, "mintmark.config.json");
  readonly #options: HomeOptions;
  readonly #started: ServerProcess[] = [];
  readonly #passwords = new Set<string>();
  #port: number;

  private constructor(options: HomeOptions, port: number) {
    this.#options = options;
    this.#port = port;
    this.configure();
  }

  /** Ends what it started and removes the folder when the test is over. */
  static async make(t: Teardown, options: HomeOptions = {}): Promise<Home> {
    const home = new Home(options, await freePort());
    t.teardown(() => home.#remove());
    return home;
  }

  get issuer(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get isOnRedis(): boolean {
    return this.#options.store !== undefined;
  }

  get keysFolder(): string {
    return join(this.folder, "keys");
  }

  /** Writes the configuration file again, with other settings over those of the home. */
  configure(more: Partial<ConfigDocument> = {}): void {
    const { store, settings } = this.#options;
    const listen = { host: "127.0.0.1", port: this.#port };
    const document = { ...baseSettings(), listen, ...(store === undefined ? {} : { store }), ...settings, ...more };
    writeFileSync(this.configPath, JSON.stringify(document, undefined, 2));
  }

  /** A process that may or may not come to listen. */
  launch(env: Readonly<Record<string, string>> = {}): ServerProcess {
    // A group of its own: what a test sends to all its processes is sent to no other.
    const process = launch({ cwd: this.folder, env, asGroup: true });
    this.#started.push(process);
    return process;
  }

  /** A process that listens. */
  async start(env: Readonly<Record<string, string>> = {}): Promise<RunningIssuer> {
    for (let attempt = 1; ; attempt += 1) {
      const process = this.launch(env);
      try {
        return await running(process, await process.listening);
      } catch (error) {
        // Something else on this machine took the port since it was found free; nothing depends on it before the first start.
        if (this.#started.length > attempt || attempt === 3 || !process.stderr().includes("is taken")) throw error;
        this.#port = await freePort();
        this.configure();
      }
    }
  }

  /** A command of the command line, in this process, on the same store. */
  async command(
    argv: readonly string[],
    { stdin = "", env = {} }: { stdin?: string; env?: Record<string, string> } = {},
  ): Promise<CommandResult> {
    const texts = { stdout: "", stderr: "" };
    const audit = new PassThrough().on("data", (piece: Buffer) => void (texts.stderr += piece.toString()));
    const streams = {
      stdin: new PassThrough().end(stdin),
      stdout: { write: (text: string) => void (texts.stdout += text) },
      stderr: { write: (text: string) => void (texts.stderr += text) },
    };
    const code = await run(argv, streams, {
      environment: { MINTMARK_CONFIG: this.configPath, ...env },
      workingDirectory: this.folder,
      version: "0.0.0",
      clock: systemClock,
      random: systemRandom,
      sha256Hex,
      fetch,
      openOperator: (config) => openOperator(config, audit),
      openServer: () => Promise.reject(new TypeError("serve runs as a process of its own")),
      stop: new AbortController().signal,
    });
    return { code, ...texts };
  }

  /** A command that must succeed; its stdout. */
  async must(...argv: readonly string[]): Promise<string> {
    return this.#must(argv, "");
  }

  /** An account; its `sub` is `sub-<name>` where none is given. */
  async addUser(name: string, password: string, ...more: readonly string[]): Promise<void> {
    this.#passwords.add(password);
    await this.#must(["users", "add", name, "--password-stdin", "--sub", `sub-${name}`, ...more], `${password}\n`);
  }

  async changePassword(name: string, password: string): Promise<void> {
    this.#passwords.add(password);
    await this.#must(["users", "passwd", name, "--password-stdin"], `${password}\n`);
  }

  async #must(argv: readonly string[], stdin: string): Promise<string> {
    const { code, stdout, stderr } = await this.command(argv, { stdin });
    if (code !== 0) throw new Error(`${argv.slice(0, 2).join(" ")} ended with ${code}:\n${stderr}`);
    return stdout;
  }

  async #remove(): Promise<void> {
    for (const process of this.#started) process.signal("SIGKILL");
    await Promise.all(this.#started.map(({ ended }) => ended));
    rmSync(this.folder, { recursive: true, force: true });
    this.#lookForSecrets();
  }

  /** Whatever a test was about: nothing that its processes wrote is a secret. */
  #lookForSecrets(): void {
    const secrets = [SECRET, ...this.#passwords].filter((secret) => secret.length >= SECRET_LENGTH_MIN);
    for (const process of this.#started) {
      const written = process.stdout() + process.stderr();
      if (TOKEN_SHAPE.test(written))
        throw new Error(`a process wrote what looks like a token: ${TOKEN_SHAPE.exec(written)?.[0].slice(0, 8)}…`);
      if (secrets.some((secret) => written.includes(secret))) throw new Error("a process wrote a password or a client secret");
    }
  }
}

async function running(process: ServerProcess, addresses: { url: string; opsUrl: string | undefined }): Promise<RunningIssuer> {
  const { url, opsUrl = "" } = addresses;
  const description = new Description((await call(`${url}/openapi.json`)).body);
  return {
    ...process,
    url,
    opsUrl,
    assertDescribed: (method, path, answer) => description.assertDescribed(method, path, answer),
    async send(path, options = {}) {
      const answer = await call(url + path, options);
      description.assertDescribed(options.method ?? "GET", path, answer);
      return answer;
    },
    stop() {
      process.signal("SIGTERM");
      return process.ended;
    },
    async kill() {
      process.signal("SIGKILL");
      await process.ended;
    },
  };
}
