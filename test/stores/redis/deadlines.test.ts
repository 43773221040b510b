import { setTimeout as delay } from "node:timers/promises";
import t from "tap";
import { Deadlines, TimeoutError } from "../../../src/stores/redis/deadlines.ts";

class Call {
  isSettled = false;
  deadline = 0;
  error: Error | undefined;
  reject(error: Error): void {
    this.isSettled = true;
    this.error = error;
  }
}

t.test("a call that is not settled in time is rejected, one that is settled is left alone", async (t) => {
  let rejected = 0;
  const deadlines = new Deadlines(50, (expired) => (rejected += expired));
  const late = new Call();
  const answered = new Call();
  deadlines.add(late, deadlines.next());
  deadlines.add(answered, deadlines.next());
  t.equal(late.error, undefined, "not at once");
  answered.isSettled = true;
  while (!late.isSettled) await delay(5);
  t.type(late.error, TimeoutError);
  t.equal(answered.error, undefined);
  t.equal(rejected, 1);
  deadlines.stop();
});

t.test("the second half of a call ends when its first half would have", async (t) => {
  const order: string[] = [];
  const deadlines = new Deadlines(100, () => undefined);
  const named = (name: string) => ({
    isSettled: false,
    deadline: 0,
    reject(): void {
      this.isSettled = true;
      order.push(name);
    },
  });
  const early = deadlines.next();
  deadlines.add(named("first half"), early);
  await delay(60);
  deadlines.add(named("a later call"), deadlines.next());
  deadlines.add(named("second half"), early);
  while (order.length < 3) await delay(5);
  t.same(order, ["first half", "second half", "a later call"]);
});

t.test("a call that comes after its deadline is rejected with the next tick", async (t) => {
  const deadlines = new Deadlines(50, () => undefined);
  const early = deadlines.next();
  const first = new Call();
  deadlines.add(first, early);
  while (!first.isSettled) await delay(5);
  const late = new Call();
  deadlines.add(late, early);
  while (!late.isSettled) await delay(5);
  t.type(late.error, TimeoutError);
});

t.test("the wheel stands still when nothing is under way, and turns again with the next call", async (t) => {
  let ticks = 0;
  const deadlines = new Deadlines(20, () => (ticks += 1));
  for (let round = 0; round < 2; round += 1) {
    const call = new Call();
    deadlines.add(call, deadlines.next());
    while (!call.isSettled) await delay(5);
    await delay(50);
    const before = ticks;
    await delay(50);
    t.equal(ticks, before);
  }
});

t.test("many calls, settled in any order, lose none", async (t) => {
  const deadlines = new Deadlines(50, () => undefined);
  const calls = Array.from({ length: 3000 }, () => new Call());
  for (const [index, call] of calls.entries()) {
    deadlines.add(call, deadlines.next());
    const earlier = calls[index - 7];
    if (earlier !== undefined && index % 11 !== 0) earlier.isSettled = true;
  }
  const open = calls.filter(({ isSettled }) => !isSettled);
  t.ok(open.length > 200);
  while (open.some(({ isSettled }) => !isSettled)) await delay(5);
  t.equal(calls.filter(({ error }) => error !== undefined).length, open.length);
});
