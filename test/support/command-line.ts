/** Runs the command line in this process with streams that remember. */

import { createHash } from "node:crypto";
import { PassThrough } from "node:stream";
import { run } from "../../src/cli/index.ts";
import type { Dependencies, Server } from "../../src/cli/index.ts";
import type { Operator } from "../../src/issuer/types.ts";
import { createFakeOperator, type FakeOperator, NOW } from "./fake-operator.ts";

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly operator: FakeOperator;
  readonly opened: number;
}

export interface RunOptions {
  readonly answers?: Partial<Operator>;
  readonly stdin?: string | Buffer;
  /** What is typed, a line each, at a terminal; stdout and stderr are then terminals too. */
  readonly typed?: readonly string[];
  readonly terminal?: boolean;
  readonly columns?: number;
  readonly environment?: Record<string, string>;
  readonly dependencies?: Partial<Dependencies>;
}

function collector(isTTY: boolean, columns: number): { write(text: string): void; text(): string; isTTY: boolean; columns: number } {
  let all = "";
  return { write: (text) => void (all += text), text: () => all, isTTY, columns };
}

/** A stdin at which somebody types the next line whenever a question was asked. */
function typist(lines: readonly string[], asked: { write(text: string): void }): PassThrough {
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => stdin });
  const rest = [...lines];
  const write = asked.write;
  asked.write = (text) => {
    write(text);
    if (!text.endsWith(": ")) return;
    const line = rest.shift();
    setImmediate(() => stdin.write(line ?? "\u0003"));
  };
  return stdin;
}

export async function commandLine(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const isTerminal = options.terminal === true || options.typed !== undefined;
  const stdout = collector(isTerminal, options.columns ?? 80);
  const stderr = collector(isTerminal, options.columns ?? 80);
  const stdin = options.typed === undefined ? new PassThrough() : typist(options.typed, stderr);
  if (options.stdin !== undefined) stdin.end(options.stdin);
  const operator = createFakeOperator(options.answers);
  let opened = 0;
  const code = await run(
    argv,
    { stdin, stdout, stderr },
    {
      environment: options.environment ?? {},
      workingDirectory: "/nowhere",
      version: "1.2.3",
      clock: () => NOW,
      random: (count) => new Uint8Array(count).fill(7),
      sha256Hex: (text) => createHash("sha256").update(text).digest("hex"),
      fetch: () => Promise.reject(new TypeError("fetch failed")),
      openOperator: async () => {
        opened += 1;
        return operator;
      },
      openServer: (): Promise<Server> => Promise.reject(new TypeError("no server in this test")),
      stop: new AbortController().signal,
      ...options.dependencies,
    },
  );
  return { code, stdout: stdout.text(), stderr: stderr.text(), operator, opened };
}
