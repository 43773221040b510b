/**
 * Ending sessions. Every end is appended to the ends log first, then marked in the subject's document, and
 * acknowledged after both; so an end survives the loss of either. What is in the log is carried out, whoever comes between.
 */

import { base64url, FormatError, fromBase64url } from "../domain/bytes.ts";
import { ENDS_LOG, endEntryDocument, type EndEntry, KEYS, notBeforeDocument } from "../domain/documents.ts";
import { longestAccessTokenLifetime } from "../domain/grants.ts";
import type { Bytes } from "../domain/ports.ts";
import {
  type End,
  emptySubject,
  endAllSessions,
  type EndReason,
  endSessions,
  NO_NOT_BEFORE,
  type SubjectDocument,
} from "../domain/subject.ts";
import type { Context } from "./context.ts";
import { writeNotBefore } from "./not-before.ts";
import type { Marker } from "./marker.ts";
import { nameOf, type RecentEnds } from "./recent-ends.ts";
import type { Loaded, Subjects } from "./subjects.ts";

const DAY_MILLIS = 86_400_000;
/** Entries of the log read at once, and documents written at once. */
const PAGE = 500;
const LANES = 16;
const KEPT_UNKNOWN = 20_000;
/** A failover loses the last moments: ends made since are looked for first, in the part of the log that is older than any of them. */
const LOST_MILLIS = 45_000;
const READ_BACK_MILLIS = 60_000;

type Append = (entry: EndEntry) => Promise<void>;

/** How far the log had been read at a moment. */
interface Milestone {
  readonly at: number;
  readonly position: string | undefined;
}

interface ReadEntry {
  readonly entry: EndEntry;
  readonly bytes: Bytes;
}

export class Ends {
  readonly #context: Context;
  readonly #subjects: Subjects;
  readonly #marker: Marker;
  readonly #recent: RecentEnds;
  /** Sessions that were not there, whose end this process has appended. */
  readonly #unknown = new Set<string>();
  /** Of the last entry followed; undefined: none. */
  #position: string | undefined;
  /** The log was read whole once: what comes after is little. */
  #isFollowing = false;
  /** Of the last minute, and the one before it; the oldest first. */
  #milestones: readonly Milestone[] = [];

  constructor(context: Context, subjects: Subjects, marker: Marker, recent: RecentEnds) {
    this.#marker = marker;
    this.#context = context;
    this.#subjects = subjects;
    this.#recent = recent;
  }

  /** An end of now, remembered until the last access token of such a session has expired. */
  endOf(clientId: string | undefined, reason: EndReason): End {
    const at = this.#context.clock();
    const { policy } = this.#context;
    return { at, until: at + longestAccessTokenLifetime(policy, clientId) + policy.clockSkewMillis, reason };
  }

  /** Ends these sessions of a subject, for whoever has its turn and has loaded it. */
  async endThese(loaded: Loaded, subjectKey: Bytes, sids: readonly string[], end: End): Promise<void> {
    const append = this.#appendOnce();
    const endIn = (now: Loaded): Promise<boolean> => this.#endIn(now, subjectKey, sids, end, append);
    if (await endIn(loaded)) return;
    await this.#subjects.settle(subjectKey, async (newer) => (await endIn(newer)) || undefined);
  }

  /**
   * One try; false: the swap was lost. A session that is marked already is written again, since whoever repeats an end may
   * never have seen it confirmed.
   */
  async #endIn(loaded: Loaded, subjectKey: Bytes, sids: readonly string[], end: End, append: Append): Promise<boolean> {
    const { document } = loaded;
    if (document === undefined) return true;
    await append({ ...end, subjectKey: base64url(subjectKey), sids });
    const won = await this.#subjects.swap(loaded, endSessions(document, sids, end), true);
    if (won) this.#context.emit({ event: "sessions_ended", reason: end.reason, sub: document.sub, sids });
    return won;
  }

  /** Ends the sessions that `meant` names of the subject's document. Those it named in the end. */
  endSome(subjectKey: Bytes, meant: (document: SubjectDocument) => readonly string[], end: End): Promise<readonly string[]> {
    const append = this.#appendOnce();
    let sids: readonly string[] = [];
    return this.#inNextTurn(subjectKey, async (loaded) => {
      // What was named once is in the log, and gone from what is loaded after a lost swap.
      if (loaded.document !== undefined) sids = [...new Set([...sids, ...meant(loaded.document)])];
      if (sids.length === 0) return sids;
      return (await this.#endIn(loaded, subjectKey, sids, end, append)) ? sids : undefined;
    });
  }

  /** Ends one session, known or not. */
  async endSession(subjectKey: Bytes, sid: string, end: End): Promise<true> {
    const isKnown = ({ sessions, marks }: SubjectDocument): boolean => [...sessions, ...marks].some((known) => known.sid === sid);
    const ended = await this.endSome(subjectKey, (document) => (isKnown(document) ? [sid] : []), end);
    if (ended.length === 0) await this.#endUnknown(subjectKey, sid, end);
    return true;
  }

  /** A session that is not there may have begun on a primary that can't be seen from here: its end is noted all the same, once. */
  async #endUnknown(subjectKey: Bytes, sid: string, end: End): Promise<void> {
    await this.#marker.trustAbsence();
    if (this.#unknown.has(sid)) return;
    await this.#append({ ...end, subjectKey: base64url(subjectKey), sids: [sid] });
    this.#unknown.add(sid);
    const [oldest = sid] = this.#unknown;
    if (this.#unknown.size > KEPT_UNKNOWN) this.#unknown.delete(oldest);
  }

  /** Ends all sessions of a subject, those whose login is still on its way too. The number ended. */
  endAll(subjectKey: Bytes, sub: string, end: End): Promise<number> {
    const append = this.#appendOnce();
    const ended = new Set<string>();
    return this.#inNextTurn(subjectKey, async (loaded) => {
      const document = loaded.document ?? emptySubject(sub);
      for (const { sid } of document.sessions) ended.add(sid);
      const sids = [...ended];
      const next = endAllSessions(document, end);
      await append({ ...end, subjectKey: base64url(subjectKey), sub, sids, notBefore: next.notBefore });
      if (!(await this.#subjects.swap(loaded, next, true))) return undefined;
      this.#context.emit({ event: "sessions_ended", reason: end.reason, sub, sids });
      return sids.length;
    });
  }

  /** Notes that sessions of a client, or all, that began at or before `notBefore` are over. */
  appendNotBefore(notBefore: number, clientId: string | undefined, end: End): Promise<void> {
    return this.#append({ ...end, notBefore, ...(clientId === undefined ? {} : { clientId }) });
  }

  appendKey(kid: string, at: number): Promise<void> {
    return this.#append({ at, until: at + DAY_MILLIS, reason: "key_revoked", kid });
  }

  /** Reads what others have put into the log since: every node knows what is over, should the store forget it. */
  async follow(): Promise<void> {
    if (!this.#isFollowing) return;
    this.#position = await this.#readFrom(this.#position, (entries) => this.#noteAll(entries));
    this.#milestones = withMilestone(this.#milestones, { at: this.#context.clock(), position: this.#position });
  }

  /**
   * Reads the whole log, puts back into it what this process knows and it has lost, and marks again all that is over: a store
   * that went back may have lost either. What can't be read is told and passed over. The revoked keys that it names, for the ring.
   */
  async assertAgain(): Promise<readonly string[]> {
    // What the log has lost comes first: only the processes that remember it know it now. And of that the newest, which need little reading.
    const now = this.#context.clock();
    const known = this.#milestones.find(({ at }) => at <= now - READ_BACK_MILLIS);
    if (known !== undefined) await this.#restore(this.#recent.since(now - LOST_MILLIS), known.position);
    this.#position = await this.#restore(this.#recent.since(Number.NEGATIVE_INFINITY), undefined);
    this.#isFollowing = true;

    const kids: string[] = [];
    await this.#readFrom(undefined, async (entries) => {
      kids.push(...entries.flatMap(({ entry }) => entry.kid ?? []));
      await this.#assertAll(entries.map(({ entry }) => entry));
    });
    return kids;
  }

  /** Puts back those that are not in the log after this position; the position of the last that was there. */
  async #restore(known: Map<string, EndEntry>, after: string | undefined): Promise<string | undefined> {
    const position = await this.#readFrom(after, (entries) => {
      for (const { bytes } of entries) known.delete(nameOf(bytes));
      this.#noteAll(entries);
    });
    const missing = [...known.values()];
    await inLanes(missing, (entry) => this.#append(entry));
    await this.#assertAll(missing);
    if (missing.length > 0) this.#context.emit({ event: "ends_restored", count: missing.length });
    return position;
  }

  /** Every entry after this position, in pages; the position of the last. */
  async #readFrom(start: string | undefined, take: (entries: readonly ReadEntry[]) => void | Promise<void>): Promise<string | undefined> {
    for (let after = start; ; ) {
      const page = await this.#context.store.read(ENDS_LOG, after, PAGE);
      await take(page.flatMap(({ entry }) => this.#readable(entry)));
      after = page.at(-1)?.position ?? after;
      if (page.length < PAGE) return after;
    }
  }

  #noteAll(entries: readonly ReadEntry[]): void {
    for (const { entry, bytes } of entries) this.#recent.note(entry, bytes);
  }

  #readable(bytes: Bytes): readonly ReadEntry[] {
    try {
      return [{ entry: endEntryDocument.decode(bytes), bytes }];
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.#context.emit({ event: "trouble", about: "ends log", message: error.message });
      return [];
    }
  }

  /** Subjects side by side; nothing is written where the store has it all. */
  async #assertAll(entries: readonly EndEntry[]): Promise<void> {
    for (const entry of entries) {
      const { notBefore, clientId } = entry;
      if (notBefore !== undefined && entry.subjectKey === undefined) await this.#assertNotBefore(notBefore, clientId);
    }
    const subjects = new Set(entries.flatMap(({ subjectKey }) => subjectKey ?? []));
    await inLanes(
      [...subjects].flatMap((subjectKey) => fromBase64url(subjectKey) ?? []),
      (subjectKey) => this.#assertSubject(subjectKey),
    );
  }

  async #assertSubject(subjectKey: Bytes): Promise<void> {
    await this.#subjects.settle(subjectKey, async (loaded) => {
      if (!loaded.isBehind || loaded.document === undefined) return true;
      return (await this.#subjects.swap(loaded, loaded.document, true)) || undefined;
    });
  }

  async #assertNotBefore(notBefore: number, clientId: string | undefined): Promise<void> {
    const bytes = await this.#context.store.get(KEYS.policy);
    const known = bytes === undefined ? NO_NOT_BEFORE : notBeforeDocument.decode(bytes);
    const at = clientId === undefined ? known.all : new Map(Object.entries(known.clients)).get(clientId);
    if ((at ?? 0) < notBefore) await writeNotBefore(this.#context, notBefore, clientId);
  }

  /** Whoever refreshes without a pause must not hold off the end of his session. */
  #inNextTurn<T>(subjectKey: Bytes, attempt: (loaded: Loaded) => Promise<T | undefined>): Promise<T> {
    return this.#subjects.settleInTurn(subjectKey, attempt, true);
  }

  readonly #append: Append = async (entry) => {
    const keptUntil = Math.max(entry.until, entry.notBefore === undefined ? 0 : entry.at) + DAY_MILLIS;
    const bytes = endEntryDocument.encode(entry);
    await this.#context.store.append(ENDS_LOG, bytes, keptUntil);
    this.#recent.note(entry, bytes);
  };

  /** For an end that is tried again after a lost swap: what is in the log already says the same. */
  #appendOnce(): Append {
    let last = "";
    return async (entry) => {
      const text = JSON.stringify(entry);
      if (text !== last) await this.#append(entry);
      last = text;
    };
  }
}

/** Some at a time, in the order given. */
async function inLanes<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values();
  const lane = async (): Promise<void> => {
    for (const item of waiting) await work(item);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

/** One that is older than any end that is looked for stays in front. */
function withMilestone(milestones: readonly Milestone[], next: Milestone): readonly Milestone[] {
  const all = [...milestones, next];
  const first = all.findLastIndex(({ at }) => at <= next.at - READ_BACK_MILLIS);
  return all.slice(Math.max(0, first));
}
