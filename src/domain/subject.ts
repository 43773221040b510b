/** All sessions of one subject: one document, and plain functions of it. */

import { type Session, sessionEndsAt } from "./session.ts";

/** Why a session ended. The order is part of the stored format: only append. */
export const END_REASONS = [
  "logout",
  "revoked",
  "replayed",
  "ended_by_subject",
  "password_changed",
  "account_disabled",
  "account_removed",
  "replaced",
  "too_many",
  "operator",
] as const;
export type EndReason = (typeof END_REASONS)[number];

/** Says that a session is over until its last access token has expired; after that absence says the same. */
export interface EndMark {
  readonly sid: string;
  readonly until: number;
  readonly reason: EndReason;
}

export interface SubjectDocument {
  readonly sub: string;
  /** Sessions created at or before this are over; 0 where nothing was ended this way. */
  readonly notBefore: number;
  readonly sessions: readonly Session[];
  readonly marks: readonly EndMark[];
}

/** What is over by the policy document, for everyone and per client. */
export interface NotBefore {
  readonly all: number;
  readonly clients: Readonly<Record<string, number>>;
}

export const NO_NOT_BEFORE: NotBefore = { all: 0, clients: {} };

/** What either says is over: a not-before never moves back. */
export function laterNotBefore(a: NotBefore, b: NotBefore): NotBefore {
  const clients = new Map(Object.entries(a.clients));
  for (const [clientId, at] of Object.entries(b.clients)) clients.set(clientId, Math.max(clients.get(clientId) ?? 0, at));
  return { all: Math.max(a.all, b.all), clients: Object.fromEntries(clients) };
}

export interface End {
  readonly at: number;
  /** When the session's last access token has expired at the latest. */
  readonly until: number;
  readonly reason: EndReason;
}

const MAX_MARKS = 100;
const DAY_MILLIS = 86_400_000;

export function emptySubject(sub: string): SubjectDocument {
  return { sub, notBefore: 0, sessions: [], marks: [] };
}

/** The session if it lives; whether its lifetimes are over is for `present` to say. */
export function livingSession(document: SubjectDocument | undefined, sid: string, notBefore: NotBefore): Session | undefined {
  if (document === undefined || document.marks.some((mark) => mark.sid === sid)) return undefined;
  const session = document.sessions.find((candidate) => candidate.sid === sid);
  if (session === undefined || session.createdAt <= earliestLogin(document, session.clientId, notBefore)) return undefined;
  return session;
}

/** Sessions created at or before this time are over. */
export function earliestLogin(document: SubjectDocument, clientId: string, notBefore: NotBefore): number {
  const forClient = Object.hasOwn(notBefore.clients, clientId) ? (notBefore.clients[clientId] ?? 0) : 0;
  return Math.max(document.notBefore, notBefore.all, forClient);
}

/** When a login of now may say it happened, so that an end a moment ago by a faster clock does not cover it. */
export function loginTime(document: SubjectDocument, clientId: string, notBefore: NotBefore, now: number): number {
  return Math.max(now, earliestLogin(document, clientId, notBefore) + 1);
}

/** The sessions that must give way so that one more of this client fits: those idle longest. */
export function supernumerary(document: SubjectDocument, clientId: string, limit: number): readonly Session[] {
  const ofClient = document.sessions.filter((session) => session.clientId === clientId);
  return ofClient.toSorted((a, b) => a.generationAt - b.generationAt).slice(0, Math.max(0, ofClient.length + 1 - limit));
}

export function addSession(document: SubjectDocument, session: Session): SubjectDocument {
  return { ...document, sessions: [...document.sessions, session] };
}

export function replaceSession(document: SubjectDocument, session: Session): SubjectDocument {
  return { ...document, sessions: document.sessions.map((other) => (other.sid === session.sid ? session : other)) };
}

/** Monotonic: a session that is marked stays marked, the later `until` wins. */
export function endSessions(document: SubjectDocument, sids: readonly string[], end: End): SubjectDocument {
  const ended = new Set(sids);
  const marks = document.marks.map((mark) => (ended.delete(mark.sid) ? { ...mark, until: Math.max(mark.until, end.until) } : mark));
  const added = [...ended].map((sid) => ({ sid, until: end.until, reason: end.reason }));
  const all = [...marks, ...added];
  return {
    ...document,
    sessions: document.sessions.filter((session) => !sids.includes(session.sid)),
    // The session itself is gone as well, so a mark that has to give way revives nothing.
    marks: all.length <= MAX_MARKS ? all : all.toSorted((a, b) => a.until - b.until).slice(-MAX_MARKS),
  };
}

/**
 * Ends every session and, by the time, those whose login is still on its way. The time always moves, so that a login
 * which has read the document before loses its swap.
 */
export function endAllSessions(document: SubjectDocument, end: End): SubjectDocument {
  const ended = endSessions(
    document,
    document.sessions.map((session) => session.sid),
    end,
  );
  return { ...ended, notBefore: Math.max(document.notBefore + 1, end.at) };
}

/** For how long a subject's not-before is kept: far longer than clocks differ and logins are on their way. */
export function isNotBeforeKept(notBefore: number, now: number): boolean {
  return notBefore + DAY_MILLIS > now;
}

/** Without what is over for good. `idleLifetimeOf` gives milliseconds, or undefined for a client that no longer exists. */
export function pruned(document: SubjectDocument, now: number, idleLifetimeOf: (clientId: string) => number | undefined): SubjectDocument {
  return {
    ...document,
    notBefore: isNotBeforeKept(document.notBefore, now) ? document.notBefore : 0,
    // What `notBefore` covers goes with it, or it would live again when that is forgotten.
    sessions: document.sessions.filter(
      (session) => session.createdAt > document.notBefore && now < sessionEndsAt(session, idleLifetimeOf(session.clientId) ?? Infinity),
    ),
    marks: document.marks.filter((mark) => mark.until > now),
  };
}

/** When nothing in the document matters any more, with a day to spare for clocks; undefined where that is so now. */
export function subjectExpiresAt(document: SubjectDocument, idleLifetimeOf: (clientId: string) => number | undefined): number | undefined {
  const ends = [
    ...document.sessions.map((session) => sessionEndsAt(session, idleLifetimeOf(session.clientId) ?? Infinity)),
    ...document.marks.map((mark) => mark.until),
    ...(document.notBefore > 0 ? [document.notBefore + DAY_MILLIS] : []),
  ];
  return ends.length === 0 ? undefined : Math.max(...ends) + DAY_MILLIS;
}
