/** A store that was emptied logs nobody out, says so, and is taken as it is only when the operator says so. */

import t, { type Test } from "tap";
import { KEYS } from "../../src/domain/documents.ts";
import { isRefusal } from "../../src/domain/refusal.ts";
import { UnavailableError } from "../../src/issuer/index.ts";
import { SECOND, World } from "../support/issuer-world.ts";

const BEAT_EVERY_TICKS = 5;

async function emptied(t: Test) {
  const world = new World();
  t.teardown(() => world.close());
  const node = await world.startedNode();
  await world.addUser("ada");
  const { refreshToken } = await node.logIn("ada");
  await world.empty();
  await world.tick(BEAT_EVERY_TICKS);
  return { world, node, refreshToken };
}

t.test("sessions of before are unavailable, not refused; the ring is put back; the audit log says it once", async (t) => {
  const { world, node, refreshToken } = await emptied(t);
  await t.rejects(node.tryRefresh(refreshToken), UnavailableError);
  await world.tick(BEAT_EVERY_TICKS);
  t.equal(node.eventsOf("store_emptied").length, 1);
  t.equal(node.eventsOf("ring_repaired").length, 1);
  t.equal(await world.read(KEYS.marker), undefined, "no beat makes a marker");
});

t.test("a login is unavailable too: that there is no such account means nothing there", async (t) => {
  const { world, node } = await emptied(t);
  await t.rejects(node.tryLogIn("alice"), UnavailableError);
  await (await world.operator()).acceptEmptyStore();
  t.match(await node.tryLogIn("alice"), { refused: "invalid_credentials" });
});

t.test("the operator's inspection names it, and not in a store that is whole", async (t) => {
  const { world } = await emptied(t);
  t.match(await markerFindings(world), [{ severity: "fault" }]);

  const whole = new World();
  t.teardown(() => whole.close());
  t.strictSame(await markerFindings(whole), [], "before the first start");
  await whole.startedNode();
  t.strictSame(await markerFindings(whole), []);
});

async function markerFindings(world: World) {
  return (await (await world.operator()).inspect()).filter(({ subject }) => subject === "marker");
}

t.test("once accepted, sessions of before are over and every node says that the alarm is", async (t) => {
  const { world, node, refreshToken } = await emptied(t);
  t.strictSame(await (await world.operator()).acceptEmptyStore(), { done: true });
  await world.tick(BEAT_EVERY_TICKS);
  const answer = await node.tryRefresh(refreshToken);
  t.ok(isRefusal(answer) && answer.refused === "invalid_grant");
  t.equal(node.eventsOf("store_accepted").length, 1);
  await world.tick(BEAT_EVERY_TICKS);
  t.equal(node.eventsOf("store_accepted").length, 1, "said once");
});

t.test("the time in which the store was empty is counted against nobody whose answer was lost", async (t) => {
  const world = new World();
  t.teardown(() => world.close());
  const node = await world.startedNode();
  await world.addUser("ada");
  const first = await node.logIn("ada");
  await world.tick();
  const second = await node.refresh(first.refreshToken);
  const whole = await world.snapshot();
  await world.empty();
  for (const _ of Array.from({ length: 10 })) await world.advance(30 * SECOND);
  await t.rejects(node.tryRefresh(first.refreshToken), UnavailableError);
  await world.goBackTo(whole);
  await world.tick();
  const retried = await node.refresh(first.refreshToken);
  t.equal(retried.refreshToken, second.refreshToken, "ten windows later, the same successor");
});
