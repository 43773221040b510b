/** A server's life from its start to the last answer, in one process or as one worker of several. */

import { EXIT } from "./exit-code.ts";
import type { ExitCode } from "./exit-code.ts";
import { failureText } from "./failures.ts";
import type { Server } from "./server.ts";
import { startFailure } from "./start-failure.ts";
import type { StartFailure } from "./start-failure.ts";

export interface Life<S extends Server> {
  open(): Promise<S>;
  /** Listens, and tells whoever waits for it. */
  begin(server: S): Promise<void>;
  tellFailure(failure: StartFailure): void;
  say(line: string): void;
  /** Aborted when it is asked to stop. */
  readonly stop: AbortSignal;
  /** Requests get this long to end. */
  readonly graceMillis: number;
}

/** Resolves with the exit code when it could not start, or has stopped. */
export function live<S extends Server>(life: Life<S>): Promise<ExitCode> {
  const started = start(life);
  const failed = new Promise<ExitCode>((resolve, reject) => {
    started.then((result) => (typeof result === "number" ? resolve(result) : undefined), reject);
  });
  return Promise.race([failed, stopped(life.stop).then(() => stopWithin(life, started))]);
}

async function start<S extends Server>(life: Life<S>): Promise<S | ExitCode> {
  let server: S | undefined;
  try {
    server = await life.open();
    await life.begin(server);
    return server;
  } catch (error) {
    const failure = startFailure(error);
    // What started may hang on what failed: the reason comes first.
    life.tellFailure(failure);
    await server?.close().catch(() => undefined);
    return failure.code;
  }
}

async function stopWithin<S extends Server>(life: Life<S>, started: Promise<S | ExitCode>): Promise<ExitCode> {
  const closing = started.then((result) => (typeof result === "number" ? result : close(life, result)));
  const late = delay(life.graceMillis);
  const code = await Promise.race([closing, late.over]);
  late.cancel();
  if (code === undefined) life.say(`some requests did not end within ${life.graceMillis / 1_000} s and were cut`);
  return code ?? EXIT.done;
}

/** A store that is down at the end is said and changes nothing: the server was asked to stop, and stops. */
async function close<S extends Server>(life: Life<S>, server: S): Promise<ExitCode> {
  try {
    await server.close();
  } catch (error) {
    const text = failureText(error);
    if (text === undefined) throw error;
    life.say(`warning: ${text}`);
  }
  return EXIT.done;
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
