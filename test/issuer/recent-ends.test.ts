/** What a process has seen end does not live again, whatever its store forgets. */

import t from "tap";
import { ENDS_LOG, endEntryDocument } from "../../src/domain/documents.ts";
import { type MemoryData, memoryData, openMemoryStore } from "../support/memory-store.ts";
import { HOUR, type Node, policy, SECOND, World } from "../support/issuer-world.ts";

const INVALID_GRANT = { refused: "invalid_grant" };

interface Lossy {
  readonly world: World;
  readonly data: MemoryData;
  /** What the store holds now, its logs too: what goes back there loses all that comes after. */
  remember(): () => void;
}

function lossyWorld(options: ConstructorParameters<typeof World>[0] = {}): Lossy {
  const data = memoryData();
  const world = new World({ ...options, open: async (now) => openMemoryStore(data, now) });
  t.teardown(() => world.close());
  return {
    world,
    data,
    remember() {
      const documents = new Map(data.documents);
      const logs = new Map([...data.logs].map(([name, entries]) => [name, [...entries]]));
      return () => {
        data.documents.clear();
        data.logs.clear();
        for (const [key, value] of documents) data.documents.set(key, value);
        for (const [name, entries] of logs) data.logs.set(name, entries);
      };
    },
  };
}

async function changedPrimary(nodes: readonly Node[]): Promise<void> {
  for (const node of nodes) node.link.tellPrimaryChange();
  for (const node of nodes) await node.idle();
}

const endsIn = (data: MemoryData): readonly string[] =>
  (data.logs.get(ENDS_LOG) ?? []).flatMap(({ entry }) => endEntryDocument.decode(entry).sids ?? []);

t.test("a failover that loses an end and its log entry is put right by whoever revoked", async (t) => {
  const { world, data, remember } = lossyWorld();
  const node = await world.startedNode();
  const sub = await world.addUser("alice");
  const grant = await node.logIn("alice");
  const goBack = remember();
  await node.issuer.revoke({ client: node.client("app"), token: grant.refreshToken });
  goBack();
  t.match(await node.tryRefresh(grant.refreshToken), INVALID_GRANT, "at once, before anything is written");
  t.same(await node.issuer.introspect({ client: node.client("app"), token: grant.refreshToken }), { active: false });
  t.equal((await world.subject(sub))?.sessions.length, 1, "the store knows nothing of it");
  await changedPrimary([node]);
  t.same((await world.subject(sub))?.sessions, []);
  t.same(endsIn(data), [grant.sid], "and the log has it again, for the others");
  t.match(node.eventsOf("ends_restored"), [{ count: 1 }]);
  const stranger = await world.startedNode();
  t.match(await stranger.tryRefresh(grant.refreshToken), INVALID_GRANT);
});

t.test("a node that only read the log puts it back when the one that revoked is gone", async (t) => {
  const { world, data, remember } = lossyWorld();
  const [gone, left] = [await world.startedNode(), await world.startedNode()];
  const sub = await world.addUser("alice");
  const [revoked, byOperator] = [await gone.logIn("alice"), await gone.logIn("alice")];
  const goBack = remember();
  await gone.issuer.revoke({ client: gone.client("app"), token: revoked.refreshToken });
  await (await world.operator()).endSessions({ of: "subject", sub, sid: byOperator.sid }, undefined, () => undefined);
  await world.advance(SECOND);
  await gone.stop();
  goBack();
  for (const { refreshToken } of [revoked, byOperator]) t.match(await left.tryRefresh(refreshToken), INVALID_GRANT);
  await changedPrimary([left]);
  t.same(endsIn(data).toSorted(), [revoked.sid, byOperator.sid].toSorted());
  t.same((await world.subject(sub))?.sessions, []);
});

t.test("after an end of all that was lost a new login lives, and the old ones don't", async (t) => {
  const { world, remember } = lossyWorld();
  const node = await world.startedNode();
  const sub = await world.addUser("alice");
  const before = await node.logIn("alice");
  const goBack = remember();
  // By a clock that is ahead of the one by which the next login happens.
  node.clockOffset = 5 * SECOND;
  await node.issuer.endSessions({ sub, sid: "" }, "none");
  node.clockOffset = 0;
  goBack();
  t.match(await node.tryRefresh(before.refreshToken), INVALID_GRANT);
  const after = await node.logIn("alice");
  await changedPrimary([node]);
  t.ok(await node.refresh(after.refreshToken));
});

t.test("what a refresh writes over a store that is behind ends there too", async (t) => {
  const { world, remember } = lossyWorld();
  const node = await world.startedNode();
  const sub = await world.addUser("alice");
  const [ended, living] = [await node.logIn("alice"), await node.logIn("alice")];
  const goBack = remember();
  await node.issuer.revoke({ client: node.client("app"), token: ended.refreshToken });
  goBack();
  await node.refresh(living.refreshToken);
  t.same(
    (await world.subject(sub))?.sessions.map(({ sid }) => sid),
    [living.sid],
  );
});

t.test("a session that had to give way and is in the log goes, though somebody was faster", async (t) => {
  const { world, data } = lossyWorld({ policy: policy({ maxSessionsPerSubjectAndClient: 2 }) });
  const node = await world.startedNode();
  const sub = await world.addUser("alice");
  const [oldest, other] = [await node.logIn("alice"), await node.logIn("alice")];
  await world.advance(SECOND);
  const stranger = await world.startedNode();
  // Between the entry in the log and the mark the oldest becomes the newest.
  node.link.beforeNext("compareAndSet", "s", async () => void (await stranger.refresh(oldest.refreshToken)));
  const newest = await node.logIn("alice");
  const living = (await world.subject(sub))?.sessions.map(({ sid }) => sid);
  t.same(endsIn(data), [oldest.sid]);
  t.same(living, [other.sid, newest.sid], "who is in the log is over");
});

t.test("a replay that is in the log ends its session in the store as well, though somebody was faster", async (t) => {
  const { world } = lossyWorld();
  const [node, other] = [await world.startedNode(), await world.startedNode()];
  const sub = await world.addUser("alice");
  const stolen = await node.logIn("alice");
  const second = await node.refresh(stolen.refreshToken);
  await world.advance(60 * SECOND);
  node.link.beforeNext("compareAndSet", "s", async () => void (await other.refresh(second.refreshToken)));
  t.match(await node.tryRefresh(stolen.refreshToken), INVALID_GRANT);
  t.same((await world.subject(sub))?.sessions, []);
});

t.test("a log entry that is there twice, or of a subject nobody has, does no harm", async (t) => {
  const { world, data } = lossyWorld();
  const node = await world.startedNode();
  await world.addUser("alice");
  const grant = await node.logIn("alice");
  await node.issuer.revoke({ client: node.client("app"), token: grant.refreshToken });
  const log = data.logs.get(ENDS_LOG)!;
  const [first] = log;
  const nobody = endEntryDocument.encode({ ...endEntryDocument.decode(first!.entry), subjectKey: "AAAAAAAAAAAAAAAAAAAAAA" });
  log.push({ position: "900", entry: first!.entry }, { position: "901", entry: nobody });
  await changedPrimary([node]);
  t.equal(log.length, 3, "nothing was missing");
  t.same(node.eventsOf("ends_restored"), []);
});

t.test("the end of a session that is not there is noted once, for it may have begun where this node can't see", async (t) => {
  const { world, data, remember } = lossyWorld();
  const node = await world.startedNode();
  const sub = await world.addUser("alice");
  const goBack = remember();
  const elsewhere = await world.startedNode();
  const grant = await elsewhere.logIn("alice");
  const asItIs = remember();
  goBack();
  // The node sees a primary that has never heard of the session.
  for (const _ of [1, 2]) t.ok(await node.issuer.revoke({ client: node.client("app"), token: grant.refreshToken }));
  t.same(endsIn(data), [grant.sid]);
  asItIs();
  t.match(await node.tryRefresh(grant.refreshToken), INVALID_GRANT);
  await changedPrimary([node]);
  t.same((await world.subject(sub))?.sessions, []);
});

t.test("a log longer than what a process remembers pushes out nothing newer, and what it lacks comes before all of it", async (t) => {
  const { world, data, remember } = lossyWorld();
  const node = await world.startedNode();
  await world.addUser("alice");
  const grant = await node.logIn("alice");
  const old = { at: world.now - HOUR, until: world.now, reason: "logout", subjectKey: "AAAAAAAAAAAAAAAAAAAAAA" } as const;
  const entries = Array.from({ length: 45_000 }, (_, index) => endEntryDocument.encode({ ...old, sids: [`old-${index}`] }));
  data.logs.set(
    ENDS_LOG,
    entries.map((entry, index) => ({ position: String(index - entries.length), entry })),
  );
  await changedPrimary([node]);
  for (const _ of Array.from({ length: 4 })) await world.advance(20 * SECOND);
  const goBack = remember();
  await node.issuer.revoke({ client: node.client("app"), token: grant.refreshToken });
  goBack();
  node.link.forgetCalls();
  let seen: unknown;
  let readBefore = 0;
  node.link.beforeNext("append", "", async () => {
    readBefore = node.link.executed.filter(({ op }) => op === "read").length;
    seen = await node.tryRefresh(grant.refreshToken);
  });
  await changedPrimary([node]);
  t.match(seen, INVALID_GRANT, "while the log was read, too");
  t.equal(readBefore, 1, "of a log of ninety pages");
  t.match(node.eventsOf("ends_restored"), [{ count: 1 }]);
});
