/** What every command gets: streams, what it depends on, and the two ways to say something. */

import { styleText } from "node:util";
import type { Config } from "../config.ts";
import type { Clock, Random } from "../domain/ports.ts";
import type { Operator } from "../issuer/types.ts";
import { EXIT } from "./exit-code.ts";
import type { ExitCode } from "./exit-code.ts";
import type { OpenServer } from "./server.ts";
import type { WorkerDependencies } from "./workers/first-process.ts";

export { EXIT } from "./exit-code.ts";
export type { ExitCode } from "./exit-code.ts";

export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export type Input = NodeJS.ReadableStream & { readonly isTTY?: boolean };

export interface Streams {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
}

/** What the command line can't have by itself: it sees neither adapters nor the process. */
export interface Dependencies {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly sha256Hex: (text: string) => string;
  readonly fetch: typeof fetch;
  /** Throws `StoreError`, `KeyError`. */
  readonly openOperator: (config: Config) => Promise<Operator>;
  readonly openServer: OpenServer;
  /** Aborted when `serve` is asked to stop. */
  readonly stop: AbortSignal;
  /** Only in a process that was forked to be a worker. */
  readonly worker?: WorkerDependencies;
}

export type Style = Parameters<typeof styleText>[0];

export interface Context {
  readonly streams: Streams;
  readonly dependencies: Dependencies;
  /** A line of data, on stdout. */
  readonly print: (line: string) => void;
  /** A line of anything else, on stderr. */
  readonly say: (line: string) => void;
  /** Colour for stdout, where it is a terminal that wants it. */
  readonly paint: (style: Style, text: string) => string;
}

export function createContext(streams: Streams, dependencies: Dependencies): Context {
  const hasColour = streams.stdout.isTTY === true && !dependencies.environment["NO_COLOR"] && dependencies.environment["TERM"] !== "dumb";
  return {
    streams,
    dependencies,
    print: (line) => void streams.stdout.write(`${line}\n`),
    say: (line) => void streams.stderr.write(`${line}\n`),
    paint: (style, text) => (hasColour ? styleText(style, text, { validateStream: false }) : text),
  };
}

/** One JSON document as data. */
export function printJson(context: Context, value: unknown): ExitCode {
  context.print(JSON.stringify(value, undefined, 2));
  return EXIT.done;
}

/** Wrong use: one line, and what to do instead where that helps. */
export function wrongUse(context: Context, message: string, hint?: string): ExitCode {
  context.say(`error: ${message}`);
  if (hint !== undefined) context.say(`hint: ${hint}`);
  return EXIT.usage;
}

export function failed(context: Context, message: string): ExitCode {
  context.say(`error: ${message}`);
  return EXIT.failed;
}
