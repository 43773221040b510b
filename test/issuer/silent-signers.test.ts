/** A custodian that gives no signature: said once, not ready, and ready again without a request that finds it out. */

import t from "tap";
import { KEYS, NEVER, ringDocument } from "../../src/domain/documents.ts";
import { KeyError } from "../../src/domain/ports.ts";
import { DAY, headerOf, World } from "../support/issuer-world.ts";

t.test("a node whose custodian refuses says so once, is not ready, and is ready when the custodian is there again", async (t) => {
  const world = new World();
  t.teardown(() => world.close());
  const node = await world.startedNode();
  await world.addUser("alice");
  world.keys.refuseToSign = true;
  for (const _ of [1, 2, 3]) await t.rejects(node.logIn("alice"), KeyError);
  t.match(node.eventsOf("trouble"), [{ about: "signing", message: "the key custodian refuses" }]);
  t.match(await node.issuer.readiness(), { ready: false, missing: ["no key can sign ES256"] });
  t.ok(node.issuer.jwks(), "the JWK Set goes on");
  await world.tick(3);
  t.equal((await node.issuer.readiness()).ready, false);
  t.equal(node.eventsOf("trouble").length, 1, "asked again each second, said once");

  world.keys.refuseToSign = false;
  await world.tick(2);
  await new Promise(setImmediate);
  t.equal((await node.issuer.readiness()).ready, true, "with no request in between");
  t.ok((await node.logIn("alice")).accessToken);
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
