/** The ends that this process has seen in the log or put there: what a store that goes back loses is still known here. */

import { fromBase64url } from "../domain/bytes.ts";
import type { EndEntry } from "../domain/documents.ts";
import type { Bytes } from "../domain/ports.ts";
import { subjectDocumentKey } from "./subject-key.ts";

/** At least so many of the newest, at most twice as many: a failover loses seconds. */
const KEPT_ENDS = 20_000;
const KEPT_ENDS_PER_SUBJECT = 100;

export class RecentEnds {
  /** By a name made of their bytes, which are not kept: they may be a piece of all that came over a connection at once. */
  readonly #known = new Map<string, EndEntry>();
  /** Those of one subject, by the key of its document. */
  readonly #bySubject = new Map<string, EndEntry[]>();
  #keptSince = Number.NEGATIVE_INFINITY;

  /** What was made before the oldest that is kept is not noted: whoever reads a long log from its start must not push out the newest. */
  note(entry: EndEntry, bytes: Bytes): void {
    const name = nameOf(bytes);
    if (entry.at < this.#keptSince || this.#known.has(name)) return;
    this.#remember(name, entry);
    if (this.#known.size >= 2 * KEPT_ENDS) this.#forgetOldest();
  }

  /** The ends of the subject whose document has this key. */
  of(documentKey: string): readonly EndEntry[] | undefined {
    return this.#bySubject.get(documentKey);
  }

  /** Those that were made at or after a moment, by a name made of their bytes. */
  since(at: number): Map<string, EndEntry> {
    return new Map([...this.#known].filter(([, entry]) => entry.at >= at));
  }

  #remember(name: string, entry: EndEntry): void {
    this.#known.set(name, entry);
    const key = documentKeyOf(entry);
    if (key !== undefined) this.#bySubject.set(key, [...(this.#bySubject.get(key) ?? []), entry].slice(-KEPT_ENDS_PER_SUBJECT));
  }

  #forgetOldest(): void {
    const kept = [...this.#known].toSorted(([, one], [, other]) => one.at - other.at).slice(-KEPT_ENDS);
    this.#keptSince = kept[0]?.[1].at ?? this.#keptSince;
    this.#known.clear();
    this.#bySubject.clear();
    for (const [name, entry] of kept) this.#remember(name, entry);
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
