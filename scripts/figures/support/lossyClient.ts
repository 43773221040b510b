/** A client that obeys the protocol on a bad network: it stores one token, and repeats a request until it has an answer. */

import { randomUUID } from "node:crypto";
import type { HttpClient } from "./http.ts";
import { pause } from "./wait.ts";
import { refresh } from "./tokens.ts";

const LOST_EVERY = 5;
const BACK_OFF_MILLIS = 400;
const ATTEMPTS_MAX = 500;

export interface LossyCounts {
  refreshes: number;
  /** Responses lost on the way; each was asked for again. */
  lost: number;
  /** 503 and connections refused; each was asked again. */
  unavailable: number;
  /** `invalid_grant` to a client that did nothing wrong. */
  logouts: number;
  /** Anything else that is not an answer of the protocol. */
  errors: number;
}

export interface LossyOptions {
  /** How long after a lost response it asks again. */
  readonly retryAfterMillis: number;
  /** With an Idempotency-Key of its own per exchange. */
  readonly keyed: boolean;
}

export function noCounts(): LossyCounts {
  return { refreshes: 0, lost: 0, unavailable: 0, logouts: 0, errors: 0 };
}

/** One session on that network. */
export class LossyClient {
  #token: string;
  #exchanges = 0;
  #isOut = false;

  constructor(refreshToken: string) {
    this.#token = refreshToken;
  }

  /** One exchange, carried through: the token moves on, or the client is logged out. */
  async exchange(client: HttpClient, { retryAfterMillis, keyed }: LossyOptions, counts: LossyCounts): Promise<void> {
    if (this.#isOut) return;
    this.#exchanges += 1;
    const idempotencyKey = keyed ? randomUUID() : undefined;
    let isToBeLost = this.#exchanges % LOST_EVERY === 0;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const lose = isToBeLost ? (Math.random() < 0.5 ? "sent" : "answered") : undefined;
      const { status, error, tokens } = await refresh(client, this.#token, { idempotencyKey, lose });
      if (tokens !== undefined) {
        this.#token = tokens.refreshToken;
        counts.refreshes += 1;
        return;
      }
      if (isToBeLost) {
        isToBeLost = false;
        counts.lost += 1;
        await pause(retryAfterMillis);
        continue;
      }
      if (status !== 0 && status !== 503) return this.#giveUp(error, counts);
      counts.unavailable += 1;
      await pause(BACK_OFF_MILLIS);
    }
    counts.errors += 1;
  }

  #giveUp(error: string | undefined, counts: LossyCounts): void {
    this.#isOut = true;
    counts[error === "invalid_grant" ? "logouts" : "errors"] += 1;
  }
}
