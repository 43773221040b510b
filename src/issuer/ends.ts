/**
 * Ending sessions. Every end is appended to the ends log first, then marked in the subject's document, and
 * acknowledged after both; so an end survives the loss of either, and can be asserted again from the log.
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
  isNotBeforeKept,
  NO_NOT_BEFORE,
  type SubjectDocument,
} from "../domain/subject.ts";
import type { Context } from "./context.ts";
import { writeNotBefore } from "./not-before.ts";
import type { Marker } from "./marker.ts";
import type { Loaded, Subjects } from "./subjects.ts";

const DAY_MILLIS = 86_400_000;
const PAGE = 500;

type Append = (entry: EndEntry) => Promise<void>;

export class Ends {
  readonly #context: Context;
  readonly #subjects: Subjects;
  readonly #marker: Marker;

  constructor(context: Context, subjects: Subjects, marker: Marker) {
    this.#marker = marker;
    this.#context = context;
    this.#subjects = subjects;
  }

  /** An end of now, remembered until the last access token of such a session has expired. */
  endOf(clientId: string | undefined, reason: EndReason): End {
    const at = this.#context.clock();
    const { policy } = this.#context;
    return { at, until: at + longestAccessTokenLifetime(policy, clientId) + policy.clockSkewMillis, reason };
  }

  /**
   * Ends these sessions of a subject. A session that is marked already is written again, since whoever repeats an end
   * may never have seen it confirmed. False: the swap was lost.
   */
  async endIn(
    loaded: Loaded,
    document: SubjectDocument,
    subjectKey: Bytes,
    sids: readonly string[],
    end: End,
    append: Append = this.#append,
  ): Promise<boolean> {
    await append({ ...end, subjectKey: base64url(subjectKey), sids });
    const won = await this.#subjects.swap(loaded, endSessions(document, sids, end), true);
    if (won) this.#context.emit({ event: "sessions_ended", reason: end.reason, sub: document.sub, sids });
    return won;
  }

  /** Ends the sessions that `meant` names of the subject's document. Those it named in the end. */
  endSome(subjectKey: Bytes, meant: (document: SubjectDocument) => readonly string[], end: End): Promise<readonly string[]> {
    const append = this.#appendOnce();
    return this.#inNextTurn(subjectKey, async (loaded) => {
      const { document } = loaded;
      const sids = document === undefined ? [] : meant(document);
      if (document === undefined || sids.length === 0) return [];
      return (await this.endIn(loaded, document, subjectKey, sids, end, append)) ? sids : undefined;
    });
  }

  /** Ends one session; nothing where the subject never had it. */
  async endSession(subjectKey: Bytes, sid: string, end: End): Promise<true> {
    const isKnown = ({ sessions, marks }: SubjectDocument): boolean => [...sessions, ...marks].some((known) => known.sid === sid);
    const ended = await this.endSome(subjectKey, (document) => (isKnown(document) ? [sid] : []), end);
    if (ended.length === 0) await this.#marker.trustAbsence();
    return true;
  }

  /** Ends all sessions of a subject, those whose login is still on its way too. The number ended. */
  endAll(subjectKey: Bytes, sub: string, end: End): Promise<number> {
    const append = this.#appendOnce();
    return this.#inNextTurn(subjectKey, async (loaded) => {
      const document = loaded.document ?? emptySubject(sub);
      const sids = document.sessions.map((session) => session.sid);
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

  /**
   * Marks again what the log says is over: a store that went back may have lost the mark and kept the log. What can't
   * be read is told and passed over. The revoked keys that the log names, for the ring.
   */
  async assertAgain(): Promise<readonly string[]> {
    const kids: string[] = [];
    let after: string | undefined;
    for (;;) {
      const page = await this.#context.store.read(ENDS_LOG, after, PAGE);
      for (const { entry } of page) kids.push(...(await this.#assertReadable(entry)));
      after = page.at(-1)?.position;
      if (page.length < PAGE) return kids;
    }
  }

  async #assertReadable(bytes: Bytes): Promise<readonly string[]> {
    try {
      const entry = endEntryDocument.decode(bytes);
      await this.#assertEntry(entry);
      return entry.kid === undefined ? [] : [entry.kid];
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      this.#context.emit({ event: "trouble", about: "ends log", message: error.message });
      return [];
    }
  }

  async #assertEntry(entry: EndEntry): Promise<void> {
    const { reason, sids, sub, at, until, notBefore } = entry;
    if (notBefore !== undefined && entry.subjectKey === undefined) return this.#assertNotBefore(notBefore, entry.clientId);
    const subjectKey = entry.subjectKey === undefined ? undefined : fromBase64url(entry.subjectKey);
    if (subjectKey === undefined || sids === undefined || reason === "key_revoked") return;
    await this.#subjects.settle(subjectKey, async (loaded) => {
      const document = loaded.document ?? (sub === undefined ? undefined : emptySubject(sub));
      if (document === undefined) return true;
      const revived = document.sessions.filter(
        (session) => sids.includes(session.sid) || (notBefore !== undefined && session.createdAt <= notBefore),
      );
      // Logins to come must know of it too, or this entry would end them when it is read next.
      const isForgotten = notBefore !== undefined && document.notBefore < notBefore && isNotBeforeKept(notBefore, this.#context.clock());
      if (revived.length === 0 && !isForgotten) return true;
      const ended = endSessions(
        document,
        revived.map((session) => session.sid),
        { at, until, reason },
      );
      const next = notBefore === undefined ? ended : { ...ended, notBefore: Math.max(ended.notBefore, notBefore) };
      return (await this.#subjects.swap(loaded, next, true)) || undefined;
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
    await this.#context.store.append(ENDS_LOG, endEntryDocument.encode(entry), keptUntil);
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
