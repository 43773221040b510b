/** One connection to one primary: sends commands at most once, each with a deadline, and reconnects by itself. */

import { setTimeout as delay } from "node:timers/promises";
import { Command, Redis } from "ioredis";
import type { RedisOptions } from "ioredis";
import type { Clock, Random } from "../../domain/ports.ts";
import type { Argument, Channel } from "./commands.ts";
import { Deadlines, type Expiring, TICKS } from "./deadlines.ts";
import { connectionFault, NotConnectedError } from "./errors.ts";
import type { Access, Node } from "./url.ts";

/** Where the primary is: at an address, or where the sentinels say. */
export type Whereabouts =
  | { readonly node: Node }
  | { readonly sentinels: readonly Node[]; readonly name: string; readonly access: SentinelAccess };

/** How the sentinels let a client in. */
export interface SentinelAccess {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

export interface ConnectionOptions {
  readonly whereabouts: Whereabouts;
  readonly access: Access;
  readonly database: number;
  readonly commandTimeoutMillis: number;
  readonly clock: Clock;
  readonly random: Random;
  /** How long, in command timeouts, a connection may be silent while answers are due before it is given up. */
  readonly patience: number;
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

/** Between two times that a primary without its replicas is left for whoever the sentinels name. */
const DOUBT_EVERY_MILLIS = 1_000;

/**
 * Whether an error reply is a reason to connect anew: who answers is no primary, or, behind Sentinel, one without replicas, which it
 * may not know to be a primary no more (a demoted one hears of it some ten seconds after it is back).
 */
function leavesOn({ whereabouts, clock }: ConnectionOptions): (error: Error) => boolean {
  let doubtedAt = Number.NEGATIVE_INFINITY;
  return ({ message }) => {
    if (/\b(?:READONLY|LOADING)\b/.test(message)) return true;
    const mayDoubt = "sentinels" in whereabouts && /\bNOREPLICAS\b/.test(message) && Math.abs(clock() - doubtedAt) >= DOUBT_EVERY_MILLIS;
    if (mayDoubt) doubtedAt = clock();
    return mayDoubt;
  };
}

function redisOptions(options: ConnectionOptions) {
  const { whereabouts, access, database, commandTimeoutMillis, random } = options;
  const handshakeMillis = Math.max(HANDSHAKE_MILLIS_MIN, commandTimeoutMillis);
  return {
    ...address(whereabouts, access.isTls, handshakeMillis, random),
    username: access.username,
    password: access.password,
    db: database,
    ...(access.isTls ? { tls: {} } : {}),
    lazyConnect: true,
    // At most once, and now or never: nothing is queued while down, nothing is sent again.
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    reconnectOnError: leavesOn(options),
    retryStrategy: (attempt) => retryDelayMillis(attempt, random),
    // Bounds the handshake only: our own commands have deadlines of their own.
    commandTimeout: handshakeMillis,
    connectTimeout: handshakeMillis,
    disconnectTimeout: Math.min(RETRY_MILLIS_MAX, commandTimeoutMillis),
    maxLoadingRetryTime: RETRY_MILLIS_MAX / 2,
  } satisfies RedisOptions;
}

function address(whereabouts: Whereabouts, isTls: boolean, handshakeMillis: number, random: Random) {
  if ("node" in whereabouts) return { host: whereabouts.node.host, port: whereabouts.node.port };
  const { sentinels, name, access } = whereabouts;
  return {
    sentinels: sentinels.map(({ host, port }) => ({ host, port })),
    name,
    role: "master",
    // Without it a client goes on writing to a primary that was demoted.
    failoverDetector: true,
    sentinelRetryStrategy: (attempt: number) => retryDelayMillis(attempt, random),
    sentinelReconnectStrategy: (attempt: number) => retryDelayMillis(attempt, random),
    sentinelCommandTimeout: handshakeMillis,
    ...(access.username === undefined ? {} : { sentinelUsername: access.username }),
    ...(access.password === undefined ? {} : { sentinelPassword: access.password }),
    ...(isTls ? { sentinelTLS: {}, enableTLSForSentinelMode: true } : {}),
  } satisfies RedisOptions;
}

export class RedisConnection implements Channel {
  readonly #redis: Redis;
  readonly #deadlines: Deadlines;
  readonly #onError: (message: string) => void;
  #fault: string | undefined;
  #isClosed = false;
  readonly #random: Random;
  #epoch = 0;
  #corked: Redis["stream"] | undefined;
  #bytesRead = 0;
  #quietTicks = 0;
  readonly #quietTicksMax: number;

  constructor(options: ConnectionOptions) {
    this.#quietTicksMax = Math.floor(options.patience * TICKS);
    this.#onError = options.onError;
    this.#deadlines = new Deadlines(options.commandTimeoutMillis, this.#onTick);
    this.#random = options.random;
    this.#redis = new Redis(redisOptions(options));
    this.#redis.on("error", this.#onFault);
    this.#redis.on("end", this.#goOn);
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

  deadline(): number {
    return this.#deadlines.next();
  }

  /** Rejects what waits to be sent like what was sent, when its time is over. */
  hold(call: Expiring): void {
    this.#deadlines.add(call, this.#deadlines.next());
  }

  /** Milliseconds until this deadline, to a tick. */
  millisUntil(deadline: number): number {
    return this.#deadlines.millisUntil(deadline);
  }

  /** Lets what was sent come to its end, within the command timeout. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    const farewell = this.send("quit", [], this.deadline()).catch(() => undefined);
    this.#isClosed = true;
    // The server answers in order, so with this answer, or with its deadline, every call before it is settled.
    await farewell;
    this.#deadlines.stop();
    this.#redis.disconnect();
  }

  /** Whether a command can be sent now. */
  get isReady(): boolean {
    return !this.#isClosed && this.#redis.status === "ready" && this.#redis.stream.writable;
  }

  /** Ends with the reply or with ioredis' error; with `NotConnectedError` where nothing can be sent. */
  send(name: string, args: Argument[], deadline: number, encoding?: "utf8"): Promise<unknown> {
    if (!this.isReady) {
      const reason = this.#isClosed ? "the store is closed" : (this.#fault ?? "the Redis server is not connected");
      return Promise.reject(new NotConnectedError(reason));
    }
    const command = new TimedCommand(name, args, encoding === undefined ? {} : { replyEncoding: encoding });
    this.#cork(this.#redis.stream);
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
   * A connection that stays silent for so long while answers are due may be dead without TCP saying so
   * for minutes: it is given up, and a new one is tried.
   */
  readonly #onTick = (expired: number): void => {
    const { status, stream } = this.#redis;
    if (status !== "ready") return;
    const { bytesRead } = stream;
    this.#quietTicks = bytesRead === this.#bytesRead ? this.#quietTicks + 1 : 0;
    this.#bytesRead = bytesRead;
    if (expired === 0 || this.#quietTicks < this.#quietTicksMax) return;
    this.#quietTicks = 0;
    this.#report("the Redis server did not answer within the command timeout");
    stream.destroy();
  };

  readonly #onFault = (error: Error & { command?: { name?: string } }): void => {
    this.#report(connectionFault(error));
    // ioredis would go on in database 0.
    if (error.command?.name === "select") this.#redis.disconnect(true);
  };

  /**
   * A failover that is told while ioredis asks the sentinels breaks that attempt off, and with it ioredis gives up for good: the
   * listener of the connection before is still there.
   */
  readonly #goOn = (): void => {
    const again = (): void => {
      if (!this.#isClosed && this.#redis.status === "end") this.#redis.connect().catch(() => undefined);
    };
    setTimeout(again, retryDelayMillis(1, this.#random)).unref();
  };

  #report(fault: string): void {
    if (fault === this.#fault || this.#isClosed) return;
    this.#fault = fault;
    this.#onError(fault);
  }
}
