/** Several processes at their end: what was begun anywhere is finished, whoever gets the signal, and none is left. */

import { join } from "node:path";
import t from "tap";
import { mustLogIn } from "../support/client-calls.ts";
import { call } from "../support/http-call.ts";
import { Home } from "../support/issuer-process.ts";
import type { RunningIssuer } from "../support/issuer-process.ts";
import { newLoad, refreshOnAndOn } from "../support/refresh-load.ts";
import { launch } from "../support/server-process.ts";
import { unfinished } from "../support/unfinished.ts";
import { pause, until } from "../support/wait.ts";
import { childrenOf, isAlive, keptConnection, skipWithoutProc, workersUp } from "../support/workers.ts";

t.setTimeout(600_000);

const PASSWORD = "the password of the last moment of three";
const PROJECT = join(import.meta.dirname, "../..");
const skip = skipWithoutProc;

async function startedHome(t: Parameters<typeof Home.make>[0]) {
  const home = await Home.make(t, { settings: { workers: 3 } });
  const issuer = await home.start();
  const workers = await workersUp(issuer, 3);
  return { home, issuer, workers };
}

/** A request that a worker is in the middle of. */
async function begun(issuer: RunningIssuer) {
  const request = await unfinished(issuer);
  // What it was sent may be read by any worker, in its own time.
  await pause(200);
  return request;
}

const WAYS: readonly (readonly [string, (issuer: RunningIssuer) => void])[] = [
  ["SIGTERM to the first process", (issuer) => issuer.signal("SIGTERM")],
  ["SIGTERM to the whole group", (issuer) => issuer.signalGroup("SIGTERM")],
  ["SIGINT to the whole group", (issuer) => issuer.signalGroup("SIGINT")],
];

for (const [way, send] of WAYS) {
  t.test(`${way} under load: every request that was begun is answered, and exit 0`, { skip }, async (t) => {
    const { home, issuer, workers } = await startedHome(t);
    await home.addUser("zoe", PASSWORD);
    const sessions = [];
    for (let index = 0; index < 12; index += 1) sessions.push(await mustLogIn(issuer, "zoe", PASSWORD));
    const load = newLoad();
    const clients = sessions.map(({ refreshToken }) => refreshOnAndOn(issuer, refreshToken, load));
    await until("the clients are at work", () => load.answered > 100);
    send(issuer);
    t.equal(await issuer.ended, 0);
    await Promise.all(clients);
    t.same(load.cut, []);
    t.ok(load.closing > 0, "answers of the end close their connections");
    t.same(workers.filter(isAlive), []);
    t.notMatch(issuer.stdout(), /worker_ended/, "a worker that was asked to end is no event");
  });
}

t.test(
  "SIGTERM while a request is on its way: not ready any more, it is answered, and the same signal again changes nothing",
  { skip },
  async (t) => {
    const { issuer } = await startedHome(t);
    const request = await begun(issuer);
    const kept = await keptConnection(issuer);
    await kept.ask();
    issuer.signalGroup("SIGTERM");
    await until("it is not ready", async () => (await call(`${issuer.opsUrl}/readyz`)).body.includes("shutting down"));
    t.equal((await call(`${issuer.opsUrl}/livez`)).status, 200);
    issuer.signal("SIGTERM");
    issuer.signalGroup("SIGINT");
    request.finish();
    const answer = await request.closed;
    t.match(answer, /^HTTP\/1\.1 400 /);
    t.match(answer, /^connection: close\r$/im);
    t.equal(await issuer.ended, 0);
  },
);

t.test("SIGTERM again after 2 s ends all at once with exit 1", { skip }, async (t) => {
  const { issuer, workers } = await startedHome(t);
  const request = await begun(issuer);
  issuer.signal("SIGTERM");
  await until("it has seen the first", async () => (await call(`${issuer.opsUrl}/readyz`)).status === 503);
  await pause(2_300);
  issuer.signal("SIGTERM");
  await until("it is gone", () => !isAlive(issuer.pid));
  await until("the workers are gone", () => !workers.some(isAlive), 3_000);
  t.equal(await issuer.ended, 1);
  t.equal(await request.closed, "", "nobody waited for the request");
});

t.test("a signal to a worker alone is passed over: the first process decides", { skip }, async (t) => {
  const { issuer, workers } = await startedHome(t);
  for (const pid of workers) for (const name of ["SIGTERM", "SIGINT"] as const) process.kill(pid, name);
  await pause(300);
  t.same(childrenOf(issuer.pid), workers);
  t.equal((await call(`${issuer.opsUrl}/readyz`)).status, 200);
  t.equal(await issuer.stop(), 0);
});

t.test("when the first process is killed the workers finish what they began and end", { skip }, async (t) => {
  const { issuer, workers } = await startedHome(t);
  const request = await begun(issuer);
  issuer.signal("SIGKILL");
  await until("they have noticed", () => issuer.stderr().split("the first process is gone: this worker ends").length === 4);
  request.finish();
  t.match(await request.closed, /^HTTP\/1\.1 400 /);
  // Its streams close when the last worker has.
  t.equal(await issuer.ended, "SIGKILL");
  await until("the workers are gone", () => !workers.some(isAlive));
  await t.rejects(call(`${issuer.url}/livez`), { code: "ECONNREFUSED" });
});

t.test("a signal while it starts ends it, and leaves nothing", { skip }, async (t) => {
  const home = await Home.make(t, { settings: { workers: 3 } });
  for (const [millis, toGroup] of [
    [150, true],
    [600, true],
    [900, false],
  ] as const) {
    const early = home.launch();
    await pause(millis);
    if (toGroup) early.signalGroup("SIGTERM");
    else early.signal("SIGTERM");
    // Before it has seen to signals the system ends it.
    t.ok([0, "SIGTERM"].includes(await early.ended), `after ${millis} ms: ${String(await early.ended)} ${early.stderr()}`);
    t.notMatch(early.stderr(), /error/);
  }
  const issuer = await home.start();
  t.equal(await issuer.stop(), 0);
});

t.test("SIGTERM to npm is exit 0, and nothing is left", { skip }, async (t) => {
  const home = await Home.make(t);
  const env = {
    MINTMARK_CONFIG: home.configPath,
    MINTMARK_STORE: `embedded:${home.folder}/data`,
    MINTMARK_KEYS: `file:${home.keysFolder}`,
    MINTMARK_WORKERS: "2",
  };
  const npm = launch({ cwd: PROJECT, env }, ["start"], "npm");
  const { url } = await npm.listening;
  t.equal((await call(`${url}/readyz`)).status, 200);
  npm.signal("SIGTERM");
  t.equal(await npm.ended, 0);
  await t.rejects(call(`${url}/livez`), { code: "ECONNREFUSED" });
});
