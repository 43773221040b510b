/** What is known to be over, whatever a stored document says: a store that went back has forgotten ends that were acknowledged. */

import type { EndEntry } from "./documents.ts";
import { type End, emptySubject, endSessions, isNotBeforeKept, type SubjectDocument } from "./subject.ts";

/** The same object where the document says it all already. Ends of other subjects, of clients and of keys must not be among them. */
export function withKnownEnds(document: SubjectDocument | undefined, ends: readonly EndEntry[], now: number): SubjectDocument | undefined {
  return ends.reduce<SubjectDocument | undefined>((known, entry) => withEnd(known, entry, now), document);
}

function withEnd(known: SubjectDocument | undefined, entry: EndEntry, now: number): SubjectDocument | undefined {
  const { reason, sids = [], sub, at, until, notBefore } = entry;
  const document = known ?? (sub === undefined ? undefined : emptySubject(sub));
  if (document === undefined || reason === "key_revoked") return known;
  const revived = document.sessions.filter(
    (session) => sids.includes(session.sid) || (notBefore !== undefined && session.createdAt <= notBefore),
  );
  // Logins to come must know of it too, or this end would take them when it is looked at next.
  const isForgotten = notBefore !== undefined && document.notBefore < notBefore && isNotBeforeKept(notBefore, now);
  if (revived.length === 0 && !isForgotten) return known;
  const end: End = { at, until, reason };
  const ended = endSessions(
    document,
    revived.map(({ sid }) => sid),
    end,
  );
  return notBefore === undefined ? ended : { ...ended, notBefore: Math.max(ended.notBefore, notBefore) };
}
