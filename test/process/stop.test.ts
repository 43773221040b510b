/** The process at its end: what was begun is finished, and it is gone in time. */

import { connect } from "node:net";
import { join } from "node:path";
import t from "tap";
import { mustLogIn } from "../support/client-calls.ts";
import { call } from "../support/http-call.ts";
import { Home } from "../support/issuer-process.ts";
import { newLoad, refreshOnAndOn } from "../support/refresh-load.ts";
import { launch } from "../support/server-process.ts";
import { unfinished } from "../support/unfinished.ts";
import { pause, until } from "../support/wait.ts";

const PASSWORD = "the password of the last moment";
const PROJECT = join(import.meta.dirname, "../..");

t.test("SIGTERM under load: every request that was begun is answered, and exit 0", async (t) => {
  const home = await Home.make(t);
  const issuer = await home.start();
  await home.addUser("zoe", PASSWORD);
  const sessions = [];
  for (let index = 0; index < 12; index += 1) sessions.push(await mustLogIn(issuer, "zoe", PASSWORD));
  const load = newLoad();
  const clients = sessions.map(({ refreshToken }) => refreshOnAndOn(issuer, refreshToken, load));
  await until("the clients are at work", () => load.answered > 100, 60_000);
  t.equal(await issuer.stop(), 0);
  await Promise.all(clients);
  t.same(load.cut, []);
  t.ok(load.closing > 0, "answers of the end close their connections");
});

t.test("a request over a kept connection, sent before its client could know of the SIGTERM, is answered", async (t) => {
  const home = await Home.make(t);
  const issuer = await home.start();
  const { hostname, port } = new URL(issuer.url);
  const socket = connect(Number(port), hostname).on("error", () => undefined);
  let text = "";
  socket.on("data", (piece: Buffer) => void (text += piece.toString()));
  const closed = new Promise((resolve) => socket.once("close", resolve));
  const request = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
  const answers = () => text.split("HTTP/1.1 200").length - 1;
  socket.write(request);
  await until("the first answer", () => answers() === 1);
  issuer.signal("SIGTERM");
  await pause(20);
  socket.write(request);
  await closed;
  t.equal(answers(), 2);
  t.match(text, /^connection: close\r$/im);
  t.equal(await issuer.ended, 0);
});

t.test("SIGTERM while a request is on its way: it is answered; SIGTERM again within 2 s is the same one", async (t) => {
  const home = await Home.make(t);
  const issuer = await home.start();
  const request = await unfinished(issuer);
  issuer.signal("SIGTERM");
  await pause(100);
  issuer.signal("SIGTERM");
  issuer.signal("SIGINT");
  await pause(100);
  request.finish();
  const answer = await request.closed;
  t.match(answer, /^HTTP\/1\.1 400 /);
  t.match(answer, /^connection: close\r$/im);
  t.match(answer, /invalid_grant/);
  t.equal(await issuer.ended, 0);
});

t.test("SIGTERM again after 2 s ends it at once with exit 1", async (t) => {
  const home = await Home.make(t);
  const issuer = await home.start();
  const request = await unfinished(issuer);
  issuer.signal("SIGTERM");
  await until("it has seen the first", async () => (await call(`${issuer.opsUrl}/readyz`)).status === 503);
  await pause(2_300);
  issuer.signal("SIGTERM");
  t.equal(await issuer.ended, 1);
  request.destroy();
});

t.test("SIGINT drains and is exit 0, also before it listens", async (t) => {
  const home = await Home.make(t);
  const issuer = await home.start();
  issuer.signal("SIGINT");
  t.equal(await issuer.ended, 0);
  const early = home.launch();
  await pause(150);
  early.signal("SIGTERM");
  t.ok([0, "SIGTERM"].includes(await early.ended), "before it has seen to signals the system ends it");
});

t.test("npm start execs the server: SIGTERM to npm is exit 0, and nothing is left", async (t) => {
  const home = await Home.make(t);
  // The project's own folder gives the script, the home everything else.
  const env = {
    MINTMARK_CONFIG: home.configPath,
    MINTMARK_STORE: `embedded:${home.folder}/data`,
    MINTMARK_KEYS: `file:${home.keysFolder}`,
  };
  const npm = launch({ cwd: PROJECT, env }, ["start"], "npm");
  const { url } = await npm.listening;
  t.equal((await call(`${url}/readyz`)).status, 200);
  npm.signal("SIGTERM");
  t.equal(await npm.ended, 0);
  await t.rejects(call(`${url}/livez`), { code: "ECONNREFUSED" });
});
