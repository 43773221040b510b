/**
 * The gate before a custodian outside: a time-out for each call, a bound on the calls in flight, and a circuit that opens
 * where several calls in a row failed, so that requests are refused at once instead of piling up.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { CustodianError, KeyError, NotAskedError } from "../domain/ports.ts";
import type { Clock } from "../domain/ports.ts";

export interface GateLimits {
  readonly timeoutMillis: number;
  readonly maxInFlight: number;
  readonly clock: Clock;
}

/** So many failures in a row open the circuit. */
const FAILURES_TO_OPEN = 5;
/** Then one call is let through so long after the last failure. */
const OPEN_MILLIS = 1_000;

export class Gate {
  /** How messages name the custodian. */
  readonly name: string;
  readonly #limits: GateLimits;
  #inFlight = 0;
  #failures = 0;
  #lastFailure: CustodianError | undefined;
  #failedAt = 0;
  #isProbing = false;

  constructor(name: string, limits: GateLimits) {
    this.name = name;
    this.#limits = limits;
  }

  /**
   * Runs one call. `work` gets a signal that is aborted at the time-out; what it throws becomes a `CustodianError`, unless it is a
   * `KeyError`: the custodian answered then, and the key is at fault. Throws nothing else.
   */
  async run<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.#enter();
    const timeout = new AbortController();
    const timer = new AbortController();
    const result = work(timeout.signal);
    // A call that outlives its time-out keeps its place until it settles: those behind it would only wait in its line.
    void result.catch(() => undefined).finally(() => void (this.#inFlight -= 1));
    try {
      const value = await Promise.race([result, this.#expire(timeout, timer.signal)]);
      this.#failures = 0;
      return value;
    } catch (error) {
      if (error instanceof KeyError && !(error instanceof CustodianError)) {
        this.#failures = 0;
        throw error;
      }
      const failure = error instanceof CustodianError ? error : new CustodianError(`${this.name}: ${reasonOf(error)}.`);
      this.#failures += 1;
      this.#lastFailure = failure;
      this.#failedAt = this.#limits.clock();
      throw failure;
    } finally {
      this.#isProbing = false;
      timer.abort();
    }
  }

  #enter(): void {
    const { maxInFlight, clock } = this.#limits;
    if (this.#inFlight >= maxInFlight) throw new NotAskedError(`${this.name}: ${maxInFlight} calls are under way, and no more are begun.`);
    if (this.#failures >= FAILURES_TO_OPEN) {
      const age = clock() - this.#failedAt;
      // A clock that was set back must not keep the circuit open.
      const isOpen = (age >= 0 && age < OPEN_MILLIS) || this.#isProbing;
      if (isOpen) throw this.#closed();
      this.#isProbing = true;
    }
    this.#inFlight += 1;
  }

  /** Whoever is told nothing but this must still learn the cause. */
  #closed(): CustodianError {
    const { message = "", isSetup = false } = this.#lastFailure ?? {};
    const cause = message.startsWith(`${this.name}: `) ? message : `${this.name}: ${message}`;
    return new CustodianError(`${cause} Several calls in a row failed; it is tried again in a moment.`, { isSetup });
  }

  async #expire(timeout: AbortController, settled: AbortSignal): Promise<never> {
    const { timeoutMillis } = this.#limits;
    await sleep(timeoutMillis, undefined, { signal: settled });
    timeout.abort();
    throw new CustodianError(`${this.name}: no answer within ${timeoutMillis} ms.`);
  }
}

/** An SDK's own message may quote a request, so only the system's code is repeated, or else the kind of the error. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "the call failed";
  const cause = error.cause instanceof Error ? error.cause : error;
  return `the call failed (${"code" in cause && typeof cause.code === "string" ? cause.code : error.name})`;
}
