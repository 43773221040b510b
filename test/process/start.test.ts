/** The process at its start: what it makes, what it says, and every way in which it can't start. */

import { readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import t from "tap";
import { mustLogIn, refresh } from "../support/client-calls.ts";
import { membersOf } from "../support/http-call.ts";
import { Home } from "../support/issuer-process.ts";
import { freePort, skipWithoutRedis, startRedis } from "../support/redis.ts";
import { launch } from "../support/server-process.ts";
import type { ServerProcess } from "../support/server-process.ts";

const PASSWORD = "the password of a first start";

async function ended(process: ServerProcess) {
  const code = await process.ended;
  return {
    code,
    stderr: process.stderr(),
    lines: process
      .stderr()
      .split("\n")
      .filter((line) => line !== ""),
  };
}

const keyFiles = (home: Home): readonly string[] => readdirSync(home.keysFolder).filter((name) => /^[\w-]{43}\.json$/.test(name));

t.test("a first start makes all keys before it listens, and says that there are no users yet", async (t) => {
  const home = await Home.make(t);
  const issuer = await home.start();
  const { keys } = membersOf(await issuer.send("/.well-known/jwks.json")) as { keys: { kid: string }[] };
  t.equal(keys.length, 6, "an active and a staged key for each alg that the resources use");
  const files = keyFiles(home);
  t.equal(files.length, 8, "and two for refresh tokens");
  for (const { kid } of keys) t.ok(files.includes(`${kid}.json`));
  for (const name of files) t.equal(statSync(join(home.keysFolder, name)).mode & 0o777, 0o600);
  t.match(issuer.stderr(), /^no users yet: npx mintmark users add NAME$/m);

  await home.addUser("first", PASSWORD);
  const { refreshToken } = await mustLogIn(issuer, "first", PASSWORD);
  t.equal(await issuer.stop(), 0);
  const again = await home.start();
  t.notMatch(again.stderr(), /no users yet/);
  t.same(keyFiles(home), files, "the second start makes none");
  t.equal((await refresh(again, refreshToken)).status, 200, "sessions of before live on");
});

t.test("with no configuration at all it runs, and says so", async (t) => {
  const home = await Home.make(t);
  rmSync(home.configPath);
  const env = { MINTMARK_PORT: String(await freePort()), MINTMARK_OPS_PORT: "0" };
  const issuer = await home.start(env);
  t.match(issuer.stderr(), /^no mintmark\.config\.json: the default configuration/m);
  t.equal((await issuer.send("/readyz")).status, 200);
});

t.test("a port that is taken is one line and exit 2", async (t) => {
  const taken = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taken.once("listening", resolve));
  t.teardown(() => taken.close());
  const address = taken.address();
  const port = String(typeof address === "object" ? address?.port : "");
  for (const env of [{ MINTMARK_PORT: port }, { MINTMARK_OPS_PORT: port }]) {
    const home = await Home.make(t);
    const { code, lines } = await ended(home.launch(env));
    t.equal(code, 2);
    t.equal(lines.length, 1);
    t.match(lines[0], new RegExp(`^error: port ${port} of 127\\.0\\.0\\.1 is taken`));
  }
});

t.test("a Redis that may evict sessions is not started on", { skip: skipWithoutRedis }, async (t) => {
  const redis = await startRedis({ config: { "maxmemory-policy": "allkeys-lru" } });
  t.teardown(() => redis.remove());
  const home = await Home.make(t, { store: redis.url });
  const { code, lines } = await ended(home.launch());
  t.equal(code, 2);
  t.equal(lines.length, 1);
  t.match(lines[0], /allkeys-lru.*set maxmemory-policy noeviction/);
});

t.test("a store that can't be opened is one line and exit 2", async (t) => {
  const file = await Home.make(t);
  writeFileSync(join(file.folder, "data"), "no folder");
  const redis = await Home.make(t, { store: "redis://127.0.0.1:1" });
  for (const home of [file, redis]) {
    const { code, lines } = await ended(home.launch());
    t.equal(code, 2);
    t.equal(lines.length, 1);
    t.match(lines[0], /^error: the store can't be used: /);
  }
});

t.test("all faults of a configuration are listed, each with its path and what was expected, and exit 2", async (t) => {
  const home = await Home.make(t);
  const document = {
    issuer: "http://127.0.0.1:3000/path",
    listen: { port: "3000" },
    isuer: "x",
    accessToken: { lifetime: 600 },
    refreshToken: { idleLifetime: "2d", absoluteLifetime: "1d" },
    keys: { stageFor: "1s", jwksMaxAge: "10m", defaultAlgorithm: "RS256" },
    resources: [{ id: "https://api.example.com", scopes: ["read"] }],
    clients: [{ id: "app", type: "public", grants: ["client_credentials"], resources: ["https://other.example.com"] }],
  };
  writeFileSync(home.configPath, JSON.stringify(document));
  const { code, stderr, lines } = await ended(home.launch());
  t.equal(code, 2);
  const paths = [
    "issuer",
    "listen.port",
    "isuer",
    "accessToken.lifetime",
    "refreshToken.idleLifetime",
    "keys.stageFor",
    "keys.defaultAlgorithm",
    "clients[0].grants[0]",
    "clients[0].resources[0]",
  ];
  for (const path of paths)
    t.ok(
      lines.some((line) => line.startsWith(`${path}: `)),
      path,
    );
  t.match(lines.at(-1), /^error: the configuration has \d+ faults$/);
  t.equal((await home.command(["config", "check"])).stderr.replace(/^.*error.*\n/m, ""), stderr.replace(/^.*error.*\n/m, ""));
});

t.test("MINTMARK_CONFIG that names no readable file is exit 2", async (t) => {
  const home = await Home.make(t);
  const { code, lines } = await ended(home.launch({ MINTMARK_CONFIG: "elsewhere.json" }));
  t.equal(code, 2);
  t.equal(lines.length, 2);
  t.match(lines[0], /^MINTMARK_CONFIG: /);
});

t.test("the command line is a process of its own, and works on the store of a running server", async (t) => {
  const home = await Home.make(t);
  const issuer = await home.start();
  await home.addUser("shared", PASSWORD);
  await mustLogIn(issuer, "shared", PASSWORD);
  const command = launch({ cwd: home.folder, env: {} }, ["sessions", "list", "--sub", "sub-shared", "--json"]);
  t.equal(await command.ended, 0, command.stderr());
  const { sessions } = JSON.parse(command.stdout()) as { sessions: { clientId: string }[] };
  t.same(
    sessions.map(({ clientId }) => clientId),
    ["app"],
  );
  const wrong = launch({ cwd: home.folder, env: {} }, ["keys", "promote"]);
  t.equal(await wrong.ended, 2);
  t.equal(wrong.stdout(), "", "what is no data goes to stderr");
});
