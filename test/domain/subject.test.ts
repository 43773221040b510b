import t from "tap";
import fc, { runs } from "../support/fast-check.ts";
import { type Session, sessionEndsAt } from "../../src/domain/session.ts";
import {
  addSession,
  emptySubject,
  type End,
  endAllSessions,
  endSessions,
  livingSession,
  loginTime,
  NO_NOT_BEFORE,
  pruned,
  replaceSession,
  type SubjectDocument,
  subjectExpiresAt,
  supernumerary,
} from "../../src/domain/subject.ts";

const DAY = 86_400_000;
const START = 1_790_000_000_000;
const IDLE = 30 * DAY;
const idleOf = (clientId: string): number | undefined => (clientId === "gone" ? undefined : IDLE);

function session(index: number, changes: Partial<Session> = {}): Session {
  const createdAt = changes.createdAt ?? START;
  return {
    sid: sid(index),
    clientId: "app",
    createdAt,
    absoluteEndAt: createdAt + 180 * DAY,
    generation: 1,
    generationAt: createdAt,
    macVersion: 0,
    oldestInWindow: 1,
    checkpoints: [],
    userAgent: "",
    resources: [],
    ...changes,
  };
}

function sid(index: number): string {
  return Buffer.alloc(16, index).toString("base64url");
}

function withSessions(...sessions: readonly Session[]): SubjectDocument {
  return sessions.reduce(addSession, emptySubject("someone"));
}

const END: End = { at: START + DAY, until: START + DAY + 600_000, reason: "logout" };
const living = (document: SubjectDocument, index: number): boolean => livingSession(document, sid(index), NO_NOT_BEFORE) !== undefined;

t.test("a session lives once it was added, and no other does", async (t) => {
  const document = withSessions(session(1));
  t.equal(livingSession(document, sid(1), NO_NOT_BEFORE), document.sessions[0]);
  t.equal(livingSession(document, sid(2), NO_NOT_BEFORE), undefined);
  t.equal(livingSession(undefined, sid(1), NO_NOT_BEFORE), undefined);
});

t.test("an end removes the session, marks it, and leaves the others", async (t) => {
  const ended = endSessions(withSessions(session(1), session(2)), [sid(1)], END);
  t.same(ended.sessions, [session(2)]);
  t.same(ended.marks, [{ sid: sid(1), until: END.until, reason: "logout" }]);
  t.notOk(living(ended, 1));
  t.ok(living(ended, 2));
});

t.test("a mark beats a session that came back beside it, as after a merge of old and new", async (t) => {
  const ended = endSessions(withSessions(session(1)), [sid(1)], END);
  t.notOk(living(addSession(ended, session(1)), 1));
});

t.test("a repeated end keeps the first reason and the later until", async (t) => {
  const once = endSessions(withSessions(session(1)), [sid(1)], END);
  const later = endSessions(once, [sid(1), sid(1)], { at: END.at + 5, until: END.until + 5, reason: "operator" });
  t.same(later.marks, [{ sid: sid(1), until: END.until + 5, reason: "logout" }]);
  t.same(endSessions(later, [sid(1)], END).marks, later.marks, "an earlier one changes nothing");
});

t.test("a session that this document never had can be marked as well", async (t) => {
  t.same(endSessions(emptySubject("someone"), [sid(3)], END).marks, [{ sid: sid(3), until: END.until, reason: "logout" }]);
});

t.test("a late answer to a presentation revives nothing", async (t) => {
  const ended = endSessions(withSessions(session(1), session(2)), [sid(1)], END);
  t.same(replaceSession(ended, session(1, { generation: 2 })), ended);
  t.equal(replaceSession(ended, session(2, { generation: 2 })).sessions[0]?.generation, 2);
});

t.test("at most 100 marks are kept, those that are needed longest; without a mark the session is no less over", async (t) => {
  const count = 150;
  let document = withSessions(...Array.from({ length: count }, (_, index) => session(index)));
  for (let index = 0; index < count; index++) document = endSessions(document, [sid(index)], { ...END, until: END.until + index });
  t.equal(document.marks.length, 100);
  t.same(
    document.marks.map((mark) => mark.until - END.until).toSorted((a, b) => a - b),
    Array.from({ length: 100 }, (_, index) => index + 50),
  );
  for (let index = 0; index < count; index++) if (living(document, index)) t.fail(`session ${index}`);
});

t.test("ending all ends those in the document and, by the time, logins still on their way", async (t) => {
  const ended = endAllSessions(withSessions(session(1), session(2)), END);
  t.equal(ended.notBefore, END.at);
  t.same(ended.sessions, []);
  t.notOk(living(addSession(ended, session(3, { createdAt: END.at })), 3));
  t.ok(living(addSession(ended, session(3, { createdAt: END.at + 1 })), 3));
  const again = endAllSessions(ended, { ...END, at: END.at - 5 }).notBefore;
  t.ok(again > END.at, "never earlier, and always another value, so that a login on its way loses its swap");
  t.equal(endAllSessions(emptySubject("nobody"), END).notBefore, END.at, "also where there is nothing to end");
});

t.test("the policy ends sessions of all or of one client, created at or before its time", async (t) => {
  const document = withSessions(session(1, { createdAt: START }), session(2, { createdAt: START, clientId: "web" }));
  const alive = (all: number, clients: Record<string, number>): boolean[] =>
    [1, 2].map((index) => livingSession(document, sid(index), { all, clients }) !== undefined);
  t.same(alive(START - 1, {}), [true, true]);
  t.same(alive(START, {}), [false, false]);
  t.same(alive(0, { web: START }), [true, false]);
  t.same(alive(0, { app: START, web: START - 1 }), [false, true]);
  const named = withSessions(session(1, { clientId: "toString" }));
  t.ok(livingSession(named, sid(1), NO_NOT_BEFORE), "a client named like a member of every object");
  t.equal(loginTime(named, "toString", NO_NOT_BEFORE, START), START);
});

t.test("a login after an end lives, though the clock that ended was ahead", async (t) => {
  const ended = endAllSessions(withSessions(session(1)), END);
  const policies = [NO_NOT_BEFORE, { all: END.at + 7, clients: {} }, { all: 0, clients: { app: END.at + 9 } }];
  for (const notBefore of policies) {
    for (const now of [END.at - 5_000, END.at, END.at + DAY]) {
      const createdAt = loginTime(ended, "app", notBefore, now);
      t.ok(createdAt >= now);
      t.ok(livingSession(addSession(ended, session(2, { createdAt })), sid(2), notBefore));
    }
  }
  t.equal(loginTime(ended, "web", { all: 0, clients: { app: END.at + 9 } }, END.at + 5), END.at + 5, "not moved without need");
});

t.test("those idle longest give way, only of this client, only as many as needed", async (t) => {
  const document = withSessions(
    session(1, { generationAt: START + 3 }),
    session(2, { generationAt: START + 1 }),
    session(3, { generationAt: START, clientId: "web" }),
    session(4, { generationAt: START + 2 }),
  );
  const giveWay = (limit: number): string[] => supernumerary(document, "app", limit).map((one) => one.sid);
  t.same(giveWay(4), []);
  t.same(giveWay(3), [sid(2)]);
  t.same(giveWay(2), [sid(2), sid(4)]);
  t.same(giveWay(1), [sid(2), sid(4), sid(1)]);
  t.same(supernumerary(document, "service", 1), []);
});

t.test("pruning removes what is over and nothing else", async (t) => {
  const now = START + 40 * DAY;
  const document: SubjectDocument = {
    sub: "someone",
    notBefore: now - DAY + 1,
    sessions: [
      session(1, { createdAt: now - DAY + 2 }),
      session(2, { createdAt: now - DAY + 2, generationAt: now - IDLE }),
      session(3, { createdAt: now - DAY + 2, absoluteEndAt: now }),
      session(4, { createdAt: now - DAY + 2, absoluteEndAt: now + 1 }),
      session(5, { createdAt: now - DAY + 2, clientId: "gone", generationAt: now - IDLE }),
      session(6, { createdAt: now - DAY + 1 }),
    ],
    marks: [
      { sid: sid(7), until: now, reason: "logout" },
      { sid: sid(8), until: now + 1, reason: "logout" },
    ],
  };
  const kept = pruned(document, now, idleOf);
  t.same(
    kept.sessions.map((one) => one.sid),
    [sid(1), sid(4), sid(5)],
  );
  t.same(
    kept.marks.map((one) => one.sid),
    [sid(8)],
  );
  t.equal(kept.notBefore, document.notBefore, "kept for a day");
  t.equal(pruned(document, now + 1, idleOf).notBefore, 0);
});

t.test("a document may be forgotten a day after the last that matters in it, at once where nothing does", async (t) => {
  t.equal(subjectExpiresAt(emptySubject("someone"), idleOf), undefined);
  t.equal(subjectExpiresAt(withSessions(session(1), session(2, { createdAt: START + 5 })), idleOf), START + 5 + IDLE + DAY);
  t.equal(subjectExpiresAt(withSessions(session(1, { absoluteEndAt: START + 9 })), idleOf), START + 9 + DAY);
  t.equal(subjectExpiresAt(withSessions(session(1, { clientId: "gone" })), idleOf), START + 180 * DAY + DAY);
  t.equal(subjectExpiresAt(endSessions(emptySubject("someone"), [sid(1)], END), idleOf), END.until + DAY);
  t.equal(subjectExpiresAt(endAllSessions(emptySubject("someone"), END), idleOf), END.at + 2 * DAY);
});

type Action = {
  readonly kind: "log in" | "end" | "end all" | "prune" | "rotate" | "log in late";
  readonly index: number;
  readonly wait: number;
};

const action: fc.Arbitrary<Action> = fc.record({
  kind: fc.constantFrom("log in", "log in late", "end", "end all", "prune", "rotate"),
  index: fc.nat(30),
  wait: fc.oneof(fc.integer({ min: 0, max: 1_000 }), fc.integer({ min: 0, max: DAY }), fc.integer({ min: 0, max: 40 * DAY })),
});

t.test("after any sequence of changes an ended session never lives again, and a living one is never lost", async () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 120, size: "max" }), (actions) => {
      let document = emptySubject("someone");
      let now = START;
      let next = 0;
      const ended = new Set<string>();
      const begun = new Map<string, Session>();
      for (const { kind, index, wait } of actions) {
        now += wait;
        const sids = [...begun.keys()];
        const chosen = sids[index % Math.max(1, sids.length)];
        const notBefore = document.notBefore;
        if (kind === "log in" || kind === "log in late") {
          // A late one says the time at which it began: its swap went past an end that it should have lost to.
          const createdAt = kind === "log in" ? loginTime(document, "app", NO_NOT_BEFORE, now) : now - index;
          const added = session(next++, { createdAt });
          document = addSession(document, added);
          if (createdAt > notBefore) begun.set(added.sid, added);
          else ended.add(added.sid);
        } else if (kind === "end" && chosen !== undefined) {
          document = endSessions(document, [chosen], { at: now, until: now + index * 60_000, reason: "logout" });
          ended.add(chosen);
        } else if (kind === "end all") {
          document = endAllSessions(document, { at: now, until: now + 600_000, reason: "password_changed" });
          for (const each of sids) ended.add(each);
        } else if (kind === "prune") {
          document = pruned(document, now, idleOf);
        } else if (kind === "rotate" && chosen !== undefined) {
          // As one who read the document before an end would: the session as it was.
          const before = begun.get(chosen);
          if (before !== undefined && now < sessionEndsAt(before, IDLE)) {
            const after = { ...before, generation: before.generation + 1, generationAt: now };
            document = replaceSession(document, after);
            begun.set(chosen, after);
          }
        }
        if (document.marks.length > 100) throw new Error("too many marks");
        for (const each of ended)
          if (livingSession(document, each, NO_NOT_BEFORE) !== undefined) throw new Error(`lives again after ${kind}`);
        for (const [each, one] of begun)
          if (!ended.has(each) && now < sessionEndsAt(one, IDLE) && livingSession(document, each, NO_NOT_BEFORE) === undefined)
            throw new Error(`lost by ${kind}`);
      }
    }),
    { numRuns: runs(150) },
  );
});
