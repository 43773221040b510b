/** Where a new password comes from: one line of stdin, or a terminal, twice and without echo. Never an argument. */

import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { checkPassword, normalizePassword } from "../domain/password-policy.ts";
import { failed, wrongUse } from "./context.ts";
import type { Context, ExitCode, Input } from "./context.ts";

const LONGEST_LINE_BYTES = 65_536;

export type PasswordInput = { readonly password: string } | { readonly exit: ExitCode };

/** Asks for a password and checks it; what is wrong has been said where there is none. */
export async function readNewPassword(context: Context, fromStdin: boolean, minLength: number): Promise<PasswordInput> {
  const isTerminal = context.streams.stdin.isTTY === true;
  if (!fromStdin && !isTerminal)
    return { exit: wrongUse(context, "stdin is no terminal", "give the password as one line of stdin, with --password-stdin") };
  const typed = fromStdin && !isTerminal ? await readLine(context.streams.stdin) : await askHidden(context, "password: ");
  if (typed === undefined) return { exit: wrongUse(context, "no password was given: one line of UTF-8 is expected") };
  const fault = checkPassword(typed, minLength);
  if (fault !== undefined) return { exit: wrongUse(context, fault) };
  if (!fromStdin && (await askHidden(context, "once more: ")) !== typed) return { exit: failed(context, "the two passwords differ") };
  return { password: normalizePassword(typed) };
}

/** The first line without its end; undefined where there is none, or it is no UTF-8, or far too long. Reads no further than needed. */
async function readLine(input: Input): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  // Leaving the loop destroys the stream, so that an open pipe keeps nobody waiting.
  for await (const chunk of input) {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    chunks.push(bytes);
    length += bytes.length;
    if (bytes.includes(0x0a) || length > LONGEST_LINE_BYTES) break;
  }
  const all = Buffer.concat(chunks);
  const end = all.indexOf(0x0a);
  const line = decode(end < 0 ? all : all.subarray(0, end))?.replace(/\r$/, "");
  return line === "" || length > LONGEST_LINE_BYTES ? undefined : line;
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** A line typed at the terminal; undefined where it was ended with ^C or ^D. */
function askHidden({ streams }: Context, question: string): Promise<string | undefined> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  // The terminal stops echoing before anyone is asked to type.
  const line = createInterface({ input: streams.stdin, output: nowhere, terminal: true, historySize: 0 });
  streams.stderr.write(question);
  return new Promise((resolve) => {
    let answer: string | undefined;
    line.once("line", (typed) => {
      answer = typed;
      line.close();
    });
    line.once("close", () => {
      streams.stderr.write("\n");
      resolve(answer === "" ? undefined : answer);
    });
  });
}
