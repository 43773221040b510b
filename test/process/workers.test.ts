/** Several processes of one issuer: they start, share the work, count together and are ready together. */

import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import t from "tap";
import { mustLogIn, refresh } from "../support/client-calls.ts";
import { call, membersOf } from "../support/http-call.ts";
import { Home } from "../support/issuer-process.ts";
import type { RunningIssuer } from "../support/issuer-process.ts";
import { freePort, skipWithoutRedis, startRedis } from "../support/redis.ts";
import { until } from "../support/wait.ts";
import { childrenOf, connectionsHeldBy, keptConnection, skipWithoutProc, workersUp } from "../support/workers.ts";

// Of the whole file, on a machine that is slow and busy.
t.setTimeout(600_000);

const PASSWORD = "the password of three workers";

const STORES = [
  { name: "embedded", skip: skipWithoutProc },
  { name: "redis", skip: skipWithoutProc === false ? skipWithoutRedis : skipWithoutProc },
] as const;

async function newHome(t: Tap, name: (typeof STORES)[number]["name"]): Promise<Home> {
  if (name === "embedded") return Home.make(t, { settings: { workers: 3 } });
  const redis = await startRedis();
  t.teardown(() => redis.remove());
  return Home.make(t, { store: redis.url, settings: { workers: 3 } });
}

type Tap = Parameters<typeof Home.make>[0];

/** The keys of the ring, those of refresh tokens too. */
async function ringOf(home: Home): Promise<readonly { readonly kid: string; readonly alg: string; readonly state: string }[]> {
  const texts = [await home.must("keys", "list", "--json"), await home.must("keys", "list", "--mac", "--json")];
  return texts.flatMap((text) => (JSON.parse(text) as { keys: { kid: string; alg: string; state: string }[] }).keys);
}

const keyFiles = (home: Home): readonly string[] => readdirSync(home.keysFolder).filter((name) => /^[\w-]{43}\.json$/.test(name));

const eventsIn = (text: string): readonly { readonly event: string; readonly level: string }[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { event: string; level: string });

for (const { name, skip } of STORES) {
  t.test(
    `six workers that start at once on an empty store make one ring and one marker, and none alarms (${name})`,
    { skip },
    async (t) => {
      const home = await newHome(t, name);
      const issuer = await home.start({ MINTMARK_WORKERS: "6" });
      const workers = await workersUp(issuer, 6);
      t.equal(workers.length, 6);
      const ring = await ringOf(home);
      const active = ring.filter(({ state }) => state === "active").map(({ alg }) => alg);
      t.same(active.sort(), ["ES256", "Ed25519", "EdDSA", "HS256"], "one key of each algorithm signs");
      t.same([...keyFiles(home)].sort(), ring.map(({ kid }) => `${kid}.json`).sort(), "each key has its file, and none is left over");
      const events = eventsIn(issuer.stdout());
      t.same(
        events.filter(({ level }) => level !== "info"),
        [],
      );
      t.equal(events.filter(({ event }) => event === "keys_changed").length, 1);
      await home.addUser("first", PASSWORD);
      const { refreshToken } = await mustLogIn(issuer, "first", PASSWORD);
      t.equal(await issuer.stop(), 0);

      const again = await home.start();
      t.notMatch(again.stderr(), /no users yet/);
      t.equal((await refresh(again, refreshToken)).status, 200, "sessions of before live on");
      t.equal(keyFiles(home).length, 8);
      t.same(
        eventsIn(again.stdout()).filter(({ event }) => event === "store_emptied"),
        [],
        "the marker was there",
      );
    },
  );

  t.test(`all workers serve, and their sums are what was asked (${name})`, { skip }, async (t) => {
    const home = await newHome(t, name);
    const issuer = await home.start();
    const workers = await workersUp(issuer, 3);
    t.same(
      workers.map((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes("worker")),
      [true, true, true],
    );
    const before = await livezAnswers(issuer);
    const connections = [];
    for (let index = 0; index < 500; index += 1) {
      connections.push(await keptConnection(issuer));
      await connections.at(-1)?.ask();
      if (workers.every((pid) => connectionsHeldBy(pid, issuer) > 0)) break;
    }
    for (const pid of workers) t.ok(connectionsHeldBy(pid, issuer) > 0, "it holds a connection on which it answered");
    t.equal(connectionsHeldBy(issuer.pid, issuer), 0, "the first process serves no client");
    await until("the sum", async () => (await livezAnswers(issuer)) === before + connections.length);
    for (const { socket } of connections) socket.destroy();

    // A login at one is a session at all.
    await home.addUser("shared", PASSWORD);
    let { refreshToken } = await mustLogIn(issuer, "shared", PASSWORD);
    // Each request is a connection of its own.
    for (let index = 0; index < 30; index += 1) {
      const answer = await refresh(issuer, refreshToken);
      t.equal(answer.status, 200);
      refreshToken = String(membersOf(answer)["refresh_token"]);
    }
    await until("the sum", async () => (await metric(issuer, 'mintmark_refreshes_total{outcome="rotated"}')) === 30);
    t.equal(await metric(issuer, 'mintmark_logins_total{outcome="granted"}'), 1);
    t.equal(await metric(issuer, 'mintmark_keys{algorithm="ES256",state="active"}'), 1, "not multiplied by the workers");
    t.equal(await metric(issuer, "mintmark_store_emptied"), 0);
  });
}

/** The value of a series on the ops listener; 0 where there is none. */
async function metric(issuer: RunningIssuer, series: string): Promise<number> {
  const { body } = await call(`${issuer.opsUrl}/metrics`);
  const line = body.split("\n").find((text) => text.startsWith(`${series} `));
  return line === undefined ? 0 : Number(line.slice(series.length + 1));
}

const livezAnswers = (issuer: RunningIssuer) => metric(issuer, 'mintmark_http_responses_total{route="/livez",status="200"}');

t.test("what is said at the start is said once", { skip: skipWithoutProc }, async (t) => {
  const home = await Home.make(t);
  rmSync(home.configPath);
  const env = { MINTMARK_PORT: String(await freePort()), MINTMARK_OPS_PORT: "0", MINTMARK_WORKERS: "3" };
  const issuer = await home.start(env);
  await workersUp(issuer, 3);
  const lines = issuer.stderr().trimEnd().split("\n");
  t.equal(lines.length, 3);
  t.match(lines[0], /^no mintmark\.config\.json: the default configuration/);
  t.equal(lines[1], "no users yet: npx mintmark users add NAME");
  t.match(lines[2], /^listening on http:\/\/127\.0\.0\.1:\d+ \(metrics and health on http:\/\/127\.0\.0\.1:\d+\)$/);
});

t.test("auto is one per core, one is one process, and port 0 is one port for all", { skip: skipWithoutProc }, async (t) => {
  const home = await Home.make(t, { settings: { issuer: "http://127.0.0.1:3000", listen: { port: 0 } } });
  const one = await home.start({ MINTMARK_WORKERS: "1" });
  t.same(childrenOf(one.pid), []);
  t.equal(await one.stop(), 0);
  const three = await home.start({ MINTMARK_WORKERS: "3" });
  await workersUp(three, 3);
  for (let index = 0; index < 20; index += 1) t.equal((await call(`${three.url}/livez`)).status, 200);
  t.equal(await three.stop(), 0);
});

t.test("without an ops listener there is none", { skip: skipWithoutProc }, async (t) => {
  const home = await Home.make(t, { settings: { workers: 2, ops: false } });
  const issuer = await home.start();
  t.match(issuer.stderr(), /^listening on http:\/\/127\.0\.0\.1:\d+$/m);
  t.equal((await issuer.send("/readyz")).status, 200);
  t.equal(await issuer.stop(), 0);
});

t.test("a worker that does not answer holds up neither metrics nor health, and is named", { skip: skipWithoutProc }, async (t) => {
  const home = await newHome(t, "embedded");
  const issuer = await home.start();
  const [worker = 0] = await workersUp(issuer, 3);
  process.kill(worker, "SIGSTOP");
  try {
    const answer = await call(`${issuer.opsUrl}/readyz`);
    t.equal(answer.status, 503);
    t.match(answer.body, /workers that do not answer: 1 of 3/);
    t.equal(await metric(issuer, 'mintmark_keys{algorithm="ES256",state="active"}'), 1);
    t.equal((await call(`${issuer.opsUrl}/livez`)).status, 200);
  } finally {
    process.kill(worker, "SIGCONT");
  }
  await workersUp(issuer, 3);
});

t.test("readiness says once what all workers lack", { skip: STORES[1].skip }, async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.remove());
  const home = await Home.make(t, { store: redis.url, settings: { workers: 3, redis: { commandTimeout: "250ms" } } });
  const issuer = await home.start();
  await redis.kill();
  await until("it is missed", async () => (await call(`${issuer.opsUrl}/readyz`)).body.includes("the store does not answer"));
  const { body } = await call(`${issuer.opsUrl}/readyz`);
  t.equal(body.split("the store does not answer").length, 2);
  await redis.start();
  await workersUp(issuer, 3);
});

t.test("a start that fails is the one line of one process, and exit 2", { skip: skipWithoutProc }, async (t) => {
  const taken = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taken.once("listening", resolve));
  t.teardown(() => taken.close());
  const address = taken.address();
  const port = String(typeof address === "object" ? address?.port : "");
  const fresh = () => Home.make(t, { settings: { workers: 2 } });
  const withoutFolder = await fresh();
  writeFileSync(join(withoutFolder.folder, "data"), "no folder");
  const withoutKey = await fresh();
  await (await withoutKey.start()).stop();
  rmSync(join(withoutKey.keysFolder, keyFiles(withoutKey)[0] ?? ""));
  const cases: readonly (readonly [Home, Record<string, string>, RegExp])[] = [
    [await fresh(), { MINTMARK_PORT: port }, new RegExp(`^error: port ${port} of 127\\.0\\.0\\.1 is taken`)],
    [await fresh(), { MINTMARK_OPS_PORT: port }, new RegExp(`^error: port ${port} of 127\\.0\\.0\\.1 is taken`)],
    [await fresh(), { MINTMARK_STORE: "redis://127.0.0.1:1" }, /^error: the store can't be used: /],
    [withoutFolder, {}, /^error: the store can't be used: /],
    [withoutKey, {}, /^error: .*missing; copy the file/],
  ];
  for (const [home, env, line] of cases) {
    const process = home.launch(env);
    t.equal(await process.ended, 2, String(line));
    const lines = process.stderr().trimEnd().split("\n");
    t.equal(lines.length, 1, process.stderr());
    t.match(lines[0], line);
  }
});
