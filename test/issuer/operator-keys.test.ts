/** What the operator does to the key ring. */

import t from "tap";
import { ENDS_LOG, endEntryDocument, KEYS } from "../../src/domain/documents.ts";
import { KeyError, StoreError } from "../../src/domain/ports.ts";
import { RING_LAG_MILLIS } from "../../src/domain/ring.ts";
import type { KeyListing, KeysChanged, Operator } from "../../src/issuer/index.ts";
import { snapshotOf } from "../support/faulty-store.ts";
import { DAY, headerOf, HOUR, kidsOf, MINUTE, type Node, SECOND, World } from "../support/issuer-world.ts";

const NO_FORCE = { force: false, reason: undefined };

async function worldWithOperator(): Promise<{ world: World; node: Node; operator: Awaited<ReturnType<World["operator"]>> }> {
  const world = new World();
  t.teardown(() => world.close());
  const node = await world.startedNode();
  await world.addUser("alice");
  // Of two keys that begin to sign in one millisecond it is their names that decide which does.
  await world.advance(SECOND);
  return { world, node, operator: await world.operator() };
}

const states = (keys: readonly KeyListing[], alg: string): string[] => keys.filter((key) => key.alg === alg).map(({ state }) => state);
const kidOf = async (operator: Operator, alg: string, state: string): Promise<string> =>
  [...(await operator.listKeys(false)), ...(await operator.listKeys(true))].find((key) => key.alg === alg && key.state === state)?.kid ??
  "";
const signsWith = async (node: Node): Promise<unknown> => headerOf((await node.logIn("alice")).accessToken)["kid"];

function changed(result: object): KeysChanged {
  if (!("steps" in result)) throw new Error(JSON.stringify(result));
  return result as KeysChanged;
}

t.test("keys are listed with their states, MAC keys apart", async (t) => {
  const { world, operator } = await worldWithOperator();
  const keys = await operator.listKeys(false);
  t.same(states(keys, "ES256"), ["active", "staged"]);
  t.same(states(keys, "EdDSA"), ["active", "staged"]);
  t.match(keys[0], {
    publishedAt: world.now - SECOND,
    activeAt: world.now - SECOND,
    retiringAt: undefined,
    retiredAt: undefined,
    revokedAt: undefined,
  });
  t.same(states(await operator.listKeys(true), "HS256"), ["active", "staged"]);
  t.same(operator.ringAlgorithms("signing"), ["ES256", "EdDSA"]);
  t.same(operator.ringAlgorithms("mac"), ["HS256"]);
});

t.test("a rotation is planned for when the staged key has aged, and is made where it has", async (t) => {
  const { world, node, operator } = await worldWithOperator();
  const staged = await kidOf(operator, "ES256", "staged");
  const young = await operator.rotateKeys(["ES256"], { dryRun: false });
  t.equal(young.keys.find(({ kid }) => kid === staged)?.activeAt, world.now - SECOND + DAY + RING_LAG_MILLIS);
  t.not(await signsWith(node), staged);
  t.same((await operator.rotateKeys(["ES256"], { dryRun: false })).steps, [], "it is planned already");
  await world.advance(DAY + RING_LAG_MILLIS);
  t.equal(await signsWith(node), staged);
  await world.advance(2 * DAY);
  const old = await operator.rotateKeys(["EdDSA"], { dryRun: false });
  t.same(states(old.keys, "EdDSA"), ["retiring", "active", "staged"], "and a new one is staged in the same swap");
});

t.test("a dry run makes and writes nothing, and says what would be", async (t) => {
  const { world, operator } = await worldWithOperator();
  await world.advance(2 * DAY);
  const before = await world.read(KEYS.ring);
  const { made } = world.keys;
  const plan = await operator.rotateKeys(["ES256"], { dryRun: true });
  t.ok(plan.steps.length > 0);
  t.same(states(plan.keys, "ES256"), ["retiring", "active", "staged"]);
  t.same(await world.read(KEYS.ring), before);
  t.equal(world.keys.made, made);
});

t.test("two operators who rotate at once rotate once", async (t) => {
  const { world, operator } = await worldWithOperator();
  await world.advance(2 * DAY);
  const other = await world.operator();
  operator.link.beforeNext("compareAndSet", KEYS.ring, async () => void (await other.rotateKeys(["ES256"], { dryRun: false })));
  const result = await operator.rotateKeys(["ES256"], { dryRun: false });
  t.same(states(result.keys, "ES256"), ["retiring", "active", "staged"]);
  t.equal(world.keys.held.size, (await world.ring()).keys.length, "no private part is left over");
});

t.test("a swap of unknown outcome leaves the private parts that the ring may name", async (t) => {
  for (const kind of ["done", "lost"] as const) {
    const { world, operator } = await worldWithOperator();
    operator.link.failNext("compareAndSet", KEYS.ring, kind);
    await t.rejects(operator.stageKeys(["ES256"]), StoreError);
    for (const { kid } of (await world.ring()).keys) t.ok(world.keys.held.has(kid), kind);
  }
});

t.test("stage adds a key that is published and does not sign", async (t) => {
  const { world, node, operator } = await worldWithOperator();
  const before = kidsOf(node);
  const signing = await signsWith(node);
  const { keys } = await operator.stageKeys(["ES256"]);
  t.same(states(keys, "ES256"), ["active", "staged", "staged"]);
  await world.advance(SECOND);
  t.equal(kidsOf(node).length, before.length + 1);
  t.equal(await signsWith(node), signing);
});

t.test("promoting a key that no verifier can have is unsafe, one that has aged is not", async (t) => {
  const { world, node, operator } = await worldWithOperator();
  const published = world.now - SECOND;
  const kid = await kidOf(operator, "ES256", "staged");
  t.match(await operator.promoteKey(kid, NO_FORCE), { unsafe: true, risk: /refuse its tokens/ });
  t.match(await operator.promoteKey("unknown", NO_FORCE), { failed: String });
  t.match(await operator.promoteKey(await kidOf(operator, "ES256", "active"), NO_FORCE), { failed: /only a staged key/ });
  await world.advance(DAY - SECOND);
  const { activeAt } = changed(await operator.promoteKey(kid, NO_FORCE)).keys.find((key) => key.kid === kid) ?? {};
  t.equal(activeAt, published + DAY + RING_LAG_MILLIS, "not before the slowest node has published it for a day");
  await world.advance(SECOND);
  t.equal(await signsWith(node), kid);
  t.same(states(await operator.listKeys(false), "ES256"), ["retiring", "active", "staged"]);
});

t.test("forced, a young key signs at once, and the reason is in the audit log", async (t) => {
  const { world, node } = await worldWithOperator();
  const events: Parameters<World["operator"]>[0] = [];
  const operator = await world.operator(events);
  const kid = await kidOf(operator, "ES256", "staged");
  changed(await operator.promoteKey(kid, { force: true, reason: "drill" }));
  await world.advance(SECOND);
  t.equal(await signsWith(node), kid);
  t.match(events, [{ event: "keys_changed", forced: true, reason: "drill" }]);
});

t.test("a revocation that is refused is not in the ends log, where every node would carry it out", async (t) => {
  const { operator } = await worldWithOperator();
  t.match(await operator.revokeKeys([await kidOf(operator, "ES256", "active")], "stolen", false), { unsafe: true });
  t.same(await operator.link.inner.read(ENDS_LOG, undefined, 10), []);
});

t.test("a key can be revoked where others can't be opened: none is made from there, a server makes it", async (t) => {
  const { world, operator: before } = await worldWithOperator();
  await world.advance(2 * DAY);
  const [kid, heir, other] = [
    await kidOf(before, "ES256", "active"),
    await kidOf(before, "ES256", "staged"),
    await kidOf(before, "EdDSA", "active"),
  ];
  const part = world.keys.held.get(other);
  world.keys.held.delete(other);
  const events: Parameters<World["operator"]>[0] = [];
  const operator = await world.operator(events);
  t.match(
    (await operator.inspect()).filter(({ subject }) => subject === "private keys"),
    [{ severity: "fault" }],
  );
  await t.rejects(operator.stageKeys(["ES256"]), KeyError);
  t.same(states(changed(await operator.revokeKeys([kid], "stolen", false)).keys, "ES256"), ["revoked", "active"]);
  t.match(events.slice(-2), [{ event: "trouble", message: /No new ES256 key was made, a server has to/ }, { event: "keys_changed" }]);
  if (part !== undefined) world.keys.held.set(other, part);
  await world.advance(MINUTE);
  await world.tick(60);
  t.equal(await kidOf(operator, "ES256", "active"), heir);
  t.same(states(await operator.listKeys(false), "ES256"), ["revoked", "active", "staged"]);
});

t.test("a key can be revoked while none can be made, unless it is the new one that has to sign", async (t) => {
  const { world, operator } = await worldWithOperator();
  await world.advance(2 * DAY);
  const { create } = world.keys;
  world.keys.create = () => Promise.reject(new KeyError("the disk is full"));
  t.same(states(changed(await operator.revokeKeys([await kidOf(operator, "ES256", "active")], "stolen", false)).keys, "ES256"), [
    "revoked",
    "active",
  ]);
  const before = await world.read(KEYS.ring);
  await t.rejects(operator.revokeKeys([await kidOf(operator, "ES256", "active")], "stolen", true), { message: "the disk is full" });
  t.same(await world.read(KEYS.ring), before);
  world.keys.create = create;
});

t.test("what was done is told and kept when the store goes away right after it", async (t) => {
  const { world } = await worldWithOperator();
  const events: Parameters<World["operator"]>[0] = [];
  const operator = await world.operator(events);
  const kid = await kidOf(operator, "ES256", "staged");
  operator.link.beforeNext("compareAndSet", KEYS.ring, async () => {
    for (const key of [KEYS.ring, KEYS.policy, KEYS.marker]) operator.link.failNext("get", key, "unavailable");
  });
  const { keys } = changed(await operator.promoteKey(kid, { force: true, reason: "drill" }));
  t.same(states(keys, "ES256"), ["retiring", "active", "staged"]);
  t.match(events, [{ event: "keys_changed", forced: true, reason: "drill" }]);
  for (const { kid: named } of (await world.ring()).keys) t.ok(world.keys.held.has(named), "each key of the ring is there");
});

t.test("a revoked key is out everywhere when the command returns, and the aged one signs", async (t) => {
  const { world, node, operator } = await worldWithOperator();
  await world.advance(2 * DAY);
  const kid = await kidOf(operator, "ES256", "active");
  const heir = await kidOf(operator, "ES256", "staged");
  const began = world.now;
  const result = changed(await operator.revokeKeys([kid], "stolen", false));
  t.ok(world.now - began >= 5 * SECOND, "no node can have the old view");
  t.same(states(result.keys, "ES256"), ["revoked", "active", "staged"]);
  t.notOk(kidsOf(node).includes(kid));
  t.notOk(world.keys.held.has(kid), "its private part is erased");
  t.equal(await signsWith(node), heir);
  const log = await node.link.inner.read(ENDS_LOG, undefined, 10);
  t.match(
    log.map(({ entry }) => endEntryDocument.decode(entry)),
    [{ reason: "key_revoked", kid }],
  );
});

t.test("a revocation whose heir is too young is unsafe; forced, the heir signs all the same", async (t) => {
  const { world, node, operator } = await worldWithOperator();
  const kid = await kidOf(operator, "ES256", "active");
  const before = await world.read(KEYS.ring);
  t.match(await operator.revokeKeys([kid], "stolen", false), { unsafe: true });
  t.match(await operator.revokeKeys([kid, "unknown"], "stolen", true), { failed: String });
  t.same(await world.read(KEYS.ring), before);
  changed(await operator.revokeKeys([kid], "stolen", true));
  t.not(await signsWith(node), kid);
});

t.test("revoking a staged key costs nobody anything", async (t) => {
  const { operator } = await worldWithOperator();
  const result = changed(await operator.revokeKeys([await kidOf(operator, "EdDSA", "staged")], "lost", false));
  t.same(states(result.keys, "EdDSA").sort(), ["active", "revoked", "staged"]);
});

t.test("revoking all leaves new keys that sign at once, where it is forced", async (t) => {
  const { world, node, operator } = await worldWithOperator();
  await world.advance(2 * DAY);
  const before = kidsOf(node);
  t.match(await operator.revokeKeys("signing", "break-in", false), { unsafe: true });
  changed(await operator.revokeKeys("signing", "break-in", true));
  const after = kidsOf(node);
  t.notOk(after.some((kid) => before.includes(kid)));
  t.equal(after.length, 4);
  t.ok(after.includes((await signsWith(node)) as string));
  t.same(await node.issuer.readiness(), { ready: true, missing: [] });
});

t.test("a revocation that is not in the ends log changes no ring", async (t) => {
  const { world, operator } = await worldWithOperator();
  await world.advance(2 * DAY);
  const before = await world.read(KEYS.ring);
  operator.link.failNext("append", ENDS_LOG, "unavailable");
  await t.rejects(operator.revokeKeys([await kidOf(operator, "ES256", "active")], "stolen", false), StoreError);
  t.same(await world.read(KEYS.ring), before);
});

t.test("prune erases the private parts of what is retired for a day", async (t) => {
  const { world, operator } = await worldWithOperator();
  await world.advance(2 * DAY);
  const old = await kidOf(operator, "ES256", "active");
  await operator.rotateKeys(["ES256"], { dryRun: false });
  await world.advance(HOUR);
  t.equal((await operator.listKeys(false)).find(({ kid }) => kid === old)?.state, "retired");
  t.same(await operator.pruneKeys(), []);
  await world.advance(DAY);
  t.same(await operator.pruneKeys(), [old]);
  t.notOk(world.keys.held.has(old));
});

t.test("the exported set is what the issuer serves", async (t) => {
  const { node, operator } = await worldWithOperator();
  t.equal(await operator.exportKeys(), node.issuer.jwks()?.body.toString());
});

t.test("a command that was given another store than the servers have changes nothing there", async (t) => {
  const { node, world } = await worldWithOperator();
  await world.advance(2 * DAY);
  const wrong = new World();
  t.teardown(() => wrong.close());
  const operator = await wrong.operator([], wrong.policy, world.keys, node.copy);
  const kid = await kidOf(operator, "ES256", "staged");
  const held = world.keys.held.size;
  const changes: (() => Promise<unknown>)[] = [
    () => operator.rotateKeys(["ES256"], { dryRun: false }),
    () => operator.stageKeys(["ES256"]),
    () => operator.promoteKey(kid, { force: true, reason: "drill" }),
    () => operator.revokeKeys([kid], "leak", true),
    () => operator.pruneKeys(),
    () => operator.endSessions({ of: "all" }, undefined, () => undefined),
  ];
  for (const change of changes) await t.rejects(change(), { message: /no server has started on this store, or it was emptied/ });
  t.equal((await snapshotOf(await wrong.handle())).size, 0);
  t.equal(world.keys.held.size, held);
});

t.test("each server tells what others did to the ring, and its own work once", async (t) => {
  const { world, node, operator } = await worldWithOperator();
  await world.advance(2 * DAY);
  const [active, heir] = [await kidOf(operator, "ES256", "active"), await kidOf(operator, "ES256", "staged")];
  t.equal(node.eventsOf("keys_changed").length, 1);
  t.same(node.eventsOf("keys_followed"), [], "its own is told as its own");
  changed(await operator.revokeKeys([active], "leak", false));
  const told = (): readonly string[] => node.eventsOf("keys_followed").flatMap(({ steps }) => steps);
  t.match(told(), [
    new RegExp(`^revoke ${active} at `),
    `erase the private part of ${active}`,
    new RegExp(`^activate ${heir} at `),
    /^stage \S+ \(ES256\)$/,
  ]);
});

t.test("a ring without keys, or a clock that differs from the store's, is changed by no command", async (t) => {
  const world = new World();
  t.teardown(() => world.close());
  await t.rejects((await world.operator()).stageKeys(["ES256"]), { message: /no server has started on this store/ });
  await world.startedNode();
  const operator = await world.operator();
  const { now } = operator.link.store;
  Object.assign(operator.link.store, { now: async () => (await now()) + 2 * MINUTE });
  await t.rejects(operator.stageKeys(["ES256"]), { message: /clock/ });
  await t.rejects(operator.pruneKeys(), { message: /clock/ });
});
