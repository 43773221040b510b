/** `config check`: every fault of the configuration, or what it says. */

import { relative } from "node:path";
import type { Config } from "../config.ts";
import { EXIT } from "./context.ts";
import type { Context, ExitCode } from "./context.ts";
import { withConfig } from "./open.ts";
import { printable } from "./text.ts";

export function checkConfig(context: Context): Promise<ExitCode> {
  return withConfig(context, async (config) => {
    for (const line of summaryOf(config, context.dependencies.workingDirectory)) context.print(`ok  ${line}`);
    for (const warning of config.warnings) context.say(`warning: ${warning}`);
    return EXIT.done;
  });
}

/** Where the configuration is from, for people. */
export function sourceText(config: Config, workingDirectory: string): string {
  if (config.source === undefined) return config.isDefault ? "no mintmark.config.json: the default configuration" : "configuration";
  const path = relative(workingDirectory, config.source);
  return printable(path.startsWith("..") ? config.source : path);
}

/** A store's URL may hold a password: only its kind is named. */
function summaryOf(config: Config, workingDirectory: string): string[] {
  const { policy, store } = config;
  return [
    sourceText(config, workingDirectory),
    `issuer ${policy.issuer}`,
    store.kind === "embedded" ? "store: embedded" : `store: Redis, key prefix ${printable(store.keyPrefix)}`,
    `keys: ${policy.keys.algorithms.join(", ")} (default ${policy.keys.defaultAlgorithm})`,
    `${counted(policy.clients.size, "client")}, ${counted(policy.resources.size, "resource")}`,
  ];
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
