/** A worker, with a first process and a server that only pretend. */

import t from "tap";
import type { FirstProcess, IssuerServer } from "../../../src/cli/index.ts";
import type { FromWorker, ToWorker } from "../../../src/cli/workers/messages.ts";
import type { Config } from "../../../src/config.ts";
import { KeyError, StoreError } from "../../../src/domain/ports.ts";
import { configOf } from "../../config/support.ts";
import { commandLine } from "../../support/command-line.ts";
import { until } from "../../support/wait.ts";

const HTTP = { address: "127.0.0.1", port: 3000 };
const CONFIG = configOf({});

function fakeServer(answers: Partial<IssuerServer> = {}): IssuerServer {
  return {
    listen: async () => ({ http: HTTP, ops: undefined }),
    hasAccounts: async () => true,
    close: async () => undefined,
    readiness: async () => ({ ready: true, missing: [] }),
    metrics: async () => [{ name: "a" }],
    ...answers,
  };
}

/** Runs `worker`; what it is told is up to the test. */
function newWorker(server: () => Promise<IssuerServer>) {
  const heard: FromWorker[] = [];
  const opened: Config[] = [];
  let tell: (message: ToWorker) => void = () => undefined;
  let vanish: () => void = () => undefined;
  const firstProcess: FirstProcess = {
    send: async (message) => void heard.push(message),
    onMessage: (listener) => void (tell = listener),
    onGone: (listener) => void (vanish = listener),
  };
  const openServer = (config: Config) => {
    opened.push(config);
    return server();
  };
  const ran = commandLine(["worker"], { dependencies: { worker: { firstProcess, openServer } } });
  const hears = (kind: FromWorker["kind"]) => until(kind, () => heard.some((message) => message.kind === kind));
  return { ran, heard, opened, hears, tell: (message: ToWorker) => tell(message), vanish: () => vanish() };
}

t.test("it says hello, serves what it is told to, and says where; nothing on stdout or stderr", async (t) => {
  const { ran, heard, opened, hears, tell } = newWorker(async () => fakeServer());
  await hears("hello");
  t.same(opened, [], "nothing is opened before it is told to start");
  tell({ kind: "start", config: CONFIG });
  await hears("listening");
  t.same(heard, [{ kind: "hello" }, { kind: "listening", http: HTTP, hasAccounts: true }]);
  t.same(opened, [CONFIG]);
  tell({ kind: "stop" });
  const { code, stdout, stderr } = await ran;
  t.same([code, stdout, stderr], [0, "", ""]);
  t.same(heard.at(-1), { kind: "bye", metrics: [{ name: "a" }] }, "its counts outlive it");
});

t.test("it answers what it is asked, and says so where it can't", async (t) => {
  const down = { ready: false, missing: ["the store does not answer"] };
  const { ran, heard, hears, tell } = newWorker(async () =>
    fakeServer({ readiness: async () => down, metrics: () => Promise.reject(new Error("no")) }),
  );
  await hears("hello");
  tell({ kind: "ask", id: 1, question: "readiness" });
  tell({ kind: "start", config: CONFIG });
  await hears("listening");
  tell({ kind: "ask", id: 2, question: "readiness" });
  tell({ kind: "ask", id: 3, question: "metrics" });
  await until("the answers", () => heard.filter(({ kind }) => kind === "answer").length === 3);
  const answers = heard.flatMap((message) => (message.kind === "answer" ? [[message.id, message.answer]] : []));
  t.same(
    new Map(answers as [number, unknown][]),
    new Map<number, unknown>([
      [1, undefined],
      [2, down],
      [3, undefined],
    ]),
  );
  tell({ kind: "stop" });
  await ran;
});

t.test("a start that fails is told to the first process, with the line and code of one process, and said to nobody else", async (t) => {
  const failures = [
    [new StoreError("unavailable", "no connection"), 2, /^error: the store can't be used: no connection$/],
    [new KeyError("k.json is missing"), 2, /^error: k\.json is missing$/],
    [new TypeError("canary"), 1, /^unexpected error: TypeError/],
  ] as const;
  for (const [error, code, line] of failures) {
    for (const open of [() => Promise.reject(error), async () => fakeServer({ listen: () => Promise.reject(error) })]) {
      const { ran, heard, hears, tell } = newWorker(open);
      await hears("hello");
      tell({ kind: "start", config: CONFIG });
      const result = await ran;
      t.same([result.code, result.stdout, result.stderr], [code, "", ""]);
      t.match(heard[1], { kind: "failed", line, code });
      t.notOk(JSON.stringify(heard).includes("canary"));
    }
  }
});

t.test("it ends when the first process is gone, and says why", async (t) => {
  let isClosed = false;
  const { ran, hears, tell, vanish } = newWorker(async () => fakeServer({ close: async () => void (isClosed = true) }));
  await hears("hello");
  tell({ kind: "start", config: CONFIG });
  await hears("listening");
  vanish();
  const { code, stderr } = await ran;
  t.equal(code, 0);
  t.equal(isClosed, true);
  t.match(stderr, /^the first process is gone/);
});

t.test("told to stop before it was told to start, it ends without having opened anything", async (t) => {
  const { ran, opened, hears, tell } = newWorker(async () => fakeServer());
  await hears("hello");
  tell({ kind: "stop" });
  t.equal((await ran).code, 0);
  t.same(opened, []);
});

t.test("whether there are accounts does not keep it from serving", async (t) => {
  const { ran, heard, hears, tell } = newWorker(async () =>
    fakeServer({ hasAccounts: () => Promise.reject(new StoreError("unavailable", "down")) }),
  );
  await hears("hello");
  tell({ kind: "start", config: CONFIG });
  await hears("listening");
  t.match(heard.at(-1), { hasAccounts: true });
  tell({ kind: "stop" });
  t.equal((await ran).code, 0);
});

t.test("nobody starts a worker by hand", async (t) => {
  const { code, stderr } = await commandLine(["worker"]);
  t.equal(code, 2);
  t.match(stderr, /^error: workers are started by serve/);
  t.notMatch((await commandLine(["--help"])).stdout, /worker/);
});
