/** Whether this node can give grants: the store answers and every algorithm can sign. */

import type { Context } from "./context.ts";
import type { KeyRing } from "./key-ring.ts";
import { jwsAlgorithms } from "./ring-policy.ts";
import type { Readiness } from "./types.ts";

/** Anyone may ask: the store is asked this often at most, however often that is. */
const PING_EVERY_MILLIS = 500;

export class ReadinessProbe {
  readonly #context: Context;
  readonly #keyRing: KeyRing;
  #answer: Promise<boolean> = Promise.resolve(false);
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor({ context, keyRing }: { readonly context: Context; readonly keyRing: KeyRing }) {
    this.#context = context;
    this.#keyRing = keyRing;
  }

  async check(): Promise<Readiness> {
    const missing: string[] = [];
    if (!(await this.#doesStoreAnswer())) missing.push("the store does not answer");
    const trouble = this.#keyRing.trouble();
    if (trouble !== undefined) missing.push(trouble);
    missing.push(...this.#keyRing.mute(jwsAlgorithms(this.#context.policy)).map((algorithm) => `no key can sign ${algorithm}`));
    if (!this.#keyRing.hasMac) missing.push("no key can make refresh tokens");
    return { ready: missing.length === 0, missing };
  }

  #doesStoreAnswer(): Promise<boolean> {
    const now = this.#context.clock();
    if (Math.abs(now - this.#askedAt) < PING_EVERY_MILLIS) return this.#answer;
    this.#askedAt = now;
    this.#answer = this.#context.store.ping().then(
      () => true,
      () => false,
    );
    return this.#answer;
  }
}
