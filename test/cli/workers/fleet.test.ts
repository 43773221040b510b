/** The first process and its workers, with processes that only pretend. */

import t from "tap";
import { Fleet } from "../../../src/cli/index.ts";
import type { EndedWorker, WorkerProcess } from "../../../src/cli/index.ts";
import type { FromWorker, ToWorker } from "../../../src/cli/workers/messages.ts";
import type { WorkerEnd } from "../../../src/cli/workers/one-worker.ts";
import { configOf } from "../../config/support.ts";
import { until } from "../../support/wait.ts";

const CONFIG = configOf({ issuer: "http://127.0.0.1:3000", listen: { port: 0 }, workers: 3 });
const HTTP = { address: "127.0.0.1", port: 4711 };

/** A worker that was forked and does what the test says. */
class Fake implements WorkerProcess {
  readonly pid: number;
  readonly heard: ToWorker[] = [];
  readonly ended: Promise<WorkerEnd>;
  readonly end: (end: Partial<WorkerEnd>) => void;
  #listener: (message: FromWorker) => void = () => undefined;

  constructor(pid: number) {
    this.pid = pid;
    const { promise, resolve } = Promise.withResolvers<WorkerEnd>();
    this.ended = promise;
    this.end = (end) => resolve({ code: undefined, signal: undefined, ...end });
  }

  send(message: ToWorker): void {
    this.heard.push(message);
  }

  onMessage(listener: (message: FromWorker) => void): void {
    this.#listener = listener;
  }

  say(message: FromWorker): void {
    this.#listener(message);
  }

  /** As one that starts well. */
  serve({ hasAccounts = true } = {}): void {
    this.say({ kind: "hello" });
    this.say({ kind: "listening", http: HTTP, hasAccounts });
  }

  /** Answers the last question. */
  answer(answer: object | undefined): void {
    const asked = this.heard.findLast((message) => message.kind === "ask");
    if (asked === undefined) throw new Error("nothing was asked");
    this.say({ kind: "answer", id: asked.id, answer });
  }

  get kinds(): string[] {
    return this.heard.map(({ kind }) => kind);
  }
}

function newFleet(count = 3) {
  const forked: Fake[] = [];
  const told: { ended: EndedWorker[]; restarted: number[]; gone: number[]; metrics: [number, object][] } = {
    ended: [],
    restarted: [],
    gone: [],
    metrics: [],
  };
  const slept: number[] = [];
  const clock = { now: 0 };
  const fleet = new Fleet({
    count,
    config: CONFIG,
    fork() {
      const worker = new Fake(100 + forked.length);
      forked.push(worker);
      return worker;
    },
    watcher: {
      ended: (worker) => void told.ended.push(worker),
      restarted: (pid) => void told.restarted.push(pid),
      gone: (worker) => void told.gone.push(worker),
      metrics: (worker, metrics) => void told.metrics.push([worker, metrics]),
    },
    millis: () => clock.now,
    sleep: async (millis) => void slept.push(millis),
    answerMillis: 20,
  });
  const worker = (index: number): Fake => {
    const found = forked[index];
    if (found === undefined) throw new Error(`there is no worker ${index}`);
    return found;
  };
  return { fleet, forked, worker, told, slept, clock };
}

async function startedFleet(count = 3) {
  const made = newFleet(count);
  const started = made.fleet.start();
  for (const worker of made.forked) worker.serve();
  await started;
  return made;
}

t.test("all are started at once, on the configuration that was read, and it has started when all listen", async (t) => {
  const { fleet, forked, worker } = newFleet();
  const started = fleet.start();
  let isStarted = false;
  void started.then(() => (isStarted = true));
  t.equal(forked.length, 3);
  worker(0).serve({ hasAccounts: false });
  worker(1).serve({ hasAccounts: false });
  await new Promise(setImmediate);
  t.equal(isStarted, false);
  worker(2).serve({ hasAccounts: false });
  t.same(await started, { http: HTTP, hasAccounts: false });
  for (const { heard } of forked) t.same(heard, [{ kind: "start", config: CONFIG }]);
});

t.test("the first start that fails is the failure of all, and nothing is started in its place", async (t) => {
  const { fleet, forked, worker } = newFleet();
  const started = fleet.start();
  worker(0).serve();
  worker(1).say({ kind: "hello" });
  worker(1).say({ kind: "failed", line: "error: port 1 is taken", code: 2 });
  worker(2).say({ kind: "hello" });
  worker(2).say({ kind: "failed", line: "error: port 1 is taken as well", code: 2 });
  await t.rejects(started, { name: "StartFailure", message: "error: port 1 is taken", code: 2 });
  const stopped = fleet.stop();
  for (const one of forked) one.end({ code: 2 });
  await stopped;
  t.equal(forked.length, 3);
  t.same(worker(0).kinds, ["start", "stop"]);
});

t.test("one that ends at its start without a word of why is the failure of all", async (t) => {
  for (const end of [{ code: 1 }, { signal: "SIGKILL" }]) {
    const { fleet, forked, worker } = newFleet(2);
    const started = fleet.start();
    worker(0).serve();
    worker(1).say({ kind: "hello" });
    worker(1).end(end);
    await t.rejects(started, { name: "StartFailure", message: /a worker ended \((exit code 1|SIGKILL)\) before it could serve/, code: 1 });
    t.equal(forked.length, 2);
  }
});

t.test("a signal that came before a worker could pass over it is forgiven once", async (t) => {
  const { fleet, forked, worker } = newFleet(2);
  const started = fleet.start();
  worker(0).serve();
  worker(1).end({ signal: "SIGTERM" });
  await until("another is started", () => forked.length === 3);
  worker(2).serve();
  await started;

  const again = newFleet(1);
  const startedAgain = again.fleet.start();
  again.worker(0).end({ signal: "SIGTERM" });
  await until("another is started", () => again.forked.length === 2);
  again.worker(1).end({ signal: "SIGTERM" });
  await t.rejects(startedAgain, { name: "StartFailure" });
});

t.test("one that ends later is replaced, on the port that was found, and both are told", async (t) => {
  const { forked, worker, told, slept, clock } = await startedFleet();
  clock.now = 60_000;
  worker(1).end({ signal: "SIGKILL" });
  await until("another is started", () => forked.length === 4);
  t.same(told.ended, [{ pid: 101, code: undefined, signal: "SIGKILL", restartInMillis: 0 }]);
  t.same(told.restarted, [103]);
  t.same(told.gone, [2]);
  t.same(slept, [0]);
  worker(3).say({ kind: "hello" });
  t.same(worker(3).heard, [{ kind: "start", config: { ...CONFIG, listen: { ...CONFIG.listen, port: HTTP.port } } }]);
});

t.test("one that ends at its start again and again is replaced after growing waits, with the reason, and never given up", async (t) => {
  const { forked, worker, told, slept } = await startedFleet(2);
  for (let index = 1; index <= 4; index += 1) {
    const last = worker(index);
    if (index > 1) {
      last.say({ kind: "hello" });
      last.say({ kind: "failed", line: "error: the store can't be used: down", code: 2 });
    }
    last.end({ code: 2 });
    await until("another is started", () => forked.length === index + 2);
  }
  t.same(slept, [0, 250, 500, 1_000]);
  t.equal(told.ended[0]?.message, undefined);
  t.equal(told.ended[1]?.message, "the store can't be used: down");
});

t.test("stop asks all to end, waits for them, and replaces none", async (t) => {
  const { fleet, forked, worker } = await startedFleet();
  let isStopped = false;
  const stopped = fleet.stop().then(() => (isStopped = true));
  t.same(
    forked.map(({ kinds }) => kinds.at(-1)),
    ["stop", "stop", "stop"],
  );
  worker(0).end({ code: 0 });
  worker(1).end({ signal: "SIGKILL" });
  await new Promise(setImmediate);
  t.equal(isStopped, false);
  worker(2).end({ code: 0 });
  await stopped;
  t.equal(forked.length, 3);
});

t.test("a successor that is still starting is asked to end as soon as it listens to anybody", async (t) => {
  const { fleet, forked, worker } = await startedFleet(2);
  worker(0).end({ signal: "SIGKILL" });
  await until("another is started", () => forked.length === 3);
  const stopped = fleet.stop();
  t.same(worker(2).heard, []);
  worker(2).say({ kind: "hello" });
  t.same(worker(2).heard, [{ kind: "stop" }]);
  for (const one of forked) one.end({ code: 0 });
  await stopped;
});

t.test("it is ready where every worker is, and says what is missing once", async (t) => {
  const { fleet, forked, worker } = await startedFleet();
  const ask = async (...answers: (object | undefined)[]) => {
    const readiness = fleet.readiness();
    for (const [index, answer] of answers.entries()) if (answer !== undefined) worker(index).answer(answer);
    return readiness;
  };
  const [ready, down] = [
    { ready: true, missing: [] },
    { ready: false, missing: ["the store does not answer"] },
  ];
  t.same(await ask(ready, ready, ready), { ready: true, missing: [] });
  t.same(await ask(ready, down, down), { ready: false, missing: ["the store does not answer"] });
  t.same(await ask(ready, undefined, ready), { ready: false, missing: ["workers that do not answer: 1 of 3"] });
  worker(0).end({ signal: "SIGKILL" });
  await until("another is started", () => forked.length === 4);
  const readiness = fleet.readiness();
  worker(1).answer(ready);
  worker(2).answer(ready);
  t.same(await readiness, { ready: false, missing: ["workers that are not up: 1 of 3"] });
});

t.test("metrics are collected from all that answer in time, and a worker's last ones without being asked", async (t) => {
  const { fleet, worker, told } = await startedFleet(2);
  const collected = fleet.collectMetrics();
  worker(1).answer([{ name: "a" }]);
  await collected;
  t.same(told.metrics, [[2, [{ name: "a" }]]]);
  const late = fleet.collectMetrics();
  await late;
  worker(0).answer([{ name: "late" }]);
  t.equal(told.metrics.length, 1, "an answer that comes too late is none");
  const stopped = fleet.stop();
  worker(0).say({ kind: "bye", metrics: [{ name: "b" }] });
  worker(0).end({ code: 0 });
  worker(1).end({ code: 0 });
  await stopped;
  t.same(told.metrics.at(-1), [1, [{ name: "b" }]]);
  t.same(told.gone.toSorted(), [1, 2]);
});

t.test("a question to a worker that ends is not waited for", async (t) => {
  const { fleet, worker } = await startedFleet(1);
  const readiness = fleet.readiness();
  worker(0).end({ signal: "SIGKILL" });
  t.equal((await readiness).ready, false);
});
