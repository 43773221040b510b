/** The ends that this process has seen in the log or put there: what a store that goes back loses is still known here. */

import { fromBase64url } from "../domain/bytes.ts";
import type { EndEntry } from "../domain/documents.ts";
import type { Bytes } from "../domain/ports.ts";
import { subjectDocumentKey } from "./subject-key.ts";

/** A failover loses seconds; the oldest give way. */
const KEPT_ENDS = 20_000;
const KEPT_ENDS_PER_SUBJECT = 100;

interface Known {
  readonly entry: EndEntry;
  readonly bytes: Bytes;
}

export class RecentEnds {
  /** By their bytes, in the order in which they were seen. */
  readonly #known = new Map<string, Known>();
  /** Those of one subject, by the key of its document. */
  readonly #bySubject = new Map<string, EndEntry[]>();

  note(entry: EndEntry, bytes: Bytes): void {
    const name = nameOf(bytes);
    if (this.#known.has(name)) return;
    this.#known.set(name, { entry, bytes });
    const key = documentKeyOf(entry);
    if (key !== undefined) this.#bySubject.set(key, [...(this.#bySubject.get(key) ?? []), entry].slice(-KEPT_ENDS_PER_SUBJECT));
    if (this.#known.size > KEPT_ENDS) this.#forgetOldest();
  }

  /** The ends of the subject whose document has this key. */
  of(documentKey: string): readonly EndEntry[] | undefined {
    return this.#bySubject.get(documentKey);
  }

  /** Those known now, by a name made of their bytes. */
  all(): Map<string, Known> {
    return new Map(this.#known);
  }

  #forgetOldest(): void {
    const [oldest] = this.#known;
    if (oldest === undefined) return;
    const [name, { entry }] = oldest;
    this.#known.delete(name);
    const key = documentKeyOf(entry);
    if (key === undefined) return;
    const rest = (this.#bySubject.get(key) ?? []).filter((other) => other !== entry);
    if (rest.length === 0) this.#bySubject.delete(key);
    else this.#bySubject.set(key, rest);
  }
}

export function nameOf(bytes: Bytes): string {
  return Buffer.from(bytes).toString("latin1");
}

/** Undefined for ends of a client's sessions, of all, and of keys. */
function documentKeyOf({ subjectKey }: EndEntry): string | undefined {
  const bytes = subjectKey === undefined ? undefined : fromBase64url(subjectKey);
  return bytes === undefined ? undefined : subjectDocumentKey(bytes);
}
