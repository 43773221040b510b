/** Who fetches the JWK Set, noted in memory and now and then merged with what the other processes of this issuer have noted. */

import { FormatError } from "../domain/bytes.ts";
import { KEYS, verifiersDocument } from "../domain/documents.ts";
import {
  type JwksFetch,
  keptVerifiers,
  mergedVerifier,
  mergedVerifiers,
  type Verifier,
  VERIFIER_KEPT_MILLIS,
  verifierKey,
  verifierOf,
  VERIFIERS_MAX,
} from "../domain/fetches.ts";
import { type Bytes, StoreError } from "../domain/ports.ts";
import type { Context } from "./context.ts";

const FLUSH_EVERY_MILLIS = 30_000;

export class JwksFetches {
  readonly #context: Context;
  readonly #flushEveryMillis: number;
  #flushedAt = Number.NEGATIVE_INFINITY;
  /** What was noted since the last flush, by verifier. */
  #fresh = new Map<string, Verifier>();
  /** Those that the store knew then: there is room for each of them, whoever else comes. */
  #known: ReadonlySet<string> = new Set();
  #strangers = 0;

  constructor(context: Context) {
    this.#context = context;
    this.#flushEveryMillis = context.fetchesFlushMillis ?? FLUSH_EVERY_MILLIS;
  }

  get isCounted(): boolean {
    return this.#context.policy.keys.countFetches;
  }

  note(fetch: JwksFetch): void {
    if (this.isCounted) this.#add(verifierOf(fetch, this.#context.clock()));
  }

  /** Strangers are turned away where there are too many, so that a flood of names costs neither memory nor time. */
  #add(seen: Verifier): void {
    const key = verifierKey(seen);
    const noted = this.#fresh.get(key);
    if (noted === undefined && !this.#known.has(key)) {
      if (this.#strangers >= VERIFIERS_MAX) return;
      this.#strangers += 1;
    }
    this.#fresh.set(key, noted === undefined ? seen : mergedVerifier(noted, seen));
  }

  /** What the store has of all processes. Throws `StoreError`, `FormatError`. */
  async read(): Promise<readonly Verifier[]> {
    return verifiersIn(await this.#context.store.get(KEYS.verifiers));
  }

  async flushIfDue(): Promise<void> {
    const elapsed = this.#context.clock() - this.#flushedAt;
    // A clock that stepped back says nothing about when that was.
    if (elapsed >= this.#flushEveryMillis || elapsed < 0) await this.flush();
  }

  /**
   * Adds what was noted to the store's table. It is advice that nobody waits for: where the store is out of reach or
   * another process was faster so often it stays here for the next time, and a table of an unknown format is left as it is.
   */
  async flush(tries = 1): Promise<void> {
    let isLost = this.#fresh.size > 0;
    for (let left = tries; isLost && left > 0; left -= 1) isLost = await this.#flushOnce();
  }

  /** Whether another process was faster. */
  async #flushOnce(): Promise<boolean> {
    const taken = this.#fresh;
    this.#begin(new Map());
    try {
      const isWritten = await this.#merge(taken);
      if (isWritten) this.#flushedAt = this.#context.clock();
      else this.#putBack(taken);
      return !isWritten;
    } catch (error) {
      // Where it was written all the same, it is counted twice; what matters, the versions and times, is what it was.
      this.#putBack(taken);
      if (!(error instanceof StoreError) && !(error instanceof FormatError)) throw error;
      return false;
    }
  }

  async #merge(taken: ReadonlyMap<string, Verifier>): Promise<boolean> {
    const { store, clock } = this.#context;
    const bytes = await store.get(KEYS.verifiers);
    const now = clock();
    const verifiers = keptVerifiers(mergedVerifiers(verifiersIn(bytes), [...taken.values()]), now);
    const options = { expiresAt: now + VERIFIER_KEPT_MILLIS, confirmed: false };
    if (!(await store.compareAndSet(KEYS.verifiers, bytes, verifiersDocument.encode({ verifiers }), options))) return false;
    this.#known = new Set(verifiers.map(verifierKey));
    this.#begin(this.#fresh);
    return true;
  }

  #putBack(taken: Map<string, Verifier>): void {
    const later = this.#fresh;
    this.#begin(taken);
    for (const verifier of later.values()) this.#add(verifier);
  }

  #begin(fresh: Map<string, Verifier>): void {
    this.#fresh = fresh;
    this.#strangers = [...fresh.keys()].filter((key) => !this.#known.has(key)).length;
  }
}

function verifiersIn(bytes: Bytes | undefined): readonly Verifier[] {
  return bytes === undefined ? [] : verifiersDocument.decode(bytes).verifiers;
}
