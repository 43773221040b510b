/** Keys whose custodian gave no signature when it was last asked: told once, not ready meanwhile, and asked again until one comes. */

import type { Listener } from "../domain/events.ts";
import { type Bytes, type Clock, KeyError, NotAskedError, type Signer } from "../domain/ports.ts";

const TELL_EVERY_MILLIS = 60_000;
const PROBE = "mintmark: this signer can sign";

export class SilentSigners {
  readonly #emit: Listener;
  readonly #clock: Clock;
  readonly #silent = new Map<string, Signer>();
  /** When each was last told of. */
  readonly #toldAt = new Map<string, number>();
  #asking: Promise<unknown> | undefined;

  constructor(emit: Listener, clock: Clock) {
    this.#emit = emit;
    this.#clock = clock;
  }

  has(kid: string): boolean {
    return this.#silent.has(kid);
  }

  /** The same signer, whose failures are noted here. */
  watched(signer: Signer): Signer {
    const sign = async (signingInput: string): Promise<Bytes> => {
      try {
        const signature = await signer.sign(signingInput);
        if (this.#silent.size > 0) this.#silent.delete(signer.kid);
        return signature;
      } catch (error) {
        if (error instanceof KeyError && !(error instanceof NotAskedError)) this.#note(signer, error.message);
        throw error;
      }
    };
    return { kid: signer.kid, algorithm: signer.algorithm, sign };
  }

  #note(signer: Signer, message: string): void {
    const isKnown = this.#silent.has(signer.kid);
    this.#silent.set(signer.kid, signer);
    const now = this.#clock();
    // One that fails now and then is not told of each time.
    if (isKnown || Math.abs(now - (this.#toldAt.get(signer.kid) ?? -Infinity)) < TELL_EVERY_MILLIS) return;
    this.#toldAt.set(signer.kid, now);
    this.#emit({ event: "trouble", about: "signing", message });
  }

  /** Asks them again, beside whatever goes on: who is not ready gets no requests that would find out. */
  askAgain(): void {
    if (this.#silent.size === 0) return;
    if (this.#asking !== undefined) return;
    const asked = [...this.#silent.values()].map((signer) => this.watched(signer).sign(PROBE));
    this.#asking = Promise.allSettled(asked).finally(() => {
      this.#asking = undefined;
    });
  }

  /** A key that is closed is not waited for any more. */
  forget(kid: string): void {
    this.#silent.delete(kid);
    this.#toldAt.delete(kid);
  }
}
