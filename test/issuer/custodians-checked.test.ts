/** Custodians outside are looked at before a key needs them: beside a start, and by `doctor`. */

import t from "tap";
import { CustodianError } from "../../src/domain/ports.ts";
import type { CustodianFinding, KeyError } from "../../src/domain/ports.ts";
import { DAY, MINUTE, World } from "../support/issuer-world.ts";

function newWorld(): World {
  const world = new World();
  t.teardown(() => world.close());
  return world;
}

const found = (scheme: string, fault?: KeyError): CustodianFinding => ({ scheme, fault });
const refused = new CustodianError("pkcs11:token=t: doesn't take the PIN", { isSetup: true });
const away = new CustodianError("AWS KMS: the call failed (ECONNREFUSED).");

t.test("a start tells once of each custodian that can't be used, and goes on", async (t) => {
  const world = newWorld();
  world.keys.check = async () => [found("pkcs11", refused), found("awskms", away), found("vault")];
  const node = await world.startedNode();
  t.same(node.eventsOf("trouble"), [
    { event: "trouble", about: "keys", message: refused.message },
    { event: "trouble", about: "keys", message: away.message },
  ]);
  t.equal((await node.issuer.readiness()).ready, true, "no key needs them yet");
  await world.advance(MINUTE);
  t.equal(node.eventsOf("trouble").length, 2);
});

t.test("a start waits for no custodian that is looked at, nor does a stop, and what comes later is not told", async (t) => {
  const world = newWorld();
  const looking = Promise.withResolvers<readonly CustodianFinding[]>();
  world.keys.check = () => looking.promise;
  const node = await world.startedNode();
  t.equal((await node.issuer.readiness()).ready, true);
  await node.stop();
  looking.resolve([found("awskms", away)]);
  await node.idle();
  t.same(node.eventsOf("trouble"), []);
});

t.test("a look that ends in a fault of ours is told by its name, and ends nothing", async (t) => {
  const world = newWorld();
  world.keys.check = () => Promise.reject(new RangeError("a secret"));
  const node = await world.startedNode();
  t.match(node.eventsOf("trouble"), [{ about: "keys", message: "unexpected RangeError" }]);
  await world.tick(2);
  t.equal((await node.issuer.readiness()).ready, true);
});

t.test("what was told of keys that can't be opened, or made, is not told again", async (t) => {
  const world = newWorld();
  const first = await world.startedNode();
  await first.stop();
  const { openSigner, create } = world.keys;
  world.keys.check = async () => [found("pkcs11", refused)];
  world.keys.openSigner = () => Promise.reject(refused);
  const unopened = await world.startedNode();
  t.same(
    unopened.eventsOf("trouble").map(({ message }) => message),
    [refused.message],
  );
  await unopened.stop();

  world.keys.openSigner = openSigner;
  world.keys.create = () => Promise.reject(refused);
  await world.advance(2 * DAY);
  const operator = await world.operator();
  const [kid = ""] = (await operator.listKeys(false)).filter(({ state }) => state === "staged").map((key) => key.kid);
  await operator.revokeKeys([kid], "test", false);
  const unmade = await world.startedNode();
  t.same(
    unmade.eventsOf("trouble").map(({ message }) => message),
    [refused.message],
  );
  world.keys.create = create;
});

t.test("doctor has a finding for each, with what to do, and none where keys are near", async (t) => {
  const world = newWorld();
  await world.startedNode();
  const about = async () => (await (await world.operator()).inspect()).filter(({ subject }) => subject === "key custodian");
  t.same(await about(), []);
  world.keys.check = async () => [found("pkcs11", refused), found("awskms", away), found("vault")];
  t.match(await about(), [
    { severity: "fault", finding: refused.message, advice: /^mend what is configured or installed/ },
    { severity: "fault", finding: away.message, advice: /^see that it runs/ },
    { severity: "ok", finding: "vault: can be used from here" },
  ]);
});

t.test("a command on keys that can't be opened says whether another try would help", async (t) => {
  const world = newWorld();
  await world.startedNode();
  for (const [fault, isSetup] of [
    [away, false],
    [refused, true],
  ] as const) {
    const operator = await world.operator([], world.policy, { ...world.keys, openSigner: () => Promise.reject(fault) });
    await t.rejects(operator.rotateKeys(["ES256"], { dryRun: false }), { name: "KeyError", isSetup, message: fault.message });
  }
  await world.advance(2 * DAY);
  const operator = await world.operator([], world.policy, { ...world.keys, erase: () => Promise.reject(refused) });
  const [kid = ""] = (await operator.listKeys(false)).filter(({ state }) => state === "staged").map((key) => key.kid);
  await operator.revokeKeys([kid], "test", false);
  await t.rejects(operator.pruneKeys(), { isSetup: true, message: refused.message });
});
