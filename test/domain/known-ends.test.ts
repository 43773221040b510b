import t from "tap";
import type { EndEntry } from "../../src/domain/documents.ts";
import { withKnownEnds } from "../../src/domain/known-ends.ts";
import type { Session } from "../../src/domain/session.ts";
import { addSession, emptySubject } from "../../src/domain/subject.ts";

const NOW = 1_800_000_000_000;
const DAY = 86_400_000;

function session(sid: string, createdAt: number): Session {
  const rest = { clientId: "app", absoluteEndAt: NOW + DAY, generation: 1, generationAt: createdAt, macVersion: 0, oldestInWindow: 1 };
  return { sid, createdAt, ...rest, checkpoints: [], userAgent: "", resources: [] };
}

const document = addSession(addSession(emptySubject("alice"), session("one", NOW - 1_000)), session("two", NOW));
const end = (members: Partial<EndEntry>): EndEntry => ({ at: NOW, until: NOW + 600_000, reason: "revoked", subjectKey: "x", ...members });

t.test("what the document says already changes nothing, not even the object", async (t) => {
  t.equal(withKnownEnds(document, [], NOW), document);
  t.equal(withKnownEnds(document, [end({ sids: ["three"] })], NOW), document);
  const over = withKnownEnds(document, [end({ sids: ["one"] })], NOW);
  t.equal(withKnownEnds(over, [end({ sids: ["one"] })], NOW), over);
  t.equal(withKnownEnds(undefined, [end({ sids: ["one"] })], NOW), undefined);
  t.equal(withKnownEnds(document, [end({ sids: ["one"], reason: "key_revoked", kid: "k" })], NOW), document);
});

t.test("a session that is named is over and marked, others are as they were", async (t) => {
  const known = withKnownEnds(document, [end({ sids: ["one"] })], NOW);
  t.same(
    known?.sessions.map(({ sid }) => sid),
    ["two"],
  );
  t.same(known?.marks, [{ sid: "one", until: NOW + 600_000, reason: "revoked" }]);
});

t.test("a not-before ends what began until then, raises the document's and begins one where there is none", async (t) => {
  const all = end({ sids: [], sub: "alice", notBefore: NOW - 500, reason: "password_changed" });
  const known = withKnownEnds(document, [all], NOW);
  t.same(
    known?.sessions.map(({ sid }) => sid),
    ["two"],
  );
  t.equal(known?.notBefore, NOW - 500);
  t.match(withKnownEnds(undefined, [all], NOW), { sub: "alice", notBefore: NOW - 500, sessions: [] });
  t.equal(withKnownEnds({ ...document, notBefore: NOW }, [{ ...all, notBefore: NOW }], NOW)?.notBefore, NOW, "never back");
  t.equal(withKnownEnds(undefined, [all], NOW + 2 * DAY), undefined, "after a day nobody needs to know");
});
