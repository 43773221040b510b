/** A worker that dies: another takes its place, nobody is logged out, and no count is lost that was ever shown. */

import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import t from "tap";
import { mustLogIn, refresh } from "../support/client-calls.ts";
import { call } from "../support/http-call.ts";
import { Home } from "../support/issuer-process.ts";
import type { RunningIssuer } from "../support/issuer-process.ts";
import { skipWithoutRedis, startRedis } from "../support/redis.ts";
import { newLoad, refreshAndRetry } from "../support/refresh-load.ts";
import { pause, until } from "../support/wait.ts";
import { childrenOf, skipWithoutProc, workersUp } from "../support/workers.ts";

t.setTimeout(600_000);

const PASSWORD = "the password that outlives workers";
const KILLS = 3;
const CLIENTS = 12;

const STORES = [
  { name: "embedded", skip: skipWithoutProc },
  { name: "redis", skip: skipWithoutProc === false ? skipWithoutRedis : skipWithoutProc },
] as const;

/** A series of the ops listener; 0 where there is none. */
async function metric(issuer: RunningIssuer, series: string): Promise<number> {
  const { body } = await call(`${issuer.opsUrl}/metrics`);
  const line = body.split("\n").find((text) => text.startsWith(`${series} `));
  return line === undefined ? 0 : Number(line.slice(series.length + 1));
}

const answered = (issuer: RunningIssuer) => metric(issuer, 'mintmark_http_responses_total{route="/token",status="200"}');

for (const { name, skip } of STORES) {
  t.test(
    `workers killed under load are replaced, and no client loses more than the request it had there (${name})`,
    { skip },
    async (t) => {
      const redis = name === "redis" ? await startRedis() : undefined;
      if (redis !== undefined) t.teardown(() => redis.remove());
      const home = await Home.make(t, { ...(redis === undefined ? {} : { store: redis.url }), settings: { workers: 3 } });
      const issuer = await home.start();
      await home.addUser("zoe", PASSWORD);
      const sessions = [];
      for (let index = 0; index < CLIENTS; index += 1) sessions.push(await mustLogIn(issuer, "zoe", PASSWORD));
      const [load, stop] = [newLoad(), new AbortController()];
      const clients = sessions.map(({ refreshToken }) => refreshAndRetry(issuer, refreshToken, load, stop.signal));

      const shown: number[] = [];
      for (let kill = 1; kill <= KILLS; kill += 1) {
        const before = await workersUp(issuer, 3);
        const done = load.answered;
        await until("the clients are at work", () => load.answered > done + 50);
        shown.push(await answered(issuer));
        process.kill(before[0] ?? 0, "SIGKILL");
        shown.push(await answered(issuer));
        await workersUp(issuer, 3, before.slice(0, 1));
      }
      stop.abort();
      const tokens = await Promise.all(clients);
      const denied = load.cut.filter((what) => /^\d/.test(what));
      t.same(denied, [], "whoever had no answer asks again and gets one");
      const lost = load.cut.length + load.refused;
      t.ok(lost <= KILLS * CLIENTS, `at most a request of each client was lost with a worker: ${lost}`);
      t.equal(load.cut.includes("ECONNREFUSED"), false);
      t.same(
        shown,
        shown.toSorted((a, b) => a - b),
        "no count falls",
      );
      t.equal(await metric(issuer, "mintmark_worker_restarts_total"), KILLS);
      for (const token of tokens) t.equal((await refresh(issuer, token)).status, 200, "nobody is logged out");

      const lines = issuer.stdout().trimEnd().split("\n");
      const events = lines.map((line) => JSON.parse(line) as { event: string; level: string; signal?: string });
      const endings = events.filter(({ event }) => event === "worker_ended");
      t.equal(endings.length, KILLS);
      for (const ending of endings) t.match(ending, { level: "warn", signal: "SIGKILL" });
      t.equal(events.filter(({ event }) => event === "worker_restarted").length, KILLS);
      t.same(
        events.filter(({ level }) => level === "error"),
        [],
      );
      t.equal(await issuer.stop(), 0);
    },
  );
}

t.test("what a worker had counted when it was last shown stays in the sum when it is killed", { skip: skipWithoutProc }, async (t) => {
  const home = await Home.make(t, { settings: { workers: 3 } });
  const issuer = await home.start();
  const livez = () => metric(issuer, 'mintmark_http_responses_total{route="/livez",status="200"}');
  const before = await workersUp(issuer, 3);
  const start = await livez();
  for (let index = 0; index < 60; index += 1) await call(`${issuer.url}/livez`);
  await until("the sum", async () => (await livez()) === start + 60);
  for (const pid of before) process.kill(pid, "SIGKILL");
  await workersUp(issuer, 3, before);
  t.equal(await livez(), start + 60, "all that counted them are gone");
  for (let index = 0; index < 40; index += 1) await call(`${issuer.url}/livez`);
  await until("the sum", async () => (await livez()) === start + 100);
  t.equal(await metric(issuer, "mintmark_worker_restarts_total"), 3);
});

t.test(
  "a successor runs on the configuration of the start, and one that can't start is tried again",
  { skip: skipWithoutProc },
  async (t) => {
    const home = await Home.make(t, { settings: { workers: 2 } });
    const issuer = await home.start();
    const before = await workersUp(issuer, 2);
    writeFileSync(home.configPath, "{ this is no configuration");
    const aside = `${home.keysFolder}.aside`;
    renameSync(home.keysFolder, aside);
    mkdirSync(home.keysFolder);
    process.kill(before[0] ?? 0, "SIGKILL");
    const failures = () =>
      issuer
        .stdout()
        .split("\n")
        .filter((line) => line.includes('"worker_ended"') && line.includes("missing; copy the file"));
    await until("two successors could not start", () => failures().length >= 2);
    t.ok(childrenOf(issuer.pid).includes(before[1] ?? 0), "the other worker goes on");
    t.equal((await call(`${issuer.url}/.well-known/jwks.json`)).status, 200);
    t.match((await call(`${issuer.opsUrl}/readyz`)).body, /workers that are not up: 1 of 2/);
    renameSync(home.keysFolder, `${aside}.empty`);
    renameSync(aside, home.keysFolder);
    await workersUp(issuer, 2, before.slice(0, 1));
    t.equal(issuer.stderr().trimEnd().split("\n").length, 2, "nothing more is said on stderr");
  },
);

t.test("a worker that hangs and is killed takes no new client with it", { skip: skipWithoutProc }, async (t) => {
  const home = await Home.make(t, { settings: { workers: 2 } });
  const issuer = await home.start();
  const [hanging = 0] = await workersUp(issuer, 2);
  process.kill(hanging, "SIGSTOP");
  const answers = Promise.all(Array.from({ length: 30 }, () => call(`${issuer.url}/livez`)));
  await pause(300);
  process.kill(hanging, "SIGKILL");
  for (const { status } of await answers) t.equal(status, 200);
  await workersUp(issuer, 2, [hanging]);
});

t.test("while one starts anew the port is served by the others, and readiness waits for it", { skip: skipWithoutProc }, async (t) => {
  const home = await Home.make(t, { settings: { workers: 2 } });
  const issuer = await home.start();
  const [first = 0] = await workersUp(issuer, 2);
  process.kill(first, "SIGKILL");
  await until("it is missed", async () => (await call(`${issuer.opsUrl}/readyz`)).status === 503);
  for (let index = 0; index < 20; index += 1) {
    t.equal((await call(`${issuer.url}/livez`)).status, 200);
    await pause(10);
  }
  await workersUp(issuer, 2, [first]);
});
