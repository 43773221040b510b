/** Work on one subject in turns: who goes, who waits, who is sent away. */

import t from "tap";
import { StoreError } from "../../src/domain/ports.ts";
import { Turns } from "../../src/issuer/turns.ts";
import { granted, World } from "../support/issuer-world.ts";

const LINE = { width: 1, maxWaiting: 2, maxWaitMillis: 1_000 };

function newTurns() {
  let now = 0;
  const turns = new Turns({ ...LINE, clock: () => now });
  const order: string[] = [];
  /** Begins a piece of work that ends when it is told to. */
  const begin = (name: string, isUrgent = false) => {
    const end = Promise.withResolvers<string>();
    const work = (): Promise<string> => {
      order.push(name);
      return end.promise;
    };
    const answer = turns.run("line", work, isUrgent);
    // Whether it fails is asked later.
    answer.catch(() => undefined);
    return { answer, end: () => end.resolve(name), fail: (error: Error) => end.reject(error) };
  };
  return { begin, order, wait: (millis: number) => (now += millis) };
}

t.test("one at a time, in the order they came; of too many the last is sent away", async (t) => {
  const { begin, order } = newTurns();
  const [first, second, third, fourth] = [begin("1"), begin("2"), begin("3"), begin("4")];
  await t.rejects(fourth.answer, { name: "UnavailableError" });
  for (const each of [first, second, third]) each.end();
  t.same([await first.answer, await second.answer, await third.answer], ["1", "2", "3"]);
  t.same(order, ["1", "2", "3"]);
});

t.test("what is urgent is next, and never sent away for the length of the line", async (t) => {
  const { begin, order } = newTurns();
  const works = [begin("1"), begin("2"), begin("3"), begin("urgent", true)];
  for (const each of works) each.end();
  await Promise.all(works.map(({ answer }) => answer));
  t.same(order, ["1", "urgent", "2", "3"]);
});

t.test("who waited too long does nothing; a store that failed for one failed for all who wait", async (t) => {
  const { begin, order, wait } = newTurns();
  const [first, late] = [begin("1"), begin("late")];
  wait(LINE.maxWaitMillis + 1);
  first.end();
  await t.rejects(late.answer, { name: "UnavailableError" });
  const [failing, waiting] = [begin("2"), begin("3")];
  failing.fail(new StoreError("unknown", "gone"));
  for (const { answer } of [failing, waiting]) await t.rejects(answer, StoreError);
  const last = begin("4");
  last.end();
  t.equal(await last.answer, "4");
  t.same(order, ["1", "2", "4"]);
});

t.test("an end goes before the refreshes that wait, and is in the log once however often its swap is lost", async (t) => {
  const world = new World();
  t.teardown(() => world.close());
  const [node, other] = [await world.startedNode(), await world.startedNode()];
  await world.addUser("alice");
  const { refreshToken } = await node.logIn("alice");
  node.link.forgetCalls();
  const refreshes = Array.from({ length: 50 }, () => node.tryRefresh(refreshToken));
  const end = node.issuer.revoke({ client: node.client("app"), token: refreshToken });
  // Another process refreshes without a pause, and swaps first each time.
  const elsewhere = Array.from({ length: 4 }, () => other.tryRefresh(refreshToken));
  await end;
  t.equal(node.link.executed.filter(({ op }) => op === "append").length, 1);
  const answers = await Promise.all([...refreshes, ...elsewhere]);
  t.ok(answers.filter((answer) => !("refused" in answer)).length <= 1 + elsewhere.length, "those who waited come after the end");
  t.match(await other.tryRefresh(refreshToken), { refused: "invalid_grant" });
  t.ok(granted(await other.tryLogIn("alice")));
});
