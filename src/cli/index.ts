/**
 * The command line: functions (arguments, streams, dependencies) → exit code.
 *
 * - Data goes to stdout, everything else to stderr; colour and progress only to a terminal.
 * - Nothing is asked where stdin is no terminal.
 * - A secret is never an argument, and never in a message.
 * - 0 done, 1 failed, 2 wrong use or wrong configuration, 3 refused as unsafe.
 */

import type { Command, Option } from "commander";
import { CommanderError } from "commander";
import { createContext, EXIT } from "./context.ts";
import type { Context, Dependencies, ExitCode, Streams } from "./context.ts";
import { crashText, failureCode, failureText } from "./failures.ts";
import { createProgram } from "./program.ts";
import { printable } from "./text.ts";

export type { Dependencies, Streams } from "./context.ts";
export { crashText } from "./failures.ts";
export type { Address, IssuerServer, OpenServer, Server } from "./server.ts";
export { Fleet } from "./workers/fleet.ts";
export type { EndedWorker } from "./workers/fleet.ts";
export type { WorkerProcess } from "./workers/one-worker.ts";
export type { FirstProcess, WorkerDependencies } from "./workers/first-process.ts";

/** Runs one command; `argv` without the program's name. Never rejects. */
export async function run(argv: readonly string[], streams: Streams, dependencies: Dependencies): Promise<ExitCode> {
  const context = createContext(streams, dependencies);
  let code: ExitCode = EXIT.done;
  const program = createProgram(context, (result) => {
    code = result;
  });
  route(program, context);
  try {
    await program.parseAsync(protectKids(argv), { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.code === "commander.missingArgument" && argv.includes("--wait-until-seen"))
        context.say("hint: put the KID first: --wait-until-seen takes every word up to the next option for a name");
      return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    }
    const text = failureText(error);
    context.say(text === undefined ? crashText(error) : `error: ${text}`);
    return failureCode(error);
  }
}

/** Help that was asked for is data; errors and the usage that follows them are not. */
function route(command: Command, context: Context): void {
  const { stdout, stderr } = context.streams;
  command
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
      outputError: (text) => void stderr.write(withoutValues(text)),
      getOutHelpWidth: () => stdout.columns ?? 80,
      getErrHelpWidth: () => stderr.columns ?? 80,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showHelpAfterError(`usage: ${command.createHelp().commandUsage(command)}`);
  for (const option of command.options) if (option.required && !option.variadic) refuseRepeats(command, option);
  for (const child of command.commands) route(child, context);
}

/** The last of several would win without a word, and `--sub a --sub b` end one of two. */
function refuseRepeats(command: Command, option: Option): void {
  const { parseArg } = option;
  option.argParser((value: string, previous: unknown) => {
    if (previous !== undefined) command.error(`error: option '${option.flags}' is given twice`);
    return parseArg === undefined ? value : parseArg(value, previous);
  });
}

/** What was typed in the wrong place may be a secret: it is not repeated. */
function withoutValues(text: string): string {
  const line = text.replace(/(but got \d+): [\s\S]*$/, "$1.\n").replace(/^(error: unknown option '(?:--[^='\s]*|-[^-]))[^']*'/, "$1'");
  return line.split("\n").map(printable).join("\n");
}

/** A thumbprint of 43 characters may begin with a hyphen and then looks like an option: it goes behind `--`. */
function protectKids(argv: readonly string[]): readonly string[] {
  if (argv[0] !== "keys" || argv.includes("--")) return argv;
  const isKid = (arg: string, index: number): boolean => /^-[A-Za-z0-9_-]{42}$/.test(arg) && argv[index - 1] !== "--reason";
  const kids = argv.filter(isKid);
  return kids.length === 0 ? argv : [...argv.filter((arg, index) => !isKid(arg, index)), "--", ...kids];
}
