/** Those who want to hear of something; one that listens twice is called twice. */
export class Listeners {
  readonly #entries = new Set<{ readonly call: () => void }>();

  /** Returns how to stop listening. */
  add(listener: () => void): () => void {
    const entry = { call: listener };
    this.#entries.add(entry);
    return () => void this.#entries.delete(entry);
  }

  tell(): void {
    for (const { call } of this.#entries) call();
  }
}
