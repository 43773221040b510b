/** Deadlines of the calls under way: one timer for all of them, none for each. */

/** What is rejected when its time is over: an ioredis command. */
export interface Expiring {
  readonly isSettled: boolean;
  /** The tick at which it is over; set by `add`. */
  deadline: number;
  reject(error: Error): void;
}

/** No answer within the command timeout. */
export class TimeoutError extends Error {
  override readonly name = "TimeoutError";
}

/** So many ticks are a command timeout. */
export const TICKS = 10;

/** How many places of settled calls may lie at the head of the list before it is moved up. */
const MOVE_UP_AT = 512;

/**
 * Every call added is rejected with `TimeoutError` between 9/10 of the timeout and the timeout, if it is not settled then.
 * The ticks are counted here instead of reading a clock: while this process stands still none passes, so answers that lie
 * unread in the socket are not taken for missing ones. Settled calls are let go at once: kept for the whole timeout they
 * would grow old for the garbage collector, which costs more than all the rest here.
 */
export class Deadlines {
  readonly #tickMillis: number;
  readonly #onTick: (expired: number) => void;
  /** In the order of adding, so that answers, which come in that order, empty it from the head. */
  readonly #calls: (Expiring | undefined)[] = [];
  #head = 0;
  #timer: NodeJS.Timeout | undefined;
  #tick = 0;
  #lastUsed = 0;

  /** `onTick` is told how many calls were rejected, on every tick while there are calls. */
  constructor(timeoutMillis: number, onTick: (expired: number) => void) {
    this.#tickMillis = Math.max(1, Math.floor(timeoutMillis / TICKS));
    this.#onTick = onTick;
  }

  /** The tick at which a call that begins now is over. */
  next(): number {
    return this.#tick + TICKS;
  }

  /** From now to a tick. */
  millisUntil(tick: number): number {
    return Math.max(0, tick - this.#tick) * this.#tickMillis;
  }

  /** `tick`: from `next`, so that the second half of a call ends when its first half would have. */
  add(call: Expiring, tick: number): void {
    call.deadline = tick;
    this.#lastUsed = this.#tick;
    this.#timer ??= setInterval(this.#turn, this.#tickMillis);
    this.#letGo();
    this.#calls.push(call);
  }

  /** Lets the process end. To be called when nothing is under way; the next `add` starts the timer again. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  readonly #turn = (): void => {
    this.#tick += 1;
    let expired = 0;
    for (let index = this.#head; index < this.#calls.length; index += 1) {
      const call = this.#calls[index];
      if (call === undefined || call.isSettled || call.deadline > this.#tick) continue;
      expired += 1;
      call.reject(new TimeoutError("no answer within the command timeout"));
    }
    this.#letGo();
    if (this.#calls.length === 0 && this.#tick - this.#lastUsed >= TICKS) this.stop();
    this.#onTick(expired);
  };

  /** Drops the settled calls at the head. */
  #letGo(): void {
    while (this.#head < this.#calls.length && this.#calls[this.#head]?.isSettled !== false) {
      this.#calls[this.#head] = undefined;
      this.#head += 1;
    }
    if (this.#head === this.#calls.length) {
      this.#calls.length = 0;
      this.#head = 0;
    } else if (this.#head >= MOVE_UP_AT) {
      this.#calls.copyWithin(0, this.#head);
      this.#calls.length -= this.#head;
      this.#head = 0;
    }
  }
}
