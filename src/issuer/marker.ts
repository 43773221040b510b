/**
 * The marker document: shows that the store is the one it was, and when any node was last alive. A store whose marker
 * is gone was emptied; then nothing that is absent proves that a session ended.
 */

import { KEYS, type Marker as MarkerValue, markerDocument, NEVER } from "../domain/documents.ts";
import type { Bytes } from "../domain/ports.ts";
import type { Context } from "./context.ts";
import { UnavailableError } from "./types.ts";

export class Marker {
  readonly #context: Context;
  #bytes: Bytes | undefined;
  #emptied = false;

  constructor(context: Context) {
    this.#context = context;
  }

  /** What the marker says, or undefined where there is none. */
  async read(): Promise<MarkerValue | undefined> {
    this.#bytes = await this.#context.store.get(KEYS.marker);
    return this.#bytes === undefined ? undefined : markerDocument.decode(this.#bytes);
  }

  /** Writes the first marker of a store. */
  async create(): Promise<void> {
    const now = this.#context.clock();
    const bytes = markerDocument.encode({ createdAt: now, aliveAt: now });
    if (await this.#swap(undefined, bytes)) this.#bytes = bytes;
    this.#emptied = false;
  }

  /** The store has no marker though it should. */
  noteEmptied(): void {
    if (!this.#emptied) this.#context.emit({ event: "store_emptied" });
    this.#emptied = true;
  }

  /** The marker is there: it always was, or the operator has accepted the store as it is. */
  #noteThere(): void {
    if (this.#emptied) this.#context.emit({ event: "store_accepted" });
    this.#emptied = false;
  }

  /** Says that this node is alive. Never makes a marker: that it is missing is what must be noticed. */
  async beat(): Promise<void> {
    const marker = this.#bytes === undefined ? await this.read() : markerDocument.decode(this.#bytes);
    if (marker === undefined) return this.noteEmptied();
    const bytes = markerDocument.encode({ ...marker, aliveAt: Math.max(marker.aliveAt, this.#context.clock()) });
    if (await this.#swap(this.#bytes, bytes)) {
      this.#bytes = bytes;
      return this.#noteThere();
    }
    // Another node was faster, which says the same, or there is nothing to swap any more.
    if ((await this.read()) === undefined) this.noteEmptied();
    else this.#noteThere();
  }

  /**
   * Before anything is decided from what is absent: that proves something only in a store that has its marker. Throws
   * `UnavailableError` where it has not. Reads the store.
   */
  async trustAbsence(): Promise<void> {
    if ((await this.#context.store.get(KEYS.marker)) !== undefined) return;
    this.noteEmptied();
    throw new UnavailableError("the store was emptied", 60);
  }

  #swap(expected: Bytes | undefined, next: Bytes): Promise<boolean> {
    return this.#context.store.compareAndSet(KEYS.marker, expected, next, { expiresAt: NEVER, confirmed: false });
  }
}
