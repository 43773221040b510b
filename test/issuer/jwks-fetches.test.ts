/** Who has fetched the JWK Set: noted by each node, merged in the store, shown to the operator. */

import t from "tap";
import { FormatError } from "../../src/domain/bytes.ts";
import { KEYS, verifiersDocument } from "../../src/domain/documents.ts";
import { type Verifier, VERIFIERS_MAX } from "../../src/domain/fetches.ts";
import { StoreError } from "../../src/domain/ports.ts";
import { RING_LAG_MILLIS } from "../../src/domain/ring.ts";
import type { Awaited, KeyStatus, Operator } from "../../src/issuer/index.ts";
import { DAY, HOUR, MINUTE, type Node, policy, SECOND, START, World } from "../support/issuer-world.ts";

const FLUSH = 30 * SECOND;

async function world(members: Parameters<typeof policy>[0] = {}): Promise<World> {
  const made = new World({ policy: policy(members) });
  t.teardown(() => made.close());
  return made;
}

/** What the route does with one GET. */
function fetchFrom(node: Node, userAgent: string, address = "192.0.2.1", isUnchanged = false): void {
  const ringVersion = node.issuer.jwks()?.ringVersion ?? Number.NaN;
  node.issuer.noteFetch({ address, userAgent, ringVersion, isUnchanged });
}

async function table(from: World): Promise<readonly Verifier[]> {
  const bytes = await from.read(KEYS.verifiers);
  return bytes === undefined ? [] : verifiersDocument.decode(bytes).verifiers;
}
const agents = (verifiers: readonly Verifier[]): string[] => verifiers.map(({ userAgent }) => userAgent).sort();

async function statusOf(operator: Operator, state: KeyStatus["state"], alg = "ES256"): Promise<KeyStatus> {
  const found = (await operator.keyStatus()).keys.filter((key) => key.state === state && key.alg === alg).at(-1);
  if (found === undefined) throw new Error(`no ${state} ${alg} key`);
  return found;
}

t.test("nothing is asked of the store for a fetch; what two nodes noted is one table, half a minute later at most", async (t) => {
  const fleet = await world();
  const [one, two] = [await fleet.startedNode(), await fleet.startedNode()];
  fetchFrom(one, "a");
  await fleet.advance(SECOND);
  one.link.forgetCalls();
  fetchFrom(one, "a", "192.0.2.1", true);
  fetchFrom(one, "b");
  fetchFrom(two, "a");
  fetchFrom(two, "c", "2001:db8::1");
  t.same(one.link.calls, []);
  await fleet.advance(FLUSH);
  t.same(agents(await table(fleet)), ["a", "b", "c"]);
  t.match(
    (await table(fleet)).find(({ userAgent }) => userAgent === "a"),
    { address: "192.0.2.1", version: 1, firstSeenAt: START, lastFetchedAt: START + SECOND, count: 3, unchanged: 1 },
  );
});

t.test("between two flushes of a node is half a minute, and none is made where nothing was noted", async (t) => {
  const alone = await world();
  const node = await alone.startedNode();
  const writes = (): number => node.link.executed.filter(({ op, key }) => op === "compareAndSet" && key === KEYS.verifiers).length;
  for (let second = 0; second < 61; second += 1) {
    fetchFrom(node, `agent ${second}`);
    await alone.advance(SECOND);
  }
  t.equal(writes(), 3);
  node.link.forgetCalls();
  await alone.advance(FLUSH);
  await alone.advance(FLUSH);
  t.notOk(node.link.calls.some(({ key }) => key === KEYS.verifiers));
});

t.test("a store that is down delays what was noted, and is asked for nothing else", async (t) => {
  const alone = await world();
  const node = await alone.startedNode();
  node.link.outage = "unavailable";
  fetchFrom(node, "a");
  for (let minute = 0; minute < 3; minute += 1) await alone.advance(MINUTE);
  node.link.outage = undefined;
  for (const kind of ["unavailable", "lost"] as const) {
    node.link.failNext("compareAndSet", KEYS.verifiers, kind);
    await alone.advance(SECOND);
    t.same(await table(alone), [], kind);
  }
  fetchFrom(node, "b");
  await alone.advance(SECOND);
  t.same(agents(await table(alone)), ["a", "b"]);
});

t.test("a swap lost to another node is made again, and nobody's fetches are lost or counted twice", async (t) => {
  const fleet = await world();
  const [one, two] = [await fleet.startedNode(), await fleet.startedNode()];
  fetchFrom(one, "a");
  fetchFrom(two, "b");
  one.link.beforeNext("compareAndSet", KEYS.verifiers, async () => {
    fetchFrom(one, "a");
    await two.tick();
  });
  await one.tick();
  t.same(agents(await table(fleet)), ["b"]);
  await fleet.advance(SECOND);
  t.same(
    (await table(fleet)).map(({ userAgent, count }) => `${userAgent} ${count}`),
    ["b 1", "a 2"],
  );
});

t.test("what was noted is written when a node stops", async (t) => {
  const alone = await world();
  const node = await alone.startedNode();
  fetchFrom(node, "a");
  await alone.advance(SECOND);
  fetchFrom(node, "b");
  await node.stop();
  t.same(agents(await table(alone)), ["a", "b"]);
});

t.test("a swap lost at the stop is made again at once, and a store that is down is asked once more and no longer", async (t) => {
  const fleet = await world();
  const [one, two] = [await fleet.startedNode(), await fleet.startedNode()];
  fetchFrom(one, "a");
  fetchFrom(two, "b");
  one.link.beforeNext("compareAndSet", KEYS.verifiers, () => two.stop());
  await one.stop();
  t.same(agents(await table(fleet)), ["a", "b"]);
  const three = await fleet.startedNode();
  fetchFrom(three, "c");
  three.link.outage = "unavailable";
  three.link.forgetCalls();
  await three.stop();
  t.same(three.link.calls, [{ op: "get", key: KEYS.verifiers }]);
});

t.test("a table of an unknown format is left as it is, by a node that goes on with everything else", async (t) => {
  const alone = await world();
  const node = await alone.startedNode();
  const odd = Uint8Array.of(9, 9);
  await node.link.inner.compareAndSet(KEYS.verifiers, undefined, odd, { expiresAt: START + DAY, confirmed: false });
  fetchFrom(node, "a");
  await alone.advance(FLUSH);
  t.same(await alone.read(KEYS.verifiers), odd);
  t.same(node.eventsOf("trouble"), []);
  await t.rejects((await alone.operator()).keyStatus(), FormatError);
});

t.test("a flood of names costs neither room nor those who were here before, in a node as in the store", async (t) => {
  const alone = await world();
  const node = await alone.startedNode();
  for (let visit = 0; visit < 2; visit += 1) {
    for (let index = 0; index < 50; index += 1) fetchFrom(node, `real/${index}`);
    await alone.advance(FLUSH);
  }
  for (let round = 0; round < 3; round += 1) {
    for (let index = 0; index < 10_000; index += 1) fetchFrom(node, `flood/${round}/${index}`, `203.0.113.${index % 250}`);
    await alone.advance(FLUSH);
    t.equal((await table(alone)).length, VERIFIERS_MAX);
  }
  const { now } = alone;
  // In the middle of the flood they come again, and are not turned away with the strangers.
  for (let index = 0; index < 10_000; index += 1) fetchFrom(node, `flood/again/${index}`);
  for (let index = 0; index < 50; index += 1) fetchFrom(node, `real/${index}`);
  await alone.advance(FLUSH);
  const real = (await table(alone)).filter(({ userAgent }) => userAgent.startsWith("real/"));
  t.equal(real.length, 50);
  for (const { lastFetchedAt, count } of real) t.same([lastFetchedAt, count], [now, 3]);
  t.ok((await (await alone.operator()).keyStatus()).isFull);
});

t.test("a node notes 500 strangers between two flushes and turns the others away, also while the store is down", async (t) => {
  const alone = await world();
  const node = await alone.startedNode();
  node.link.outage = "unavailable";
  for (let round = 0; round < 3; round += 1) {
    for (let index = 0; index < VERIFIERS_MAX; index += 1) fetchFrom(node, `first/${index}`);
    // It would stay in the table rather than those who came less often.
    for (let visit = 0; visit < 10; visit += 1) fetchFrom(node, "late");
    await alone.advance(SECOND);
  }
  node.link.outage = undefined;
  await alone.advance(SECOND);
  t.same([...new Set(agents(await table(alone)).map((agent) => agent.split("/")[0]))], ["first"]);
  t.equal((await table(alone)).length, VERIFIERS_MAX);
});

t.test("the status says who has a staged key, who lacks it since when, and when it is safe", async (t) => {
  const alone = await world();
  const node = await alone.startedNode();
  const operator = await alone.operator();
  fetchFrom(node, "early/1");
  await alone.advance(FLUSH);
  const first = await statusOf(operator, "staged");
  t.same(
    [agents(first.have), first.lack, first.agedAt, first.isAged, first.isSafe],
    [["early"].map((one) => `${one}/1`), [], START + DAY + RING_LAG_MILLIS, false, false],
  );

  await operator.stageKeys(["ES256"]);
  await alone.advance(2 * SECOND);
  fetchFrom(node, "late/1");
  await alone.advance(DAY);
  fetchFrom(node, "late/1");
  await alone.advance(FLUSH);
  const second = await statusOf(operator, "staged");
  t.not(second.kid, first.kid);
  t.same([agents(second.have), agents(second.quiet), second.isAged, second.isSafe], [["late/1"], ["early/1"], true, true]);
  t.match(second.quiet, [{ lastFetchedAt: START }]);

  fetchFrom(node, "early/1");
  await operator.stageKeys(["ES256"]);
  await alone.advance(2 * SECOND);
  await alone.advance(FLUSH);
  const third = await statusOf(operator, "staged");
  t.same(agents(third.lack), ["early/1", "late/1"]);
  const { lack, have } = await statusOf(operator, "active");
  t.same([lack, agents(have)], [[], ["early/1", "late/1"]]);
});

t.test("a key that has aged is not safe while a verifier that still fetches lacks it", async (t) => {
  const alone = await world({ keys: { ...policy().keys, stageForMillis: HOUR } });
  const node = await alone.startedNode();
  const operator = await alone.operator();
  fetchFrom(node, "slow/1");
  await alone.advance(SECOND);
  await operator.stageKeys(["ES256"]);
  await alone.advance(2 * HOUR);
  const before = await statusOf(operator, "staged");
  t.same([before.isAged, before.isSafe, agents(before.lack)], [true, false, ["slow/1"]]);
  fetchFrom(node, "slow/1", "192.0.2.1", true);
  await alone.advance(FLUSH);
  const after = await statusOf(operator, "staged");
  t.same([after.isAged, after.isSafe, agents(after.have)], [true, true, ["slow/1"]], "by 304: it holds that very set");
});

t.test("switched off, nothing is noted, and what was noted before is not shown", async (t) => {
  const alone = await world();
  const node = await alone.startedNode();
  fetchFrom(node, "a");
  await alone.advance(FLUSH);
  const off = policy({ keys: { ...policy().keys, countFetches: false } });
  const silent = await alone.startedNode({ policy: off });
  fetchFrom(silent, "b");
  await alone.advance(FLUSH);
  await silent.stop();
  t.same(agents(await table(alone)), ["a"]);
  const status = await (await alone.operator([], off)).keyStatus();
  t.equal(status.isCounted, false);
  for (const { have, lack, quiet } of status.keys) t.same([have, lack, quiet], [[], [], []]);
});

t.test("MAC keys, and keys that sign no more, have no status", async (t) => {
  const alone = await world();
  await alone.startedNode();
  const operator = await alone.operator();
  await operator.promoteKey((await statusOf(operator, "staged")).kid, { force: true, reason: "drill" });
  t.ok((await operator.listKeys(false)).some(({ state }) => state === "retiring"));
  await operator.revokeKeys([(await statusOf(operator, "staged")).kid], "lost", true);
  const { keys } = await operator.keyStatus();
  t.same(keys.map(({ alg, state }) => `${alg} ${state}`).sort(), ["ES256 active", "ES256 staged", "EdDSA active", "EdDSA staged"]);
});

/** Waits, with verifiers that come at their times. */
async function waited(
  alone: World,
  names: readonly string[],
  deadlineMillis: number,
  { force = false, kid }: { force?: boolean; kid?: string } = {},
): Promise<{ result: object; told: Awaited[]; took: number }> {
  const operator = await alone.operator();
  const told: Awaited[] = [];
  const began = alone.now;
  const wanted = kid ?? (await statusOf(operator, "staged")).kid;
  const result = await operator.awaitSeen(wanted, { names, deadlineMillis, force }, (awaited) => told.push(awaited));
  return { result, told, took: alone.now - began };
}

/** A world whose newest key nobody has fetched yet, and which ages in an hour. */
async function staged(): Promise<{ alone: World; node: Node }> {
  const alone = await world({ keys: { ...policy().keys, stageForMillis: HOUR } });
  const node = await alone.startedNode();
  for (const name of ["a/1", "b/1"]) fetchFrom(node, name);
  // The newest of the staged keys is found by when it was published.
  await alone.advance(SECOND);
  await (await alone.operator()).stageKeys(["ES256"]);
  await alone.advance(2 * SECOND);
  return { alone, node };
}

t.test("the wait ends when all names have the key and it has aged, and says what it waits for as that changes", async (t) => {
  const { alone, node } = await staged();
  await alone.advance(FLUSH);
  fetchFrom(node, "a/1");
  const waiting = waited(alone, ["a", "b/1", "192.0.2.1"], 2 * HOUR);
  const { advance } = alone;
  alone.advance = async (millis) => {
    if (alone.now >= START + 30 * MINUTE) fetchFrom(node, "b/1");
    await advance.call(alone, millis);
  };
  const { result, told, took } = await waiting;
  t.same(result, { done: true });
  t.ok(alone.now >= START + HOUR && took < 2 * HOUR, "it has aged");
  t.same(
    told[0]?.unseen.map(({ name }) => name),
    ["a", "b/1", "192.0.2.1"],
  );
  t.same(told.at(-1)?.unseen, [], "at last only for its age");
  t.ok(told.length >= 3 && told.length <= 6, "and not at every look");
  t.same(
    await alone
      .operator()
      .then((operator) => statusOf(operator, "staged"))
      .then(({ isSafe }) => isSafe),
    true,
    "it changes nothing",
  );
});

t.test("at the deadline the wait fails and names who has not fetched the key; an old fetch is none", async (t) => {
  const { alone, node } = await staged();
  await alone.advance(HOUR);
  fetchFrom(node, "a/1");
  await alone.advance(FLUSH);
  const before = await alone.read(KEYS.ring);
  const { result, took } = await waited(alone, ["a", "b", "nobody"], 10 * MINUTE);
  t.match(result, { failed: /not fetched by b, nobody: nothing was changed/ });
  t.equal(took, 10 * MINUTE);
  t.same(await alone.read(KEYS.ring), before);
});

t.test("a key that can't age before the deadline is unsafe at once; forced, only the verifiers are waited for", async (t) => {
  const { alone, node } = await staged();
  const young = await waited(alone, ["a"], 30 * MINUTE);
  t.match(young.result, { unsafe: true, risk: /refuse its tokens; it has aged \d+ s after the deadline/ });
  t.equal(young.took, 0);
  t.match((await waited(alone, ["a"], 30 * MINUTE, { force: true })).result, { failed: /not fetched by a/ });
  fetchFrom(node, "a/1");
  await alone.advance(FLUSH);
  t.same((await waited(alone, ["a"], MINUTE, { force: true })).result, { done: true });
});

t.test("only a staged key is waited for, and only while it is one", async (t) => {
  const { alone } = await staged();
  const operator = await alone.operator();
  t.match((await waited(alone, ["a"], HOUR, { kid: "unknown" })).result, { failed: /no such key/ });
  t.match((await waited(alone, ["a"], HOUR, { kid: (await statusOf(operator, "active")).kid })).result, { failed: /this one is active/ });
  const { kid } = await statusOf(operator, "staged");
  const { advance } = alone;
  const waiting = waited(alone, ["a"], 2 * HOUR, { kid });
  alone.advance = async (millis) => {
    alone.advance = advance;
    await advance.call(alone, millis);
    await operator.revokeKeys([kid], "lost", true);
  };
  t.match((await waiting).result, { failed: /this one is revoked/ });
});

t.test("a store that is away for a moment does not end the wait; at the deadline it is what failed", async (t) => {
  const { alone, node } = await staged();
  await alone.advance(HOUR);
  const operator = await alone.operator();
  const { kid } = await statusOf(operator, "staged");
  const { advance } = alone;
  const wait = { names: ["a"], deadlineMillis: 10 * MINUTE, force: false };
  operator.link.outage = "unavailable";
  alone.advance = async (millis) => {
    if (alone.now >= START + HOUR + MINUTE) operator.link.outage = undefined;
    fetchFrom(node, "a/1");
    await advance.call(alone, millis);
  };
  t.same(await operator.awaitSeen(kid, wait, () => undefined), { done: true });
  alone.advance = advance;
  operator.link.outage = "unavailable";
  await t.rejects(
    operator.awaitSeen(kid, wait, () => undefined),
    StoreError,
  );
});
