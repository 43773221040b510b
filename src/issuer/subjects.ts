/** Reading a subject's document, deciding on it and swapping it, until the swap is won. */

import { withKnownEnds } from "../domain/known-ends.ts";
import type { Bytes } from "../domain/ports.ts";
import { pruned, type SubjectDocument, subjectExpiresAt } from "../domain/subject.ts";
import { decodeSubject, encodeSubject } from "../domain/subject-codec.ts";
import { type Context, REQUEST_BUDGET_MILLIS } from "./context.ts";
import type { RecentEnds } from "./recent-ends.ts";
import { subjectDocumentKey } from "./subject-key.ts";
import { Turns } from "./turns.ts";
import { UnavailableError } from "./types.ts";

export interface Loaded {
  readonly key: string;
  readonly bytes: Bytes | undefined;
  /** As stored, but without what this process knows to be over. */
  readonly document: SubjectDocument | undefined;
  /** What is stored says less than is known to be over. */
  readonly isBehind: boolean;
}

/** What to do with what was loaded; undefined: the swap was lost. */
type Attempt<T> = (loaded: Loaded) => Promise<T | undefined>;

export class Subjects {
  readonly #context: Context;
  readonly #recentEnds: RecentEnds;
  readonly #turns: Turns;
  readonly #idleLifetimeOf: (clientId: string) => number | undefined;

  constructor(context: Context, recentEnds: RecentEnds) {
    this.#context = context;
    this.#recentEnds = recentEnds;
    this.#turns = new Turns({ clock: context.clock, width: 1, maxWaiting: 256, maxWaitMillis: REQUEST_BUDGET_MILLIS });
    this.#idleLifetimeOf = (clientId) => context.policy.clients.get(clientId)?.idleLifetimeMillis;
  }

  async load(subjectKey: Bytes): Promise<Loaded> {
    const key = subjectDocumentKey(subjectKey);
    return this.#loadedFrom(key, await this.#context.store.get(key));
  }

  /** Revocation is monotonic: what this process has seen end does not live again because a store went back. */
  #loadedFrom(key: string, bytes: Bytes | undefined): Loaded {
    const stored = bytes === undefined ? undefined : decodeSubject(bytes);
    const ends = this.#recentEnds.of(key);
    if (ends === undefined) return { key, bytes, document: stored, isBehind: false };
    const document = withKnownEnds(stored, ends, this.#context.clock());
    return { key, bytes, document, isBehind: document !== stored };
  }

  /** Without what is over by now. */
  pruned(document: SubjectDocument): SubjectDocument {
    return pruned(document, this.#context.clock(), this.#idleLifetimeOf);
  }

  /** Swaps what was loaded for `next`, without what is over by now. False: someone else was faster. */
  swap(loaded: Loaded, next: SubjectDocument, confirmed: boolean): Promise<boolean> {
    const kept = this.pruned(next);
    const expiresAt = subjectExpiresAt(kept, this.#idleLifetimeOf);
    if (expiresAt === undefined && loaded.bytes === undefined) return Promise.resolve(true);
    const bytes = expiresAt === undefined ? undefined : encodeSubject(kept);
    return this.#context.store.compareAndSet(loaded.key, loaded.bytes, bytes, { expiresAt: expiresAt ?? 0, confirmed });
  }

  /** Loads and tries until `attempt` gives a result; undefined means that its swap was lost. */
  settle<T>(subjectKey: Bytes, attempt: Attempt<T>): Promise<T> {
    return this.#settle(subjectDocumentKey(subjectKey), attempt);
  }

  /** One at a time per subject in this process: whoever waited finds the answer instead of losing a swap. */
  inTurn<T>(subjectKey: Bytes, work: () => Promise<T>): Promise<T> {
    return this.#turns.run(subjectDocumentKey(subjectKey), work);
  }

  /** Settles in turn; what is urgent before all who wait. */
  settleInTurn<T>(subjectKey: Bytes, attempt: Attempt<T>, isUrgent = false): Promise<T> {
    const key = subjectDocumentKey(subjectKey);
    return this.#turns.run(key, () => this.#settle(key, attempt), isUrgent);
  }

  async #settle<T>(key: string, attempt: Attempt<T>): Promise<T> {
    const deadline = this.#context.clock() + REQUEST_BUDGET_MILLIS;
    for (;;) {
      const result = await attempt(this.#loadedFrom(key, await this.#context.store.get(key)));
      if (result !== undefined) return result;
      if (this.#context.clock() >= deadline) throw new UnavailableError("too many changes of one subject at once");
    }
  }
}
