import { createServer, type Server as TcpServer } from "node:net";
import t from "tap";
import { createContext } from "../../src/cli/context.ts";
import type { Dependencies, Server } from "../../src/cli/index.ts";
import { serve } from "../../src/cli/serve.ts";
import { KeyError, StoreError } from "../../src/domain/ports.ts";
import { commandLine } from "../support/command-line.ts";

interface Watched extends Server {
  readonly calls: string[];
}

function fakeServer(answers: Partial<Server> = {}): Watched {
  const calls: string[] = [];
  const all: Server = {
    listen: async () => ({ http: { address: "127.0.0.1", port: 3000 }, ops: { address: "::1", port: 9464 } }),
    hasAccounts: async () => true,
    close: async () => undefined,
    ...answers,
  };
  const watch =
    <Name extends keyof Server>(name: Name): (() => ReturnType<Server[Name]>) =>
    () => {
      calls.push(name);
      return all[name]() as ReturnType<Server[Name]>;
    };
  return { calls, listen: watch("listen"), hasAccounts: watch("hasAccounts"), close: watch("close") };
}

/** Serves until the line that says it listens, then asks it to stop. */
async function serveOnce(server: Server, more: Partial<Dependencies> = {}, environment: Record<string, string> = {}) {
  const stop = new AbortController();
  const listening = { ...server, hasAccounts: () => server.hasAccounts().finally(() => setImmediate(() => stop.abort())) };
  return commandLine(["serve"], { environment, dependencies: { openServer: async () => listening, stop: stop.signal, ...more } });
}

t.test("serve listens, says where in one line, drains when asked to stop and is exit 0", async (t) => {
  const server = fakeServer();
  const { code, stdout, stderr } = await serveOnce(server);
  t.same([code, stdout], [0, ""]);
  t.match(stderr, /^listening on http:\/\/127\.0\.0\.1:3000 \(metrics and health on http:\/\/\[::1\]:9464\)$/m);
  t.same(server.calls, ["listen", "hasAccounts", "close"]);
});

t.test("it says that there is no configuration file, and that there are no users yet", async (t) => {
  const { stderr } = await serveOnce(fakeServer({ hasAccounts: async () => false }));
  t.match(stderr, /no mintmark\.config\.json: the default configuration/);
  t.match(stderr, /^no users yet: npx mintmark users add NAME$/m);
  t.notMatch((await serveOnce(fakeServer())).stderr, /no users yet/);
});

t.test("a store that is down when it is asked for users doesn't stop the start", async (t) => {
  const { code, stderr } = await serveOnce(fakeServer({ hasAccounts: () => Promise.reject(new StoreError("unavailable", "down")) }));
  t.equal(code, 0);
  t.match(stderr, /^listening on/m);
});

function listenOn(port: number): Promise<TcpServer> {
  const server = createServer();
  return new Promise((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", () => resolve(server)));
}

t.test("a port that is taken is one line and exit 2", async (t) => {
  const taken = await listenOn(0);
  t.teardown(() => taken.close());
  const address = taken.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const server = fakeServer({ listen: () => listenOn(port).then(() => Promise.reject(new Error("it listens"))) });
  const { code, stdout, stderr } = await commandLine(["serve"], { dependencies: { openServer: async () => server } });
  t.same([code, stdout], [2, ""]);
  t.match(stderr, new RegExp(`^error: port ${port} of 127\\.0\\.0\\.1 is taken[^\\n]*\\n$`));
  t.equal(server.calls.at(-1), "close");
});

t.test("a store or key that can't be opened is one line and exit 2", async (t) => {
  for (const error of [new StoreError("unavailable", "no connection"), new KeyError("k.json is missing")]) {
    for (const openServer of [() => Promise.reject(error), async () => fakeServer({ listen: () => Promise.reject(error) })]) {
      const { code, stderr } = await commandLine(["serve"], { dependencies: { openServer } });
      t.equal(code, 2);
      t.match(stderr, /^error: [^\n]+\n$/);
    }
  }
});

t.test("a fault in the program at start is exit 1, and what was opened is closed", async (t) => {
  const server = fakeServer({ listen: () => Promise.reject(new TypeError("canary")) });
  const { code, stderr } = await commandLine(["serve"], { dependencies: { openServer: async () => server } });
  t.equal(code, 1);
  t.match(stderr, /^unexpected error: TypeError/);
  t.notOk(stderr.includes("canary"));
  t.equal(server.calls.at(-1), "close");
});

t.test("asked to stop while it starts, it ends without having served", async (t) => {
  const server = fakeServer();
  const { code } = await commandLine(["serve"], { dependencies: { openServer: async () => server, stop: AbortSignal.abort() } });
  t.equal(code, 0);
  t.equal(server.calls.at(-1), "close");
});

t.test("a store that fails at the end is said, and is exit 0", async (t) => {
  const { code, stderr } = await serveOnce(fakeServer({ close: () => Promise.reject(new StoreError("unavailable", "down")) }));
  t.equal(code, 0);
  t.match(stderr, /warning: .*down/);
});

t.test("requests that don't end are given up after the grace time", async (t) => {
  const stop = AbortSignal.abort();
  let stderr = "";
  const streams = { stdin: process.stdin, stdout: { write: () => true }, stderr: { write: (text: string) => void (stderr += text) } };
  const server = fakeServer({ close: () => new Promise(() => undefined) });
  const dependencies = { environment: {}, workingDirectory: "/nowhere", openServer: async () => server, stop } as unknown as Dependencies;
  t.equal(await serve(createContext(streams, dependencies), 20), 0);
  t.match(stderr, /were cut/);
});
