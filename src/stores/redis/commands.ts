/** The kinds of command: what changes something is sent once, and how each kind fails. All reject with `StoreError`. */

import { failedCall, isSyntaxError, replyCode } from "./errors.ts";
import type { Script } from "./scripts.ts";

export type Argument = string | Buffer;

/** Sends one command and gives its reply, or the client library's error. */
export interface Channel {
  /** The tick at which a call that begins now is over. */
  deadline(): number;
  send(name: string, args: Argument[], deadline: number, encoding?: "utf8"): Promise<unknown>;
}

function readFailed(error: unknown): never {
  throw failedCall(error, false);
}

function writeFailed(error: unknown): never {
  throw failedCall(error, true);
}

/** Like its methods without `async`, which would cost each call two turns more. */
export class Commands {
  readonly #channel: Channel;
  readonly #sendsWholeScripts: boolean;

  /** `sendsWholeScripts`: never by their digest, so that whatever a call sends is sent at once. */
  constructor(channel: Channel, sendsWholeScripts = false) {
    this.#channel = channel;
    this.#sendsWholeScripts = sendsWholeScripts;
  }

  /** Sends a command that changes nothing. Buffers come back, or strings with an encoding. */
  read(name: string, args: Argument[], encoding?: "utf8"): Promise<unknown> {
    return this.#send(name, args, encoding).catch(readFailed);
  }

  /** Like `read` in text, but undefined where the server does not know or permit the command. */
  ask(name: string, args: string[]): Promise<unknown> {
    return this.#send(name, args, "utf8").catch((error: unknown) => {
      const code = replyCode(error);
      return code === "NOPERM" || code === "ERR" ? undefined : readFailed(error);
    });
  }

  /** What keeps this user from a command, which is sent; undefined where it is permitted, whatever else the server says to it. */
  mayI(name: string, args: string[]): Promise<"command" | "key" | undefined> {
    return this.#send(name, args, "utf8").then(
      () => undefined,
      (error: unknown) => {
        const code = replyCode(error);
        if (code === undefined) return writeFailed(error);
        if (code !== "NOPERM") return undefined;
        return error instanceof Error && /\bkeys?\b/.test(error.message.replace(/'[^']*'/g, "")) ? "key" : "command";
      },
    );
  }

  /** False where the server refuses this writing command because it takes no writes. */
  isTaken(name: string, args: string[]): Promise<boolean> {
    return this.#send(name, args).then(
      () => true,
      (error: unknown) => (["NOREPLICAS", "READONLY", "MISCONF"].includes(replyCode(error) ?? "") ? false : readFailed(error)),
    );
  }

  /** Sends a command that may change something, once. */
  write(name: string, args: Argument[]): Promise<unknown> {
    return this.#send(name, args).catch(writeFailed);
  }

  /** Like `write`, but undefined (and nothing done) where the server does not know this form of the command. */
  tryWrite(name: string, args: Argument[]): Promise<unknown> {
    return this.#send(name, args).catch((error: unknown) => (isSyntaxError(error) ? undefined : writeFailed(error)));
  }

  /** Runs a script on one key. */
  run(script: Script, key: string, args: Argument[]): Promise<unknown> {
    const deadline = this.#channel.deadline();
    const whole = (): Promise<unknown> => this.#channel.send("eval", [script.source, "1", key, ...args], deadline).catch(writeFailed);
    if (this.#sendsWholeScripts) return whole();
    return (
      this.#channel
        .send("evalsha", [script.sha, "1", key, ...args], deadline)
        // The server forgets scripts when it restarts. It did not run this one, so sending it whole is no repetition.
        .catch((error: unknown) => (replyCode(error) === "NOSCRIPT" ? whole() : writeFailed(error)))
    );
  }

  #send(name: string, args: Argument[], encoding?: "utf8"): Promise<unknown> {
    return this.#channel.send(name, args, this.#channel.deadline(), encoding);
  }
}
