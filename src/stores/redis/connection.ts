/** One connection to one Redis server: sends commands at most once, each with a deadline, and reconnects by itself. */

import { setTimeout as delay } from "node:timers/promises";
import { Command, Redis } from "ioredis";
import type { RedisOptions } from "ioredis";
import { type Random, StoreError } from "../../domain/ports.ts";
import { Deadlines } from "./deadlines.ts";
import { connectionFault, failedCall, isSyntaxError, replyCode } from "./errors.ts";
import type { Script } from "./scripts.ts";
import type { RedisTarget } from "./url.ts";

export type Argument = string | Buffer;

export interface ConnectionOptions {
  readonly target: RedisTarget;
  readonly commandTimeoutMillis: number;
  readonly random: Random;
  /** Told once for each new reason why there is no connection. */
  readonly onError: (message: string) => void;
  /** Called each time the connection is ready for commands, before any caller's. */
  readonly onReady: () => void;
}

/** Deadlines are ours (see `Deadlines`): a timer for each command costs a quarter of a call's CPU. */
class TimedCommand extends Command {
  deadline = 0;
  override setTimeout(): void {}

  /**
   * In one piece and bytes in any case. ioredis makes a buffer of each argument, and text where no argument is bytes, with
   * which a batch would be encoded piece by piece when it is written.
   */
  override toWritable(): Buffer {
    return encoded(this.name, this.args as Argument[]);
  }
}

/** An array of bulk strings (RESP). */
function encoded(name: string, args: readonly Argument[]): Buffer {
  const pieces: Argument[] = [];
  let text = `*${args.length + 1}\r\n$${name.length}\r\n${name}\r\n`;
  for (const arg of args) {
    if (typeof arg === "string") {
      text += `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`;
      continue;
    }
    pieces.push(`${text}$${arg.length}\r\n`, arg);
    text = "\r\n";
  }
  if (pieces.length === 0) return Buffer.from(text);
  pieces.push(text);
  return joined(pieces);
}

function joined(pieces: readonly Argument[]): Buffer {
  const bytes = Buffer.allocUnsafe(pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0));
  let end = 0;
  for (const piece of pieces) end += typeof piece === "string" ? bytes.write(piece, end) : piece.copy(bytes, end);
  return bytes;
}

const RETRY_MILLIS_MAX = 500;
const HANDSHAKE_MILLIS_MIN = 1000;

/** Half fixed, half random, so that nodes don't come back in step. */
function retryDelayMillis(attempt: number, random: Random): number {
  const ceiling = Math.min(RETRY_MILLIS_MAX, 25 * 2 ** Math.min(attempt, 10));
  const [jitter = 0] = random(1);
  return ceiling / 2 + ((jitter / 256) * ceiling) / 2;
}

function redisOptions({ target, commandTimeoutMillis, random }: ConnectionOptions) {
  const handshakeMillis = Math.max(HANDSHAKE_MILLIS_MIN, commandTimeoutMillis);
  return {
    host: target.host,
    port: target.port,
    username: target.username,
    password: target.password,
    db: target.database,
    ...(target.isTls ? { tls: {} } : {}),
    lazyConnect: true,
    // At most once, and now or never: nothing is queued while down, nothing is sent again.
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    reconnectOnError: (error) => /\b(?:READONLY|LOADING)\b/.test(error.message),
    retryStrategy: (attempt) => retryDelayMillis(attempt, random),
    // Bounds the handshake only: our own commands have deadlines of their own.
    commandTimeout: handshakeMillis,
    connectTimeout: handshakeMillis,
    disconnectTimeout: Math.min(RETRY_MILLIS_MAX, commandTimeoutMillis),
    maxLoadingRetryTime: RETRY_MILLIS_MAX / 2,
  } satisfies RedisOptions;
}

function readFailed(error: unknown): never {
  throw failedCall(error, false);
}

function writeFailed(error: unknown): never {
  throw failedCall(error, true);
}

export class RedisConnection {
  readonly #redis: Redis;
  readonly #deadlines: Deadlines;
  readonly #onError: (message: string) => void;
  #fault: string | undefined;
  #isClosed = false;
  #epoch = 0;
  #corked: Redis["stream"] | undefined;
  #bytesRead = 0;
  #quietTicks = 0;

  constructor(options: ConnectionOptions) {
    this.#onError = options.onError;
    this.#deadlines = new Deadlines(options.commandTimeoutMillis, this.#onTick);
    this.#redis = new Redis(redisOptions(options));
    this.#redis.on("error", this.#onFault);
    this.#redis.on("ready", () => {
      this.#fault = undefined;
      this.#epoch += 1;
      options.onReady();
    });
  }

  /** Rises with each new connection: what one server said (a scan's cursor) means nothing to the next. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Tries to connect and says whether it worked; how it failed is told to `onError`. Bounded. To be called once. */
  async connect(): Promise<boolean> {
    const attempt = this.#redis.connect().then(
      () => true,
      () => false,
    );
    // A server that loads its data keeps an attempt waiting for as long as it takes.
    const patience = new AbortController();
    const bound = delay(HANDSHAKE_MILLIS_MIN, false, { signal: patience.signal }).catch(() => false);
    const isConnected = await Promise.race([attempt, bound]);
    patience.abort();
    return isConnected;
  }

  /** Sends a command that changes nothing. Buffers come back, or strings with an encoding. Rejects with `StoreError`. */
  read(name: string, args: Argument[], encoding?: "utf8"): Promise<unknown> {
    return this.#send(name, args, this.#deadlines.next(), encoding).catch(readFailed);
  }

  /** Like `read` in text, but undefined where the server does not know or permit the command. */
  ask(name: string, args: string[]): Promise<unknown> {
    return this.#send(name, args, this.#deadlines.next(), "utf8").catch((error: unknown) => {
      const code = replyCode(error);
      return code === "NOPERM" || code === "ERR" ? undefined : readFailed(error);
    });
  }

  /** Sends a command that may change something, once. Rejects with `StoreError`. */
  write(name: string, args: Argument[]): Promise<unknown> {
    return this.#send(name, args, this.#deadlines.next()).catch(writeFailed);
  }

  /** Like `write`, but undefined (and nothing done) where the server does not know this form of the command. */
  tryWrite(name: string, args: Argument[]): Promise<unknown> {
    return this.#send(name, args, this.#deadlines.next()).catch((error: unknown) =>
      isSyntaxError(error) ? undefined : writeFailed(error),
    );
  }

  /** Runs a script on one key. Rejects with `StoreError`. */
  run(script: Script, key: string, args: Argument[]): Promise<unknown> {
    const deadline = this.#deadlines.next();
    return this.#send("evalsha", [script.sha, "1", key, ...args], deadline).catch((error: unknown) => {
      if (replyCode(error) !== "NOSCRIPT") return writeFailed(error);
      // The server forgets scripts when it restarts. It did not run this one, so sending it whole is no repetition.
      return this.#send("eval", [script.source, "1", key, ...args], deadline).catch(writeFailed);
    });
  }

  /** Lets what was sent come to its end, within the command timeout. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    const farewell = this.write("quit", []).catch(() => undefined);
    this.#isClosed = true;
    // The server answers in order, so with this answer, or with its deadline, every call before it is settled.
    await farewell;
    this.#deadlines.stop();
    this.#redis.disconnect();
  }

  /**
   * Ends with the reply or with ioredis' error; with `StoreError` where nothing can be sent. Like its callers without `async`,
   * which would cost each call two turns more.
   */
  #send(name: string, args: Argument[], deadline: number, encoding?: "utf8"): Promise<unknown> {
    if (this.#isClosed) return Promise.reject(new StoreError("unavailable", "the store is closed"));
    const { status, stream } = this.#redis;
    if (status !== "ready" || !stream.writable)
      return Promise.reject(new StoreError("unavailable", this.#fault ?? "the Redis server is not connected"));
    const command = new TimedCommand(name, args, encoding === undefined ? {} : { replyEncoding: encoding });
    this.#cork(stream);
    this.#deadlines.add(command, deadline);
    this.#redis.sendCommand(command);
    return command.promise;
  }

  /**
   * All commands of two turns of the event loop share one write: a system call costs more than all the rest of a
   * command. An idle loop takes its second turn at once, so only a busy one waits.
   */
  #cork(stream: Redis["stream"]): void {
    if (this.#corked !== undefined) return;
    this.#corked = stream;
    stream.cork();
    setImmediate(this.#uncorkNext);
  }

  readonly #uncorkNext = (): void => {
    setImmediate(this.#uncork);
  };

  readonly #uncork = (): void => {
    this.#corked?.uncork();
    this.#corked = undefined;
  };

  /**
   * A connection that stays silent for a whole command timeout while answers are due may be dead without TCP saying so
   * for minutes: it is given up, and a new one is tried.
   */
  readonly #onTick = (expired: number): void => {
    const { status, stream } = this.#redis;
    if (status !== "ready") return;
    const { bytesRead } = stream;
    this.#quietTicks = bytesRead === this.#bytesRead ? this.#quietTicks + 1 : 0;
    this.#bytesRead = bytesRead;
    if (expired === 0 || this.#quietTicks < 8) return;
    this.#quietTicks = 0;
    this.#report("the Redis server did not answer within the command timeout");
    stream.destroy();
  };

  readonly #onFault = (error: Error & { command?: { name?: string } }): void => {
    this.#report(connectionFault(error));
    // ioredis would go on in database 0.
    if (error.command?.name === "select") this.#redis.disconnect(true);
  };

  #report(fault: string): void {
    if (fault === this.#fault || this.#isClosed) return;
    this.#fault = fault;
    this.#onError(fault);
  }
}
