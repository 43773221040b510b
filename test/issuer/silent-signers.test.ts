/** A custodian that gives no signature: said once, not ready, and ready again without a request that finds it out. */

import t from "tap";
import { KEYS, NEVER, ringDocument } from "../../src/domain/documents.ts";
import { CustodianError, KeyError, NotAskedError } from "../../src/domain/ports.ts";
import { DAY, headerOf, kidsOf, World } from "../support/issuer-world.ts";

t.test("a node whose custodian refuses says so once, is not ready, and is ready when the custodian is there again", async (t) => {
  const world = new World();
  t.teardown(() => world.close());
  const node = await world.startedNode();
  await world.addUser("alice");
  world.keys.refuseToSign = new KeyError("the key custodian refuses");
  for (const _ of [1, 2, 3]) await t.rejects(node.logIn("alice"), KeyError);
  t.match(node.eventsOf("trouble"), [{ about: "signing", message: "the key custodian refuses" }]);
  t.match(await node.issuer.readiness(), { ready: false, missing: ["no key can sign ES256"] });
  t.ok(node.issuer.jwks(), "the JWK Set goes on");
  await world.tick(3);
  t.equal((await node.issuer.readiness()).ready, false);
  t.equal(node.eventsOf("trouble").length, 1, "asked again each second, said once");

  world.keys.refuseToSign = undefined;
  await world.tick(2);
  await new Promise(setImmediate);
  t.equal((await node.issuer.readiness()).ready, true, "with no request in between");
  t.ok((await node.logIn("alice")).accessToken);
});

t.test("a call that was not even made says nothing of the custodian; one that fails now and then is told of once a minute", async (t) => {
  const world = new World();
  t.teardown(() => world.close());
  const node = await world.startedNode();
  await world.addUser("alice");
  for (const [message, error] of [
    [undefined, new NotAskedError("too many calls are under way")],
    ["no answer", new CustodianError("no answer")],
  ] as const) {
    for (const _ of [1, 2, 3]) {
      world.keys.refuseToSign = error;
      await t.rejects(node.logIn("alice"), error);
      t.equal((await node.issuer.readiness()).ready, message === undefined);
      world.keys.refuseToSign = undefined;
      await node.logIn("alice");
      t.equal((await node.issuer.readiness()).ready, true);
    }
    t.same(
      node.eventsOf("trouble").map((event) => event.message),
      message === undefined ? [] : [message],
    );
  }
});

t.test("a key that takes for ever to be opened keeps nobody from following a revocation", async (t) => {
  const world = new World();
  t.teardown(() => world.close());
  const node = await world.startedNode();
  await world.addUser("alice");
  await world.advance(2 * DAY);
  const operator = await world.operator([], world.policy, { ...world.keys });
  const opening = Promise.withResolvers<never>();
  const open = world.keys.openSigner.bind(world.keys);
  world.keys.openSigner = () => opening.promise;
  await operator.stageKeys(["ES256"]);
  await world.advance(2_000);
  const { kid } = headerOf((await node.logIn("alice")).accessToken) as { kid: string };
  t.ok(kidsOf(node).includes(kid));
  await operator.revokeKeys([kid], "stolen", false);
  t.notOk(kidsOf(node).includes(kid));
  t.not(headerOf((await node.logIn("alice")).accessToken)["kid"], kid, "and the next one signs");
  world.keys.openSigner = open;
  opening.reject(new CustodianError("given up"));
  await world.tick(3);
  t.equal((await node.issuer.readiness()).ready, true);
});

t.test("what a closed custodian does not open any more is nobody's trouble", async (t) => {
  const world = new World();
  t.teardown(() => world.close());
  await world.startedNode();
  const events: Parameters<World["operator"]>[0] = [];
  const opening = Promise.withResolvers<never>();
  const custodian = { ...world.keys, openSigner: () => opening.promise };
  const operator = await world.operator(events, world.policy, custodian);
  t.equal((await operator.listKeys(false)).length, 4, "and a list waits for no custodian");
  await operator.close();
  opening.reject(new CustodianError("is closed"));
  await new Promise(setImmediate);
  t.same(events, []);
});

t.test("a node starts where nothing can be erased and no key be made, and goes on trying", async (t) => {
  const world = new World();
  t.teardown(() => world.close());
  const first = await world.startedNode();
  await world.addUser("alice");
  await world.advance(2 * DAY);
  const operator = await world.operator();
  const [kid = ""] = (await operator.listKeys(false)).filter(({ state }) => state === "active").map((key) => key.kid);
  const { create, erase } = world.keys;
  world.keys.create = () => Promise.reject(new CustodianError("ThrottlingException"));
  world.keys.erase = () => Promise.reject(new KeyError("AccessDeniedException"));
  await operator.revokeKeys([kid], "test", false);
  await first.stop();
  const node = await world.startedNode();
  t.equal((await node.issuer.readiness()).ready, true);
  t.match(node.eventsOf("trouble"), [{ message: "ThrottlingException" }]);
  world.keys.create = create;
  world.keys.erase = erase;
  await world.tick(60);
  t.notOk(world.keys.held.has(kid));
  t.equal((await operator.listKeys(false)).filter(({ state }) => state === "staged").length, 2);
});

t.test("one key that can't be erased does not keep the others from being erased", async (t) => {
  const world = new World();
  t.teardown(() => world.close());
  await world.startedNode();
  await world.advance(2 * DAY);
  const operator = await world.operator();
  const [first = "", second = ""] = (await operator.listKeys(false)).filter(({ state }) => state === "staged").map(({ kid }) => kid);
  const erase = world.keys.erase.bind(world.keys);
  world.keys.erase = async (key) => {
    if (key.kid === first) throw new KeyError("the custodian lets nobody delete this one");
    return erase(key);
  };
  await operator.revokeKeys([first, second], "test", true);
  t.equal(world.keys.held.has(first), true);
  t.equal(world.keys.held.has(second), false);
  await t.rejects(operator.pruneKeys(), { message: /lets nobody delete/ });
});

t.test("a key that takes for ever to be made keeps no node from following ring and policy", async (t) => {
  const world = new World();
  t.teardown(() => world.close());
  const node = await world.startedNode();
  await world.addUser("alice");
  await world.advance(2 * DAY);
  const operator = await world.operator();
  const making = Promise.withResolvers<never>();
  const create = world.keys.create.bind(world.keys);
  const [staged = ""] = (await operator.listKeys(false))
    .filter(({ alg, state }) => alg === "ES256" && state === "staged")
    .map(({ kid }) => kid);
  // The staged key is taken out behind the planner's back, so that it has one to make.
  world.keys.create = () => making.promise;
  const ring = await world.ring();
  const bytes = ringDocument.encode({
    ...ring,
    version: ring.version + 1,
    keys: ring.keys.map((key) => (key.kid === staged ? { ...key, activeAt: world.now } : key)),
  });
  const store = await world.handle();
  await store.compareAndSet(KEYS.ring, await store.get(KEYS.ring), bytes, { expiresAt: NEVER, confirmed: true });
  for (const _ of Array.from({ length: 10 })) await world.advance(2_000);
  t.equal(headerOf((await node.logIn("alice")).accessToken)["kid"], staged, "twenty seconds later it has followed, and grants");
  world.keys.create = create;
  making.reject(new KeyError("given up"));
  await world.tick(2);
  t.equal((await world.ring()).keys.filter(({ algorithm }) => algorithm === "ES256").length, 3, "and the key is made at the next turn");
});
