/** What the commands around the matrix of faults share: arguments, a folder for histories, a Redis, and their exit codes. */

import { randomInt } from "node:crypto";
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { ParseArgsConfig } from "node:util";
import { violationsIn } from "../test/faults/report.ts";
import type { RowReport } from "../test/faults/runner.ts";
import { findProgram, installProgram } from "./system-program.ts";
import { REDIS_SERVER } from "./test-programs.ts";

/** The command was called wrongly; the message says how. */
export class UsageError extends Error {}

/** Progress is no data: it goes to stderr. */
export const say = (text: string): void => console.error(text);

type Options = NonNullable<ParseArgsConfig["options"]>;

/** Throws `UsageError`. */
export function readArguments<const O extends Options>(options: O) {
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** Throws `UsageError`. */
export function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1) throw new UsageError(`--${name} is a number of 1 or more`);
  return number;
}

/** The one given, or any. */
export function seedOf(text: string | undefined): number {
  return text === undefined ? randomInt(1, 2 ** 31) : wholeNumber("seed", text);
}

/** The folder for histories, made if need be, and a redis-server, installed if need be. Says where and with which seed. */
export function prepare(name: string, out: string | undefined, seed: number): string {
  const folder = out === undefined ? mkdtempSync(join(tmpdir(), `mintmark-${name}-`)) : resolve(out);
  mkdirSync(folder, { recursive: true });
  if (findProgram(REDIS_SERVER) === undefined) installProgram(REDIS_SERVER, say);
  say(`seed ${seed}, histories in ${folder}`);
  return folder;
}

/** What a row has to say besides its numbers, one line each. */
export function remarksOf({ id, failed, parts }: RowReport): readonly string[] {
  return [...parts.flatMap(({ told }) => told), ...(failed === undefined ? [] : [failed])].map((text) => `${id}: ${text}`);
}

/** Whether a row broke off or found a violation. */
export function isBad({ failed, parts }: RowReport): boolean {
  return failed !== undefined || parts.some((part) => violationsIn(part) > 0);
}

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/** Runs the command, which resolves with whether all was good. Exit 1: it was not; 2: wrong use. */
export async function runCommand(command: () => Promise<boolean>): Promise<void> {
  // What runs is ended by the exit handlers.
  for (const [signal, code] of Object.entries(SIGNALS)) process.on(signal, () => process.exit(code));
  try {
    process.exitCode = (await command()) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    say(error.message);
    process.exitCode = 2;
  }
}
