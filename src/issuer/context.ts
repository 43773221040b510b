/** What every flow gets: the ports, the policy and what this process follows. */

import type { Listener } from "../domain/events.ts";
import type { Policy } from "../domain/policy.ts";
import type { Clock, Digests, FetchDocument, KeyCustodian, PasswordHasher, Random, RingCopy, Store, StoreMeter } from "../domain/ports.ts";

export interface Ports {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly digests: Digests;
  readonly custodian: KeyCustodian;
  readonly ringCopy: RingCopy;
  readonly passwords: PasswordHasher;
  /** Resolves after the given milliseconds, or when the signal is aborted. */
  readonly sleep: (millis: number, signal?: AbortSignal) => Promise<void>;
  readonly fetchDocument: FetchDocument;
  readonly emit: Listener;
  readonly meter?: StoreMeter;
  /** How often what was noted of fetches goes to the store; half a minute if absent. */
  readonly fetchesFlushMillis?: number | undefined;
}

export interface Context extends Ports {
  readonly policy: Policy;
}

/** How long one request may go on trying to win a swap. */
export const REQUEST_BUDGET_MILLIS = 5_000;
