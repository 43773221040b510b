/** Configuration and operator for the length of one command. */

import { readConfig } from "../config.ts";
import type { Config } from "../config.ts";
import type { Done, Failed, Operator } from "../issuer/types.ts";
import { EXIT, failed } from "./context.ts";
import type { Context, ExitCode } from "./context.ts";

/** Runs `use` with the configuration; lists every fault and ends with 2 where there are any. */
export async function withConfig(context: Context, use: (config: Config) => Promise<ExitCode>): Promise<ExitCode> {
  const { environment, workingDirectory } = context.dependencies;
  const result = await readConfig(environment, workingDirectory);
  if (result.ok) return use(result.config);
  for (const { path, message } of result.faults) context.say(`${path}: ${message}`);
  context.say(`error: the configuration has ${result.faults.length === 1 ? "1 fault" : `${result.faults.length} faults`}`);
  return EXIT.usage;
}

/** Runs `use` with an operator of this configuration and closes it. */
export async function operate(context: Context, config: Config, use: (operator: Operator) => Promise<ExitCode>): Promise<ExitCode> {
  const operator = await context.dependencies.openOperator(config);
  try {
    return await use(operator);
  } finally {
    await operator.close();
  }
}

/** Both. */
export function withOperator(context: Context, use: (operator: Operator, config: Config) => Promise<ExitCode>): Promise<ExitCode> {
  return withConfig(context, (config) => operate(context, config, (operator) => use(operator, config)));
}

/** The exit code of a change that either is done or can't be done. */
export function reportDone(context: Context, result: Done | Failed, done: string): ExitCode {
  if ("failed" in result) return failed(context, result.failed);
  context.say(done);
  return EXIT.done;
}
