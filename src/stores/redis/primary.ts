/** One primary of the store: the connection to it, the one for confirmed writes, what it can do and whether it is another than before. */

import type { Clock, Random } from "../../domain/ports.ts";
import { asking } from "./asking.ts";
import { Commands } from "./commands.ts";
import { Confirming } from "./confirming.ts";
import { RedisConnection, type Whereabouts } from "./connection.ts";
import { append } from "./log.ts";
import { Server } from "./server.ts";
import { swap, type Swap } from "./swap.ts";
import { addressOf, type Access } from "./url.ts";

export interface PrimaryOptions {
  readonly whereabouts: Whereabouts;
  readonly access: Access;
  readonly database: number;
  /** Every call settles within this. */
  readonly commandTimeoutMillis: number;
  /** Replicas that must have a confirmed write before it is acknowledged; 0: the server's own answer is enough. */
  readonly waitReplicas: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly onError: (message: string) => void;
}

/** One connection, what sends over it, and who answers at its other end. */
interface Line {
  readonly connection: RedisConnection;
  readonly server: Server;
  /** The server has said who it is. */
  readonly seen: Promise<void>;
}

/** A whole command timeout, but for the ticks it is counted in. */
export const PATIENCE = 0.8;
/** While `WAIT` holds it up, nothing comes. */
const CONFIRMING_PATIENCE = 2;

function lineOf(options: PrimaryOptions, patience: number, onError: (message: string) => void): Line {
  const server = new Server();
  const seen = Promise.withResolvers<void>();
  const connection: RedisConnection = new RedisConnection({
    ...options,
    patience,
    onError,
    onReady: () => void server.look(new Commands(connection)).then(seen.resolve),
  });
  return { connection, server, seen: seen.promise };
}

export class Primary {
  /** `host:port`; the name where the sentinels say where it is. */
  readonly address: string;
  readonly #line: Line;
  readonly #commands: Commands;
  /** The same, for a key whose slot is being moved here. */
  readonly #asking: Commands;
  readonly #confirming: (Line & { readonly writes: Confirming }) | undefined;

  constructor(options: PrimaryOptions) {
    this.address = "node" in options.whereabouts ? addressOf(options.whereabouts.node) : options.whereabouts.name;
    this.#line = lineOf(options, PATIENCE, options.onError);
    this.#commands = new Commands(this.#line.connection);
    this.#asking = new Commands(asking(this.#line.connection));
    if (options.waitReplicas === 0) return;
    // What keeps it from its server keeps the other one as well, which tells.
    const line = lineOf(options, CONFIRMING_PATIENCE, () => undefined);
    this.#confirming = { ...line, writes: new Confirming(line.connection, options.waitReplicas) };
  }

  get isReady(): boolean {
    return this.#line.connection.isReady;
  }

  /** Rises with each new connection: what one server said (a scan's cursor) means nothing to the next. */
  get epoch(): number {
    return this.#line.connection.epoch;
  }

  /** Resolves when the first attempt has ended; how it failed is told to `onError`. To be called once. */
  async connect(): Promise<void> {
    await Promise.all(this.#lines.map(connected));
  }

  /** With `isAsk`, for a key whose slot is being moved here. */
  commands(isAsk = false): Commands {
    return isAsk ? this.#asking : this.#commands;
  }

  /** Swaps one document; `isConfirmed` swaps are acknowledged when `waitReplicas` replicas have them. Rejects with `StoreError`. */
  swap(swap: Swap, isConfirmed: boolean, isAsk: boolean): Promise<boolean> {
    const once = (): Promise<boolean | undefined> => this.#swapOnce(swap, isConfirmed, isAsk);
    return once().then((isDone) => isDone ?? once().then((again) => again === true));
  }

  #swapOnce(wanted: Swap, isConfirmed: boolean, isAsk: boolean): Promise<boolean | undefined> {
    if (!isConfirmed || this.#confirming === undefined) return swap(this.commands(isAsk), this.#line.server, wanted);
    const { writes, server } = this.#confirming;
    return writes.submit({ send: (commands) => swap(commands, server, wanted), isWritten: (isDone) => isDone === true }, isAsk);
  }

  /** Appends to a log, confirmed. */
  append(key: string, entry: Buffer, expiry: string, isAsk: boolean): Promise<string> {
    if (this.#confirming === undefined) return append(this.commands(isAsk), key, entry, expiry);
    return this.#confirming.writes.submit({ send: (commands) => append(commands, key, entry, expiry), isWritten: () => true }, isAsk);
  }

  /** Called when another server answers than before, or one that was restarted. */
  onChange(listener: () => void): () => void {
    const stops = this.#lines.map(({ server }) => server.onChange(listener));
    return () => {
      for (const stop of stops) stop();
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#lines.map(({ connection }) => connection.close()));
  }

  get #lines(): readonly Line[] {
    return this.#confirming === undefined ? [this.#line] : [this.#line, this.#confirming];
  }
}

async function connected({ connection, seen }: Line): Promise<void> {
  if (await connection.connect()) await seen;
}
