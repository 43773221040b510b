/** Keys whose custodian gave no signature when it was last asked: told once, not ready meanwhile, and asked again until one comes. */

import type { Listener } from "../domain/events.ts";
import { type Bytes, KeyError, type Signer } from "../domain/ports.ts";

const PROBE = "mintmark: this signer can sign";

export class SilentSigners {
  readonly #emit: Listener;
  readonly #silent = new Map<string, Signer>();
  #asking: Promise<unknown> | undefined;

  constructor(emit: Listener) {
    this.#emit = emit;
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
        if (error instanceof KeyError) this.#note(signer, error.message);
        throw error;
      }
    };
    return { kid: signer.kid, algorithm: signer.algorithm, sign };
  }

  #note(signer: Signer, message: string): void {
    if (!this.#silent.has(signer.kid)) this.#emit({ event: "trouble", about: "signing", message });
    this.#silent.set(signer.kid, signer);
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
  }
}
