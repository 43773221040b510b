/** The life of a node: first start, starts in trouble, following what others change. */

import t, { type Test } from "tap";
import { KEYS, markerDocument, NEVER, ringDocument } from "../../src/domain/documents.ts";
import { StoreError } from "../../src/domain/ports.ts";
import { RING_LAG_MILLIS } from "../../src/domain/ring.ts";
import {
  DAY,
  headerOf,
  HOUR,
  kidsOf,
  MINUTE,
  type Node,
  policy,
  REPORTS,
  resource,
  SECOND,
  START,
  World,
} from "../support/issuer-world.ts";

const UNAVAILABLE = { name: "UnavailableError" };
const INVALID_GRANT = { refused: "invalid_grant" };

function newWorld(options: ConstructorParameters<typeof World>[0] = {}): World {
  const world = new World(options);
  t.teardown(() => world.close());
  return world;
}

/** What a running node needs of its keys: one that signs and a staged one of each algorithm, and no private part too many. */
async function hasOneSetOfKeys(t: Test, world: World): Promise<void> {
  const { keys } = await world.ring();
  t.same(keys.map(({ algorithm, activeAt }) => `${algorithm} ${activeAt === undefined ? "staged" : "active"}`).sort(), [
    "ES256 active",
    "ES256 staged",
    "EdDSA active",
    "EdDSA staged",
    "HS256 active",
    "HS256 staged",
  ]);
  t.same(
    [...world.keys.held.keys()].sort(),
    keys.map(({ kid }) => kid).sort(),
    "each key of the ring has its private part, and nothing is left over",
  );
}

t.test("the first start makes the keys of every algorithm once and can sign at once", async (t) => {
  const world = newWorld();
  const node = await world.startedNode();
  await hasOneSetOfKeys(t, world);
  t.equal(kidsOf(node).length, 4, "signing keys only");
  t.same(await node.issuer.readiness(), { ready: true, missing: [] });
  t.ok(await world.read(KEYS.marker));
  await world.startedNode();
  await world.startedNode({ copy: node.copy });
  await world.tick(60);
  await hasOneSetOfKeys(t, world);
});

t.test("a first start that was cut short between ring and marker goes on", async (t) => {
  const world = newWorld();
  const first = await world.node();
  first.link.failNext("compareAndSet", KEYS.marker, "lost");
  await first.issuer.start();
  await first.stop();
  t.equal(await world.read(KEYS.marker), undefined);
  const second = await world.startedNode({ copy: first.copy });
  await hasOneSetOfKeys(t, world);
  t.ok(await world.read(KEYS.marker));
  t.same(second.eventsOf("store_emptied"), []);
});

t.test("a first start that loses the store between ring and marker goes on when it is back", async (t) => {
  const world = newWorld();
  const node = await world.node();
  node.link.failNext("compareAndSet", KEYS.marker, "unavailable");
  await node.issuer.start();
  await world.tick(5);
  t.ok(await world.read(KEYS.marker));
  t.same(await node.issuer.readiness(), { ready: true, missing: [] });
  t.same(node.eventsOf("store_emptied"), []);
});

t.test("a first start that was cut short before the ring uses the keys that it finds", async (t) => {
  const world = newWorld();
  const first = await world.node();
  first.link.failNext("compareAndSet", KEYS.ring, "lost");
  await t.rejects(first.issuer.start(), StoreError);
  world.now += SECOND;
  await world.startedNode();
  await hasOneSetOfKeys(t, world);
});

t.test("two first starts at once make one ring and one set of keys", async (t) => {
  for (const place of ["before the ring is written", "while keys are looked for"] as const) {
    const world = newWorld();
    const [first, second] = [await world.node(), await world.node()];
    const startOther = async (): Promise<void> => second.issuer.start();
    if (place === "before the ring is written") first.link.beforeNext("compareAndSet", KEYS.ring, startOther);
    else world.keys.afterFind = startOther;
    await first.issuer.start();
    await hasOneSetOfKeys(t, world);
    t.same(kidsOf(first), kidsOf(second), place);
    await world.addUser("alice");
    t.ok(await second.refresh((await first.logIn("alice")).refreshToken));
  }
});

t.test("a start without the store serves the JWK Set from the copy and goes on when the store is back", async (t) => {
  const world = newWorld();
  const before = await world.startedNode();
  await world.addUser("alice");
  const grant = await before.logIn("alice");
  const kids = kidsOf(before);
  await before.stop();
  const node = await world.node({ copy: before.copy });
  node.link.outage = "unavailable";
  await node.issuer.start();
  t.same(kidsOf(node), kids);
  t.equal((await node.issuer.readiness()).ready, false);
  await t.rejects(node.tryRefresh(grant.refreshToken), StoreError);
  await t.rejects(node.issuer.clientCredentials({ client: node.client("service") }), UNAVAILABLE);
  await world.advance(MINUTE);
  t.same(kidsOf(node), kids);
  node.link.outage = undefined;
  await world.advance(SECOND);
  t.same(await node.issuer.readiness(), { ready: true, missing: [] });
  t.ok(await node.refresh(grant.refreshToken));
});

t.test("a start without store and without copy is refused", async (t) => {
  const node = await newWorld().node();
  node.link.outage = "unavailable";
  await t.rejects(node.issuer.start(), StoreError);
  t.equal(node.issuer.jwks(), undefined);
});

t.test("time in which no node was alive does not count against a retry", async (t) => {
  const world = newWorld();
  const before = await world.startedNode();
  await world.addUser("alice");
  const grant = await before.logIn("alice");
  const next = await before.refresh(grant.refreshToken);
  await world.tick(5);
  await before.stop();
  world.now += HOUR;
  const node = await world.startedNode({ copy: before.copy });
  await world.advance(20 * SECOND);
  t.equal((await node.refresh(grant.refreshToken)).refreshToken, next.refreshToken);
  await world.advance(30 * SECOND);
  t.match(await node.tryRefresh(grant.refreshToken), INVALID_GRANT);
});

t.test("a gap that a node sees by store and by marker counts once", async (t) => {
  const world = newWorld();
  const before = await world.startedNode();
  await world.addUser("alice");
  const grant = await before.logIn("alice");
  await before.refresh(grant.refreshToken);
  await world.tick(5);
  await before.stop();
  const node = await world.node({ copy: before.copy });
  node.link.outage = "unavailable";
  await node.issuer.start();
  await world.advance(5 * MINUTE);
  node.link.outage = undefined;
  await world.tick(3);
  await world.advance(MINUTE);
  t.match(await node.tryRefresh(grant.refreshToken), INVALID_GRANT, "a minute with the store is over the window of 30 s");
});

t.test("a view older than 5 s gives no grants, and the JWK Set goes on", async (t) => {
  const world = newWorld();
  const node = await world.startedNode();
  await world.addUser("alice");
  const grant = await node.logIn("alice");
  node.link.outage = "unavailable";
  await world.advance(5 * SECOND);
  await t.rejects(node.tryRefresh(grant.refreshToken), StoreError);
  await world.advance(1);
  await t.rejects(node.tryRefresh(grant.refreshToken), StoreError);
  const asked: (() => Promise<unknown>)[] = [
    () => node.tryLogIn("alice"),
    () => node.issuer.clientCredentials({ client: node.client("service") }),
    () => node.issuer.revoke({ client: node.client("app"), token: grant.refreshToken }),
    () => node.issuer.introspect({ client: node.client("service"), token: grant.accessToken }),
    () => node.logOut(grant.accessToken),
    () => node.issuer.authorizeSessions(grant.accessToken),
  ];
  for (const ask of asked) await t.rejects(ask(), UNAVAILABLE);
  t.equal(kidsOf(node).length, 4);
  t.match(await node.issuer.readiness(), { ready: false, missing: ["the store does not answer", /key ring/] });
  t.equal(node.eventsOf("trouble").length, 1, "told once, not every second");
  node.link.outage = undefined;
  await world.advance(SECOND);
  t.ok(await node.refresh(grant.refreshToken));
});

t.test("a clock that differs from the store's gives no grants and plans nothing until it agrees", async (t) => {
  const world = newWorld({ policy: policy({ keys: { ...policy().keys, rotateEveryMillis: 30 * DAY } }) });
  const node = await world.startedNode();
  await world.addUser("alice");
  const grant = await node.logIn("alice");
  const { version } = await world.ring();
  for (const offset of [HOUR, -HOUR, 365 * DAY]) {
    node.clockOffset = offset;
    await world.tick(120);
    await t.rejects(node.tryRefresh(grant.refreshToken), UNAVAILABLE);
    t.equal(kidsOf(node).length, 4);
    t.equal((await world.ring()).version, version);
    node.clockOffset = 0;
    await world.tick();
  }
  t.equal(node.eventsOf("clock_differs").length, 3);
  t.ok(await node.refresh(grant.refreshToken));
  node.clockOffset = 10 * SECOND;
  await world.tick();
  t.equal((await node.issuer.readiness()).ready, true, "within the skew it may differ");
});

t.test("keys rotate by themselves: staged before they sign, published until their tokens are over", async (t) => {
  const world = newWorld({ policy: policy({ keys: { ...policy().keys, rotateEveryMillis: 30 * DAY } }) });
  const node = await world.startedNode();
  await world.addUser("alice");
  const kidOf = async (): Promise<string> => headerOf((await node.logIn("alice")).accessToken)["kid"] as string;
  const first = await kidOf();
  const staged = kidsOf(node);
  await world.advance(30 * DAY);
  await world.tick(60);
  const second = await kidOf();
  t.not(second, first);
  t.ok(staged.includes(second), "it was in the JWK Set all the time");
  t.ok(kidsOf(node).includes(first), "the old one proves the tokens that it signed");
  const { nextMaxAge } = { nextMaxAge: node.issuer.jwks()?.maxAgeSeconds ?? 0 };
  t.ok(nextMaxAge <= 600);
  await world.advance(10 * MINUTE + 10 * MINUTE + 15 * SECOND);
  t.notOk(kidsOf(node).includes(first));
  await world.advance(DAY);
  t.ok(world.keys.held.has(first));
  await world.tick(60);
  t.notOk(world.keys.held.has(first), "a day later its private part is erased");
  t.equal((await node.issuer.readiness()).ready, true);
});

t.test("a change by the operator is in force at the next turn of every node", async (t) => {
  const world = newWorld();
  const nodes = [await world.startedNode(), await world.startedNode()];
  await world.addUser("alice");
  const operator = await world.operator();
  await world.advance(2 * DAY);
  const before = kidsOf(nodes[0]!);
  const changed = await operator.rotateKeys(["ES256"], { dryRun: false });
  await world.tick();
  const active = changed.keys.find(({ alg, state }) => alg === "ES256" && state === "active");
  for (const node of nodes) {
    t.equal(kidsOf(node).length, before.length + 1);
    t.equal(headerOf((await node.logIn("alice")).accessToken)["kid"], active?.kid);
  }
});

t.test("a ring that went back is not followed but put right", async (t) => {
  const world = newWorld();
  const node = await world.startedNode();
  const old = await world.snapshot();
  const operator = await world.operator();
  await operator.stageKeys(["ES256"]);
  await world.tick();
  const kids = kidsOf(node);
  t.equal(kids.length, 5);
  await world.goBackTo(old);
  await world.tick();
  t.same(kidsOf(node), kids);
  t.equal((await world.ring()).keys.length, 7);
  t.equal(node.eventsOf("ring_repaired").length, 1);
  await world.goBackTo(new Map());
  const restarted = await world.startedNode({ copy: node.copy });
  t.same(kidsOf(restarted), kids, "also from the copy, by a node that starts");
});

t.test("a revocation that the store's ring has lost is put back", async (t) => {
  const world = newWorld();
  const node = await world.startedNode();
  await world.addUser("alice");
  const old = await world.snapshot();
  const kid = headerOf((await node.logIn("alice")).accessToken)["kid"] as string;
  await world.advance(SECOND);
  const operator = await world.operator();
  await operator.revokeKeys([kid], "stolen", true);
  t.notOk(kidsOf(node).includes(kid));
  await world.goBackTo(old);
  await world.tick();
  t.notOk(kidsOf(node).includes(kid));
  t.ok((await world.ring()).keys.find((key) => key.kid === kid)?.revokedAt);
  t.not(headerOf((await node.logIn("alice")).accessToken)["kid"], kid);
});

t.test("a ring without its private parts stops the start and names them", async (t) => {
  const world = newWorld();
  const before = await world.startedNode();
  await before.stop();
  const { keys } = await world.ring();
  const es256 = keys.find(({ algorithm }) => algorithm === "ES256")!;
  world.keys.held.delete(es256.kid);
  const node = await world.node({ copy: before.copy });
  await t.rejects(node.issuer.start(), { name: "KeyError", message: new RegExp(es256.kid) });
});

t.test("a node that can't open a new key says so, signs with the others and opens it when it is there", async (t) => {
  const world = newWorld();
  const node = await world.startedNode();
  await world.addUser("alice");
  const operator = await world.operator();
  await world.advance(2 * DAY);
  // The operator works on another machine; the file comes later.
  const { keys } = await operator.stageKeys(["ES256"]);
  const young = keys.filter(({ alg, state }) => alg === "ES256" && state === "staged").at(-1)!;
  const file = world.keys.held.get(young.kid)!;
  world.keys.held.delete(young.kid);
  await operator.promoteKey(young.kid, { force: true, reason: "test" });
  await world.tick();
  t.match(node.eventsOf("trouble"), [{ about: "keys" }]);
  t.equal((await node.issuer.readiness()).ready, false);
  await t.rejects(node.tryLogIn("alice"), UNAVAILABLE, "no other key signs in its place");
  t.ok(await node.logIn("alice", { resources: ["https://reports.example.com"] }), "EdDSA goes on");
  t.ok(kidsOf(node).includes(young.kid));
  world.keys.held.set(young.kid, file);
  await world.tick();
  t.equal(headerOf((await node.logIn("alice")).accessToken)["kid"], young.kid);
});

t.test("a node is ready while the first key of a new algorithm ages, and not where a key that signed is gone", async (t) => {
  const only = { ...policy(), keys: { ...policy().keys, algorithms: ["ES256"] as const } };
  const world = new World();
  t.teardown(() => world.close());
  const first = await world.node({ policy: only });
  await first.issuer.start();
  await first.idle();
  await first.stop();
  const node = await world.startedNode();
  t.match(
    (await world.ring()).keys.filter(({ algorithm }) => algorithm === "EdDSA"),
    [{ activeAt: START + DAY + RING_LAG_MILLIS }],
  );
  t.same(await node.issuer.readiness(), { ready: true, missing: [] });
  await world.advance(2 * DAY);
  t.same(await node.issuer.readiness(), { ready: true, missing: [] });
  const ring = await world.ring();
  const keys = ring.keys.map((key) => (key.algorithm === "EdDSA" ? { ...key, revokedAt: world.now } : key));
  const store = await world.handle();
  const bytes = ringDocument.encode({ version: ring.version + 1, keys });
  await store.compareAndSet(KEYS.ring, await store.get(KEYS.ring), bytes, { expiresAt: NEVER, confirmed: true });
  await world.tick(3);
  t.same(await node.issuer.readiness(), { ready: false, missing: ["no key can sign EdDSA"] });
});

t.test("where every resource gets the other name of Ed25519, keys of the old one sign until one of the new has aged", async (t) => {
  const renamed = resource(REPORTS, { scopes: ["read"], algorithm: "EdDSA", edAlgName: "Ed25519" });
  const before = policy();
  const after = policy({ resources: new Map([...before.resources, [REPORTS, renamed]]) });
  const world = newWorld();
  const old = await world.startedNode();
  await world.addUser("alice");
  await old.stop();
  const node = await world.startedNode({ copy: old.copy, policy: after });
  t.match(await node.issuer.readiness(), { ready: true });
  const algOf = async (): Promise<unknown> => headerOf((await node.logIn("alice", { resources: [REPORTS] })).accessToken)["alg"];
  t.equal(await algOf(), "EdDSA");
  await world.advance(DAY + MINUTE);
  await world.tick();
  t.equal(await algOf(), "Ed25519");
});

t.test("a node whose key was missing at a start without the store begins to plan when the key is there", async (t) => {
  const world = newWorld();
  const before = await world.startedNode();
  await before.stop();
  const { keys } = await world.ring();
  const es256 = keys.find(({ algorithm }) => algorithm === "ES256")!;
  const file = world.keys.held.get(es256.kid)!;
  world.keys.held.delete(es256.kid);
  const node = await world.node({ copy: before.copy });
  node.link.outage = "unavailable";
  await node.issuer.start();
  node.link.outage = undefined;
  await world.tick(3);
  t.equal((await node.issuer.readiness()).ready, false);
  world.keys.held.set(es256.kid, file);
  await world.tick(10);
  t.equal((await node.issuer.readiness()).ready, true);
  t.equal(markerDocument.decode((await world.read(KEYS.marker))!).aliveAt, world.now);
});

t.test("a ring of a newer format is not followed, and the node goes on as it does without the store", async (t) => {
  const world = newWorld();
  const node = await world.startedNode();
  const kids = kidsOf(node);
  const store = await world.handle();
  const bytes = (await store.get(KEYS.ring))!;
  const newer = Uint8Array.from([2, ...bytes.subarray(1)]);
  const options = { expiresAt: world.now + DAY, confirmed: true };
  await store.compareAndSet(KEYS.ring, bytes, newer, options);
  await world.advance(6 * SECOND);
  t.same(kidsOf(node), kids);
  t.equal((await node.issuer.readiness()).ready, false);
  await store.compareAndSet(KEYS.ring, newer, bytes, options);
  await world.tick();
  t.equal((await node.issuer.readiness()).ready, true);
});

t.test("sessions whose end the store lost are ended again from the log, by any node", async (t) => {
  const world = newWorld();
  const nodes = [await world.startedNode(), await world.startedNode()];
  await world.addUser("alice");
  await world.addUser("bob");
  const revoked = await nodes[0]!.logIn("alice");
  const byOperator = await nodes[0]!.logIn("bob");
  const alive = await nodes[0]!.logIn("alice");
  const before = await world.snapshot();
  await nodes[0]!.issuer.revoke({ client: nodes[0]!.client("app"), token: revoked.refreshToken });
  await (await world.operator()).changePassword("bob", "another long password");
  await world.goBackTo(before);
  for (const node of nodes) {
    t.match(await node.tryRefresh(revoked.refreshToken), INVALID_GRANT);
    t.match(await node.tryRefresh(byOperator.refreshToken), INVALID_GRANT);
  }
  t.ok(await nodes[1]!.refresh(alive.refreshToken));
});

t.test("where the store goes away right after its primary changed the ends are put back when it answers", async (t) => {
  const world = newWorld();
  const node = await world.startedNode();
  await world.addUser("alice");
  const grant = await node.logIn("alice");
  const before = await world.snapshot();
  await node.issuer.revoke({ client: node.client("app"), token: grant.refreshToken });
  node.link.outage = "unavailable";
  await world.goBackTo(before);
  node.link.outage = undefined;
  await world.advance(SECOND);
  t.match(await node.tryRefresh(grant.refreshToken), INVALID_GRANT);
});

t.test("a start asserts the ends as well", async (t) => {
  const world = newWorld();
  const node = await world.startedNode();
  await world.addUser("alice");
  const grant = await node.logIn("alice");
  const before = await world.snapshot();
  await node.issuer.revoke({ client: node.client("app"), token: grant.refreshToken });
  await node.stop();
  await world.goBackTo(before);
  const later: Node = await world.startedNode({ copy: node.copy });
  t.match(await later.tryRefresh(grant.refreshToken), INVALID_GRANT);
});

t.test("an end of all that was lost and put back ends no session that begins later, however often the log is read", async (t) => {
  const world = newWorld();
  const node = await world.startedNode();
  await world.startedNode();
  const sub = await world.addUser("alice");
  const before = await world.snapshot();
  // By a clock that is ahead, and before alice has a document of her own.
  node.clockOffset = 5 * SECOND;
  await node.issuer.endSessions({ sub, sid: "" }, "none");
  const { notBefore } = (await world.subject(sub))!;
  node.clockOffset = 0;
  await world.goBackTo(before);
  t.equal((await world.subject(sub))?.notBefore, notBefore);
  const { refreshToken } = await node.logIn("alice");
  const again = await world.restart(node);
  const later = await again.refresh(refreshToken);

  await world.advance(DAY + HOUR);
  await again.refresh(later.refreshToken);
  t.equal((await world.subject(sub))?.notBefore, 0, "after a day nobody needs to know any more");
  again.link.forgetCalls();
  again.link.tellPrimaryChange();
  await again.idle();
  t.ok(again.link.executed.some(({ key }) => key.startsWith(KEYS.subjectPrefix)));
  t.notOk(again.link.executed.some(({ op }) => op === "compareAndSet"));
});

t.test("the marker says when a node last was alive", async (t) => {
  const world = newWorld();
  await world.startedNode();
  await world.startedNode();
  for (let second = 0; second < 10; second += 1) await world.advance(SECOND);
  const { createdAt, aliveAt } = markerDocument.decode((await world.read(KEYS.marker))!);
  t.ok(aliveAt > createdAt && aliveAt >= world.now - 5 * SECOND);
});

t.test("a node that has stopped does nothing more", async (t) => {
  const world = newWorld();
  const node = await world.startedNode();
  await node.stop();
  node.link.forgetCalls();
  await world.advance(MINUTE);
  t.same(node.link.calls, []);
  t.equal(ringDocument.decode((await world.read(KEYS.ring))!).version, 1);
});

t.test("a store that refuses writes is believed in nothing until it takes them again: its replicas may have another primary", async (t) => {
  const world = newWorld();
  const node = await world.startedNode();
  await world.addUser("alice");
  const first = await node.logIn("alice");
  const second = await node.refresh(first.refreshToken);
  node.link.isReadOnly = true;
  await world.advance(SECOND);
  await t.rejects(node.tryRefresh(first.refreshToken), UNAVAILABLE, "a retry needs no write and gets no answer either");
  await t.rejects(node.issuer.revoke({ client: node.client("app"), token: second.refreshToken }), UNAVAILABLE);
  await t.rejects(node.issuer.introspect({ client: node.client("service"), token: second.accessToken }), UNAVAILABLE);
  t.equal((await node.issuer.readiness()).ready, false);
  t.ok(node.issuer.jwks(), "the JWK Set goes on");
  await world.advance(60 * SECOND);
  node.link.isReadOnly = false;
  await world.advance(SECOND);
  t.equal((await node.refresh(first.refreshToken)).refreshToken, second.refreshToken, "and that time counts against no window");
});
