/** `serve`: the server's life from the configuration to the last answer. The process and its signals are main's. */

import type { Config } from "../config.ts";
import { StoreError } from "../domain/ports.ts";
import { sourceText } from "./config-check.ts";
import { EXIT } from "./context.ts";
import type { Context, ExitCode } from "./context.ts";
import { failureText } from "./failures.ts";
import { withConfig } from "./open.ts";
import type { Address, OpenServer, Server } from "./server.ts";

/** Requests get this long to end; the process must be gone within 10 s. */
const GRACE_MILLIS = 9_000;

export function serve(context: Context, graceMillis: number = GRACE_MILLIS): Promise<ExitCode> {
  return withConfig(context, async (config) => {
    const { openServer, stop } = context.dependencies;
    const life = live(context, config, openServer);
    const stopping = stopped(stop).then(() => life.stop(graceMillis));
    return Promise.race([life.failed, stopping]);
  });
}

interface Life {
  /** Resolves when the server could not start; never otherwise. */
  readonly failed: Promise<ExitCode>;
  stop(graceMillis: number): Promise<ExitCode>;
}

function live(context: Context, config: Config, openServer: OpenServer): Life {
  const started = start(context, config, openServer);
  return {
    failed: new Promise((resolve, reject) => {
      started.then((result) => (typeof result === "number" ? resolve(result) : undefined), reject);
    }),
    async stop(graceMillis) {
      const closing = started.then((result) => (typeof result === "number" ? result : close(context, result)));
      const late = delay(graceMillis);
      const code = await Promise.race([closing, late.over]);
      late.cancel();
      if (code === undefined) context.say(`some requests did not end within ${graceMillis / 1_000} s and were cut`);
      return code ?? EXIT.done;
    },
  };
}

/** A store that is down at the end is said and changes nothing: the server was asked to stop, and stops. */
async function close(context: Context, server: Server): Promise<ExitCode> {
  try {
    await server.close();
  } catch (error) {
    const text = failureText(error);
    if (text === undefined) throw error;
    context.say(`warning: ${text}`);
  }
  return EXIT.done;
}

async function start(context: Context, config: Config, openServer: OpenServer): Promise<Server | ExitCode> {
  let server: Server | undefined;
  try {
    server = await openServer(config);
    const { http, ops } = await server.listen();
    announceConfig(context, config);
    await announceUsers(context, config, server);
    context.say(`listening on ${urlOf(http)}${ops === undefined ? "" : ` (metrics and health on ${urlOf(ops)})`}`);
    return server;
  } catch (error) {
    const text = listenText(error) ?? failureText(error);
    // What started may hang on what failed: the reason comes first.
    if (text !== undefined) context.say(`error: ${text}`);
    await server?.close().catch(() => undefined);
    if (text === undefined) throw error;
    return EXIT.usage;
  }
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

/** Why the system gives us no port. */
function listenText(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("syscall" in error) || !("code" in error)) return undefined;
  if (error.syscall !== "listen" && error.syscall !== "bind" && error.syscall !== "getaddrinfo") return undefined;
  const { address, port } = error as { address?: unknown; port?: unknown };
  const where =
    typeof port === "number" ? `port ${port}${typeof address === "string" ? ` of ${address}` : ""}` : "the address to listen on";
  switch (error.code) {
    case "EADDRINUSE":
      return `${where} is taken: end what listens there, or choose another (listen.port, MINTMARK_PORT; ops.port, MINTMARK_OPS_PORT)`;
    case "EACCES":
      return `${where} may not be used by this user: choose one above 1023`;
    default:
      return `${where} is not to be had on this machine (${String(error.code)}): see listen.host and ops.host`;
  }
}

function urlOf({ address, port }: Address): string {
  return `http://${address.includes(":") ? `[${address}]` : address}:${port}`;
}

function stopped(stop: AbortSignal): Promise<void> {
  if (stop.aborted) return Promise.resolve();
  return new Promise((resolve) => stop.addEventListener("abort", () => resolve(), { once: true }));
}

function delay(millis: number): { readonly over: Promise<undefined>; cancel(): void } {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), millis);
  });
  return { over, cancel: () => clearTimeout(timer) };
}
