/** What is said about errors that commands throw. */

import { FormatError } from "../domain/bytes.ts";
import { KeyError, QueueFullError, StoreError } from "../domain/ports.ts";
import { UnavailableError, UnsafeStoreError } from "../issuer/types.ts";
import { EXIT } from "./exit-code.ts";
import type { ExitCode } from "./exit-code.ts";
import { printable } from "./text.ts";

/**
 * One line for a failure that the world caused; undefined for one that only a fault in the program explains. Our own
 * errors and the system's carry no secret; what an engine or a library put into a message is not repeated.
 */
export function failureText(error: unknown): string | undefined {
  if (error instanceof StoreError)
    return `the store ${error.outcome === "unknown" ? "may or may not have done it" : "can't be used"}: ${oneLine(error)}`;
  const isOurs = [KeyError, QueueFullError, UnavailableError, UnsafeStoreError, FormatError].some((kind) => error instanceof kind);
  if (isOurs || (error instanceof Error && Object.getPrototypeOf(error) === Error.prototype)) return oneLine(error as Error);
  return undefined;
}

/** 2 where another run would end the same way, until what is configured or installed is mended. */
export function failureCode(error: unknown): ExitCode {
  return error instanceof KeyError && error.isSetup ? EXIT.usage : EXIT.failed;
}

/** One line for an error that nobody expected: its name, code and where it came from, never its message. */
export function crashText(error: unknown): string {
  if (!(error instanceof Error)) return "unexpected error: not an Error";
  const code = "code" in error && typeof error.code === "string" ? ` (${error.code})` : "";
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return printable(`unexpected error: ${error.name}${code}${frames.map((frame) => ` ${frame.trim()}`).join("")}`);
}

function oneLine(error: Error): string {
  return printable(error.message.replace(/\s*\n\s*/g, " "));
}
