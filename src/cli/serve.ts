/** `serve`: what it says at its start, whether one process serves or several. The process and its signals are main's. */

import type { Config } from "../config.ts";
import { StoreError } from "../domain/ports.ts";
import { sourceText } from "./config-check.ts";
import type { Context, ExitCode } from "./context.ts";
import { live } from "./life.ts";
import { withConfig } from "./open.ts";
import type { Address, Server } from "./server.ts";

/** Requests get this long to end; the process must be gone within 10 s. */
const GRACE_MILLIS = 9_000;

export function serve(context: Context, graceMillis: number = GRACE_MILLIS): Promise<ExitCode> {
  const { openServer, stop } = context.dependencies;
  return withConfig(context, (config) =>
    live({
      open: () => openServer(config),
      begin: (server) => begin(context, config, server),
      tellFailure: ({ message }) => context.say(message),
      say: context.say,
      stop,
      graceMillis,
    }),
  );
}

async function begin(context: Context, config: Config, server: Server): Promise<void> {
  const { http, ops } = await server.listen();
  announceConfig(context, config);
  await announceUsers(context, config, server);
  context.say(`listening on ${urlOf(http)}${ops === undefined ? "" : ` (metrics and health on ${urlOf(ops)})`}`);
}

function announceConfig(context: Context, config: Config): void {
  const source = sourceText(config, context.dependencies.workingDirectory);
  if (config.isDefault) context.say(`${source} (for development; npx mintmark config check shows it)`);
  for (const warning of config.warnings) context.say(`warning: ${warning}`);
}

async function announceUsers(context: Context, config: Config, server: Server): Promise<void> {
  if (!config.policy.login.enabled) return;
  try {
    if (!(await server.hasAccounts())) context.say("no users yet: npx mintmark users add NAME");
  } catch (error) {
    // A store that is down does not keep a server from starting.
    if (!(error instanceof StoreError)) throw error;
  }
}

function urlOf({ address, port }: Address): string {
  return `http://${address.includes(":") ? `[${address}]` : address}:${port}`;
}
