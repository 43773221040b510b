/** Why a server could not start: one line for people, and the exit code that goes with it. */

import { EXIT } from "./exit-code.ts";
import type { ExitCode } from "./exit-code.ts";
import { crashText, failureText } from "./failures.ts";

export class StartFailure extends Error {
  override readonly name = "StartFailure";
  readonly code: ExitCode;

  /** @param line as it is said, with `error: ` where it begins so */
  constructor(line: string, code: ExitCode) {
    super(line);
    this.code = code;
  }
}

/** 2 for what the world caused, 1 for what only a fault in the program explains. */
export function startFailure(error: unknown): StartFailure {
  if (error instanceof StartFailure) return error;
  const text = listenText(error) ?? failureText(error);
  return text === undefined ? new StartFailure(crashText(error), EXIT.failed) : new StartFailure(`error: ${text}`, EXIT.usage);
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
