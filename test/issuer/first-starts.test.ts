/** Several nodes that start at once on a store that is empty: one ring, one marker, and no alarm by any of them. */

import t from "tap";
import { KEYS } from "../../src/domain/documents.ts";
import { StoreError } from "../../src/domain/ports.ts";
import { kidsOf, World } from "../support/issuer-world.ts";
import type { Node } from "../support/issuer-world.ts";

function newWorld(): World {
  const world = new World();
  t.teardown(() => world.close());
  return world;
}

interface Gate {
  /** Called by who comes to the gate; resolves when it is open. */
  pass(): Promise<void>;
  /** Resolves when somebody waits there. */
  readonly reached: Promise<void>;
  open(): void;
}

function gate(): Gate {
  const [reached, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  return {
    pass() {
      reached.resolve();
      return opened.promise;
    },
    reached: reached.promise,
    open: () => opened.resolve(),
  };
}

const alarms = (node: Node) => node.events.filter(({ event }) => ["trouble", "ring_repaired", "store_emptied"].includes(event));

t.test("keys that another start made and gave up again are not followed", async (t) => {
  const world = newWorld();
  const [winner, loser, onlooker] = [await world.node(), await world.node(), await world.node()];
  const [found, made, seen] = [gate(), gate(), gate()];

  world.keys.afterFind = found.pass;
  const winning = winner.issuer.start();
  await found.reached;
  loser.link.beforeNext("compareAndSet", KEYS.ring, made.pass);
  const losing = loser.issuer.start();
  await made.reached;
  world.keys.afterFind = seen.pass;
  const looking = onlooker.issuer.start();
  await seen.reached;
  t.equal(world.keys.held.size, 6, "the onlooker has found the keys of the loser");

  found.open();
  await winning;
  made.open();
  await losing;
  seen.open();
  await looking;

  const { keys } = await world.ring();
  t.equal(keys.length, 6);
  t.same([...world.keys.held.keys()].sort(), keys.map(({ kid }) => kid).sort(), "no private part is missing, and none left over");
  for (const node of [winner, loser, onlooker]) {
    t.same(kidsOf(node), kidsOf(winner));
    t.same(alarms(node), []);
    t.equal((await node.issuer.readiness()).ready, true);
  }
});

t.test("keys that others are making for their first start are not taken for keys of before", async (t) => {
  const world = newWorld();
  const makers = [await world.node(), await world.node()] as const;
  const winner = await world.node();
  const gates = [gate(), gate()] as const;
  const starts = makers.map((maker, index) => {
    maker.link.beforeNext("compareAndSet", KEYS.ring, () => (index === 0 ? gates[0] : gates[1]).pass());
    return maker.issuer.start();
  });
  await Promise.all(gates.map(({ reached }) => reached));
  await winner.issuer.start();
  for (const { open } of gates) open();
  await Promise.all(starts);

  const { keys } = await world.ring();
  t.equal(keys.length, 6, "one active and one staged of each algorithm");
  t.same([...world.keys.held.keys()].sort(), keys.map(({ kid }) => kid).sort());
  t.equal([winner, ...makers].flatMap((node) => node.eventsOf("keys_changed")).length, 1);
});

t.test("keys that a failing start made stay, for another may have named them", async (t) => {
  const world = newWorld();
  const [failing, other] = [await world.node(), await world.node()];
  failing.link.beforeNext("compareAndSet", KEYS.ring, () => other.issuer.start());
  failing.link.failNext("compareAndSet", KEYS.ring, "unavailable");
  await t.rejects(failing.issuer.start(), StoreError);
  const { keys } = await world.ring();
  for (const { kid } of keys) t.ok(world.keys.held.has(kid), "its private part is there");
  t.equal((await other.issuer.readiness()).ready, true);
});

t.test("a marker that another start has written meanwhile is no alarm, even where its ring has changed already", async (t) => {
  const world = newWorld();
  const [first, late] = [await world.node(), await world.node()];
  late.link.beforeNext("get", KEYS.ring, async () => {
    await first.issuer.start();
    const operator = await world.operator();
    await operator.stageKeys(["ES256"]);
  });
  await late.issuer.start();
  t.ok((await world.ring()).version > 1);
  t.same(alarms(late), []);
  t.ok(await world.read(KEYS.marker));
});
