/** The operator's commands for accounts and sessions. */

import t from "tap";
import { KEYS, notBeforeDocument } from "../../src/domain/documents.ts";
import { StoreError } from "../../src/domain/ports.ts";
import type { AccountListing, Operator } from "../../src/issuer/index.ts";
import { claimsOf, DAY, ISSUER, MINUTE, type Node, PASSWORD, SECOND, World } from "../support/issuer-world.ts";

const INVALID_GRANT = { refused: "invalid_grant" };
const UNAVAILABLE = { name: "UnavailableError" };

async function worldWithOperator(): Promise<{ world: World; node: Node; operator: Awaited<ReturnType<World["operator"]>> }> {
  const world = new World();
  t.teardown(() => world.close());
  const node = await world.startedNode();
  return { world, node, operator: await world.operator() };
}

async function accounts(operator: Operator): Promise<AccountListing[]> {
  const found: AccountListing[] = [];
  for await (const account of operator.listAccounts()) found.push(account);
  return found;
}

t.test("an account is added, listed, disabled, enabled and removed", async (t) => {
  const { world, node, operator } = await worldWithOperator();
  t.equal(await node.hasAccounts(), false);
  const added = await operator.addAccount({ name: "alice", password: PASSWORD, claims: { plan: "gold" } });
  t.match(added, { name: "alice", disabled: false, createdAt: world.now });
  t.match("sub" in added && added.sub, /^[\w-]{22}$/);
  t.equal(await node.hasAccounts(), true);
  t.same(await accounts(operator), [added]);
  const grant = await node.logIn("alice");
  t.same(await operator.disableAccount("alice"), { done: true });
  t.match(await accounts(operator), [{ disabled: true }]);
  t.match(await node.tryLogIn("alice"), { refused: "invalid_credentials" });
  t.match(await node.tryRefresh(grant.refreshToken), INVALID_GRANT, "its sessions are over");
  t.same(await operator.enableAccount("alice"), { done: true });
  t.match(await node.tryRefresh(grant.refreshToken), INVALID_GRANT, "and stay over");
  const again = await node.logIn("alice");
  t.same(await operator.removeAccount("alice"), { done: true });
  t.same(await accounts(operator), []);
  t.match(await node.tryRefresh(again.refreshToken), INVALID_GRANT);
  for (const command of [operator.disableAccount, operator.enableAccount, operator.removeAccount])
    t.match(await command("alice"), { failed: String });
  t.match(await operator.changePassword("alice", PASSWORD), { failed: String });
});

t.test("a name, a sub and a client id are each of one only", async (t) => {
  const { operator } = await worldWithOperator();
  await operator.addAccount({ name: "alice", password: PASSWORD, sub: "user-1" });
  t.match(await operator.addAccount({ name: "alice", password: PASSWORD }), { failed: /already/ });
  t.match(await operator.addAccount({ name: "bob", password: PASSWORD, sub: "user-1" }), { failed: /another account/ });
  t.match(await operator.addAccount({ name: "bob", password: PASSWORD, sub: "app" }), { failed: /client id/ });
  for (const sub of ["", "two words", "\u00e9", "x".repeat(256)])
    t.match(await operator.addAccount({ name: "bob", password: PASSWORD, sub }), { failed: String });
  t.equal((await accounts(operator)).length, 1);
});

const changes = {
  changePassword: (operator: Operator) => operator.changePassword("alice", "another long password"),
  disableAccount: (operator: Operator) => operator.disableAccount("alice"),
  removeAccount: (operator: Operator) => operator.removeAccount("alice"),
};

for (const [name, change] of Object.entries(changes)) {
  for (const [op, prefix] of [
    ["append", "ends"],
    ["compareAndSet", KEYS.subjectPrefix],
  ] as const) {
    t.test(`${name} that the store did not confirm at ${op} is an error, and its repeat ends the sessions`, async (t) => {
      const { world, node, operator } = await worldWithOperator();
      await world.addUser("alice");
      const grant = await node.logIn("alice");
      operator.link.failNext(op, prefix, "unavailable");
      await t.rejects(change(operator), StoreError);
      t.same(await change(operator), { done: true });
      t.match(await node.tryRefresh(grant.refreshToken), INVALID_GRANT);
      t.match(await node.tryLogIn("alice"), { refused: "invalid_credentials" });
    });
  }
}

t.test("sessions of a subject are listed and ended: one, some, all", async (t) => {
  const { world, node, operator } = await worldWithOperator();
  const sub = await world.addUser("alice");
  const first = await node.logIn("alice");
  await world.advance(MINUTE);
  const second = await node.logIn("alice");
  const third = await node.logIn("alice");
  t.same(
    (await operator.listSessions(sub)).map(({ sid }) => sid),
    [first.sid, second.sid, third.sid],
  );
  const seen: number[] = [];
  const end = (members: object, before?: number) =>
    operator.endSessions({ of: "subject", sub, ...members }, before, (ended) => seen.push(ended));
  t.equal(await end({}, world.now), 1, "those that began before");
  t.match(await node.tryRefresh(first.refreshToken), INVALID_GRANT);
  t.equal(await end({ sid: second.sid }), 1);
  t.match(await node.tryRefresh(second.refreshToken), INVALID_GRANT);
  t.equal(await end({ sid: second.sid }), 0, "it is over, and written again");
  t.ok(await node.refresh(third.refreshToken));
  t.equal(await end({}), 1);
  t.same(seen, [1, 1, 0, 1]);
  t.same(await operator.listSessions(sub), []);
  t.equal(await operator.endSessions({ of: "subject", sub: "nobody" }, undefined, () => undefined), 0);
});

t.test("all sessions of a client are over when the command returns, others live", async (t) => {
  const { world, node, operator } = await worldWithOperator();
  for (const name of ["alice", "bob"]) await world.addUser(name);
  const ended = [await node.logIn("alice"), await node.logIn("bob")];
  const other = await node.logIn("alice", { clientId: "other" });
  const began = world.now;
  const progress: number[] = [];
  t.equal(await operator.endSessions({ of: "client", clientId: "app" }, undefined, (count) => progress.push(count)), 2);
  t.same(progress, [1, 2]);
  t.ok(world.now - began >= 5 * SECOND, "no node can have the old view");
  for (const grant of ended) t.match(await node.tryRefresh(grant.refreshToken), INVALID_GRANT);
  t.ok(await node.refresh(other.refreshToken, { clientId: "other" }));
  t.ok(await node.refresh((await node.logIn("alice")).refreshToken), "who logs in again lives");
});

t.test("the not-before is written before any document and every node follows it", async (t) => {
  const { world, node, operator } = await worldWithOperator();
  await world.addUser("alice");
  const grant = await node.logIn("alice");
  operator.link.failNext("scan", KEYS.subjectPrefix, "unavailable");
  await t.rejects(
    operator.endSessions({ of: "all" }, undefined, () => undefined),
    StoreError,
  );
  await world.advance(SECOND);
  t.match(await node.tryRefresh(grant.refreshToken), INVALID_GRANT);
  t.match(await node.tryRefresh((await node.logIn("alice")).refreshToken), { accessToken: String }, "a login after it");
});

t.test("all means all, also what a node with a faster clock has begun", async (t) => {
  const { world, node, operator } = await worldWithOperator();
  await world.addUser("alice");
  const fast = await world.startedNode();
  fast.clockOffset = 9 * SECOND;
  await world.tick();
  const grant = await fast.logIn("alice");
  t.equal(await operator.endSessions({ of: "all" }, undefined, () => undefined), 1);
  for (const each of [node, fast]) t.match(await each.tryRefresh(grant.refreshToken), INVALID_GRANT);
});

t.test("--issued-before keeps what began then or later", async (t) => {
  const { world, node, operator } = await worldWithOperator();
  await world.addUser("alice");
  const old = await node.logIn("alice");
  await world.advance(MINUTE);
  const young = await node.logIn("alice");
  t.equal(await operator.endSessions({ of: "all" }, world.now, () => undefined), 1);
  t.match(await node.tryRefresh(old.refreshToken), INVALID_GRANT);
  t.ok(await node.refresh(young.refreshToken));
});

t.test("a not-before never moves back: neither by a later command nor by a store that went back", async (t) => {
  const { world, node, operator } = await worldWithOperator();
  await world.addUser("alice");
  const before = await world.snapshot();
  await node.logIn("alice");
  await operator.endSessions({ of: "all" }, undefined, () => undefined);
  const { all } = notBeforeDocument.decode((await world.read(KEYS.policy)) ?? new Uint8Array());
  await operator.endSessions({ of: "all" }, all - DAY, () => undefined);
  t.equal(notBeforeDocument.decode((await world.read(KEYS.policy)) ?? new Uint8Array()).all, all);
  await world.goBackTo(before);
  await world.advance(SECOND);
  t.equal(
    notBeforeDocument.decode((await world.read(KEYS.policy)) ?? notBeforeDocument.encode({ all: 0, clients: {} })).all,
    all,
    "the ends log has it",
  );
});

t.test("a store that was emptied is accepted once, by the operator only", async (t) => {
  const { world, node } = await worldWithOperator();
  await world.addUser("alice");
  const grant = await node.logIn("alice");
  t.match(await (await world.operator()).acceptEmptyStore(), { failed: /not emptied/ });
  await world.goBackTo(new Map());
  await world.tick(5);
  t.ok((await world.ring()).keys.length > 0, "the ring is back");
  t.equal(await world.read(KEYS.marker), undefined, "the marker is not");
  await t.rejects(node.tryRefresh(grant.refreshToken), UNAVAILABLE);
  const restarted = await world.startedNode({ copy: node.copy });
  await t.rejects(restarted.tryRefresh(grant.refreshToken), UNAVAILABLE, "a restart accepts nothing");
  t.same(await (await world.operator()).acceptEmptyStore(), { done: true });
  t.match(await node.tryRefresh(grant.refreshToken), INVALID_GRANT, "now its absence says something");
  await world.addUser("alice");
  t.ok(await node.logIn("alice"));
  await world.tick(5);
  t.equal(node.eventsOf("store_emptied").length, 1, "told once");
});

t.test("an empty store without a ring is not the operator's to accept", async (t) => {
  const world = new World();
  t.teardown(() => world.close());
  t.match(await (await world.operator()).acceptEmptyStore(), { failed: /start the server/ });
});

t.test("the token's claims are those of the account at login", async (t) => {
  const { world, node } = await worldWithOperator();
  await world.addUser("alice", { claims: { role: "reader" } });
  const grant = await node.logIn("alice");
  t.equal(claimsOf((await node.refresh(grant.refreshToken)).accessToken)["role"], "reader");
  t.equal(claimsOf((await node.refresh(grant.refreshToken, { resource: ISSUER })).accessToken)["role"], "reader");
});
