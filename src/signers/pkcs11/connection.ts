/**
 * The issuer's side of the process that talks to a token: starts it at the first call, opens the token, and puts another one in its
 * place when it has ended or hangs. See docs/decisions.md for why it is a process.
 */

import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { CustodianError, KeyError } from "../../domain/ports.ts";
import type { Calls, Fault, Reply, Request, TokenChoice } from "./protocol.ts";

// Run from the sources it is TypeScript, from the package JavaScript; the compiler doesn't rewrite such a URL.
const WORKER_URL = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url);

/** To start the process, load the module, find the token and log in. */
const OPEN_MILLIS = 10_000;
/** To end the session; then it is killed. */
const CLOSE_MILLIS = 2_000;

export interface ConnectionOptions extends TokenChoice {
  readonly pinFile: string | undefined;
  readonly pin: string | undefined;
}

interface Pending {
  /** The opening of the token that it was sent after. */
  readonly opening: Promise<void> | undefined;
  readonly patienceMillis: number;
  readonly resolve: (gives: Calls[keyof Calls]["gives"]) => void;
  readonly reject: (error: KeyError) => void;
}

interface Running {
  readonly child: ChildProcess;
  readonly pending: Map<number, Pending>;
  /** Under way or done; undefined: the token is to be opened. */
  opening: Promise<void> | undefined;
  answered: number;
}

export interface CallLimits {
  /** Aborted when the caller has waited long enough. */
  readonly signal: AbortSignal;
  readonly patienceMillis: number;
}

export class Connection {
  readonly #name: string;
  readonly #options: ConnectionOptions;
  #running: Running | undefined;
  #isClosed = false;
  #lastId = 0;
  #isFirst = true;
  #refused: { readonly pin: string | undefined; readonly message: string } | undefined;

  /** `name` is how messages name the token. */
  constructor(name: string, options: ConnectionOptions) {
    this.#name = name;
    this.#options = options;
  }

  /** Waits for the first opening, however it ends: a process takes longer to start than a signature may take. */
  async firstOpening(): Promise<void> {
    if (!this.#isFirst || this.#isClosed) return;
    await this.#openedProcess().catch(() => undefined);
    this.#isFirst = false;
  }

  /** One call. Throws `KeyError`. */
  async call<Name extends keyof Calls>(name: Name, takes: Calls[Name]["takes"], limits: CallLimits): Promise<Calls[Name]["gives"]> {
    const running = await this.#openedProcess();
    if (limits.signal.aborted) throw this.#unavailable("it took too long to open the token.");
    const { answered } = running;
    const onTimeout = (): void => {
      // Slow is not hung: it answered others since, or does something that may take longer.
      const isBusy = [...running.pending.values()].some(({ patienceMillis }) => patienceMillis > limits.patienceMillis);
      if (running.answered === answered && !isBusy) this.#replace(running, "a call hung, and the others with it.");
    };
    limits.signal.addEventListener("abort", onTimeout, { once: true });
    try {
      return await this.#send(running, name, takes, limits.patienceMillis);
    } finally {
      limits.signal.removeEventListener("abort", onTimeout);
    }
  }

  /** Ends session and process; at once where it hangs. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const running = this.#running;
    if (running === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    running.child.once("exit", () => resolve());
    if (running.child.connected) running.child.disconnect();
    const timer = setTimeout(() => void running.child.kill("SIGKILL"), CLOSE_MILLIS);
    running.child.ref();
    await promise;
    clearTimeout(timer);
  }

  #unavailable(message: string): CustodianError {
    return new CustodianError(`${this.#name}: ${message}`);
  }

  async #openedProcess(): Promise<Running> {
    if (this.#isClosed) throw this.#unavailable("is closed.");
    const running = (this.#running ??= this.#start());
    running.opening ??= this.#open(running);
    await running.opening;
    return running;
  }

  #start(): Running {
    const child = fork(WORKER_URL, { execArgv: [], env: withoutOurs(process.env), stdio: ["ignore", "ignore", "inherit", "ipc"] });
    const running: Running = { child, pending: new Map(), opening: undefined, answered: 0 };
    child.on("message", (reply: Reply) => this.#receive(running, reply));
    child.on("error", () => this.#ended(running, "its process can't be started."));
    child.on("exit", (code, signal) => this.#ended(running, `its process ended (${signal ?? code}).`));
    // A custodian that was not closed doesn't keep the process; each pending call does, by its timer.
    child.unref();
    child.channel?.unref();
    return running;
  }

  async #open(running: Running): Promise<void> {
    const { modulePath, token, serial, slotId } = this.#options;
    const timer = new AbortController();
    const tooLong = async (): Promise<never> => {
      await sleep(OPEN_MILLIS, undefined, { signal: timer.signal });
      throw this.#replace(running, `could not be opened within ${OPEN_MILLIS / 1_000} s.`);
    };
    try {
      const pin = await this.#readPin();
      // Each try counts: a token locks itself after a few wrong ones.
      if (pin !== undefined && pin === this.#refused?.pin) throw new RefusedPinError(this.#refused.message, { isSetup: true });
      const opened = this.#send(running, "open", { modulePath, token, serial, slotId, pin }, OPEN_MILLIS).catch((error: unknown) => {
        if (error instanceof RefusedPinError) this.#refused = { pin, message: error.message };
        throw error;
      });
      await Promise.race([opened, tooLong()]);
    } catch (error) {
      running.opening = undefined;
      throw error;
    } finally {
      timer.abort();
    }
  }

  async #readPin(): Promise<string | undefined> {
    const { pin, pinFile } = this.#options;
    if (pin !== undefined || pinFile === undefined) return pin;
    try {
      return (await readFile(pinFile, "utf8")).replace(/\r?\n$/, "");
    } catch {
      throw new CustodianError(`${this.#name}: ${pinFile}: the PIN can't be read.`, { isSetup: true });
    }
  }

  #send<Name extends keyof Calls>(
    { child, pending, opening }: Running,
    name: Name,
    takes: Calls[Name]["takes"],
    patienceMillis: number,
  ): Promise<Calls[Name]["gives"]> {
    const { promise, resolve, reject } = Promise.withResolvers<Calls[keyof Calls]["gives"]>();
    const id = ++this.#lastId;
    pending.set(id, { opening, patienceMillis, resolve, reject });
    const request = { id, name, takes } as Request;
    child.send(request, (error) => {
      if (error !== null && pending.delete(id)) reject(this.#unavailable("its process is gone."));
    });
    return promise;
  }

  #receive(running: Running, reply: Reply): void {
    running.answered += 1;
    const call = running.pending.get(reply.id);
    running.pending.delete(reply.id);
    if (reply.ok) return call?.resolve(reply.gives);
    if (reply.isClosed && running.opening === call?.opening) running.opening = undefined;
    const FaultError = FAULT_ERRORS[reply.fault];
    call?.reject(new FaultError(`${this.#name}: ${reply.message}`, { isSetup: reply.isSetup }));
  }

  /** Kills it; the next call starts another one. */
  #replace(running: Running, message: string): CustodianError {
    running.child.kill("SIGKILL");
    return this.#ended(running, message);
  }

  #ended(running: Running, message: string): CustodianError {
    const error = this.#unavailable(message);
    if (this.#running === running) this.#running = undefined;
    for (const { reject } of running.pending.values()) reject(error);
    running.pending.clear();
    return error;
  }
}

/** The module is somebody else's code: what it is set up by, and none of our secrets. */
function withoutOurs(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith("MINTMARK_")));
}

class RefusedPinError extends CustodianError {}

const FAULT_ERRORS = { key: KeyError, custodian: CustodianError, pin: RefusedPinError } as const satisfies Record<Fault, typeof KeyError>;
