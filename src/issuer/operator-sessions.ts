/** Ending sessions by the operator: of a subject, of a client, or all. */

import { fromBase64url } from "../domain/bytes.ts";
import { KEYS } from "../domain/documents.ts";
import { subjectKeyOf } from "../domain/refresh-token.ts";
import { RING_LAG_MILLIS } from "../domain/ring.ts";
import type { Session } from "../domain/session.ts";
import type { SubjectDocument } from "../domain/subject.ts";
import { decodeSubject } from "../domain/subject-codec.ts";
import { writeNotBefore } from "./not-before.ts";
import type { SessionParts } from "./parts.ts";
import { storeAgreed } from "./guards.ts";
import { listSessions } from "./sessions.ts";
import type { Operator, SessionSelection } from "./types.ts";

export function sessionCommands(parts: SessionParts): Pick<Operator, "listSessions" | "endSessions"> {
  return {
    async listSessions(sub) {
      await parts.keyRing.reload();
      return listSessions(parts, sub);
    },
    endSessions: async (selection, issuedBefore, progress) => {
      await storeAgreed(parts.keyRing);
      if (selection.of === "subject") return endOfSubject(parts, selection, issuedBefore, progress);
      return endOfMany(parts, selection.of === "client" ? selection.clientId : undefined, issuedBefore, progress);
    },
  };
}

type Subject = SessionSelection & { readonly of: "subject" };

async function endOfSubject(
  parts: SessionParts,
  { sub, sid }: Subject,
  issuedBefore: number | undefined,
  progress: (ended: number) => void,
): Promise<number> {
  const { context, ends } = parts;
  const subjectKey = subjectKeyOf(context.policy.issuer, sub, context.digests);
  const isMeant = (session: Session): boolean =>
    (sid === undefined || session.sid === sid) && session.createdAt < (issuedBefore ?? Infinity);
  const ended =
    sid === undefined && issuedBefore === undefined
      ? await ends.endAll(subjectKey, sub, ends.endOf(undefined, "operator"))
      : await endWhere(parts, subjectKey, isMeant, sid);
  progress(ended);
  return ended;
}

/** Ends the sessions that fit; one that was marked before is written again. The number of those that lived. */
async function endWhere(
  { ends }: SessionParts,
  subjectKey: Uint8Array,
  isMeant: (session: Session) => boolean,
  sid?: string,
): Promise<number> {
  let living = 0;
  const meant = ({ sessions, marks }: SubjectDocument): string[] => {
    const sids = sessions.filter(isMeant).map((session) => session.sid);
    living = sids.length;
    return [...sids, ...marks.filter((mark) => mark.sid === sid).map((mark) => mark.sid)];
  };
  await ends.endSome(subjectKey, meant, ends.endOf(undefined, "operator"));
  return living;
}

/**
 * First a not-before that every node follows, so that nothing of what is meant gives a token any more; then the
 * documents, one by one.
 */
async function endOfMany(
  parts: SessionParts,
  clientId: string | undefined,
  issuedBefore: number | undefined,
  progress: (ended: number) => void,
): Promise<number> {
  const { context, ends } = parts;
  // What began until now may by the clock of a node that is ahead be still to come; later logins begin after it.
  const begunByNow = Math.max(context.clock(), await context.store.now()) + context.policy.clockSkewMillis;
  const notBefore = issuedBefore === undefined ? begunByNow : issuedBefore - 1;
  await ends.appendNotBefore(notBefore, clientId, ends.endOf(clientId, "operator"));
  await writeNotBefore(context, notBefore, clientId);
  context.emit({ event: "not_before", at: notBefore, ...(clientId === undefined ? {} : { clientId }) });
  // A node whose view is older than this answers no grants: after it no node can have the old one.
  const inForce = context.sleep(RING_LAG_MILLIS);
  const isMeant = (session: Session): boolean =>
    session.createdAt <= notBefore && (clientId === undefined || session.clientId === clientId);
  let total = 0;
  for await (const page of context.store.scan(KEYS.subjectPrefix)) {
    for (const [key, bytes] of page) {
      const subjectKey = fromBase64url(key.slice(KEYS.subjectPrefix.length));
      if (subjectKey === undefined || !decodeSubject(bytes).sessions.some(isMeant)) continue;
      total += await endWhere(parts, subjectKey, isMeant);
      progress(total);
    }
  }
  await inForce;
  return total;
}
