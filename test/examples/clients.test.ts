/** The clients of docs/clients.md, as they stand in examples/, against a running issuer. */

import * as oauth from "oauth4webapi";
import * as openid from "openid-client";
import t, { type Test } from "tap";
import { createTokens as createBackendTokens } from "../../examples/backend/tokens.js";
import { createSession as createPage } from "../../examples/browser/session.js";
import { requestToken as requestByOauth4webapi } from "../../examples/machine/oauth4webapi.js";
import { requestToken as requestByOpenidClient } from "../../examples/machine/openid-client.js";
import { requestToken as requestByPrivateKey } from "../../examples/machine/private-key-jwt.js";
import { createTokens as createMachineTokens } from "../../examples/machine/secret.js";
import { createSession as createApp } from "../../examples/native/session.js";
import { Refused, Unreachable } from "../../examples/request.js";
import { createTokens as createSiteTokens } from "../../examples/server-rendered/tokens.js";
import { partOf } from "../support/client-calls.ts";
import { Home, SECRET } from "../support/issuer-process.ts";
import { type BrowserProfile, newProfile } from "../support/page-fetch.ts";
import { freePort } from "../support/redis.ts";
import { assertionBy, enter, exampleSettings, newSignatory, skip, startExample, stopSkipping } from "./support.ts";

const PASSWORD = "a password in an example";
const LOGIN = "https://login.example.com";

const signatory = await newSignatory();
const api = { port: await freePort() };
const origin = `http://127.0.0.1:${api.port}`;
const home = await Home.make(t, {
  settings: exampleSettings({
    origin,
    loginService: { issuer: LOGIN, jwks: signatory.jwks },
    // No retry window: only the key can tell an honest repetition.
    clients: { meter: { jwks: signatory.jwks, jwksUri: undefined }, phone: { retryWindow: "0s" }, web: { retryWindow: "0s" } },
    settings: { clockSkew: "500ms" },
  }),
});
let issuer = await home.start();
const url = issuer.url;
await startExample(t, "resource-server/server.js", { ISSUER: home.issuer }, api.port);
for (const name of ["ada", "bob"]) await home.addUser(name, PASSWORD);

const realFetch = globalThis.fetch;
t.afterEach(() => {
  globalThis.fetch = realFetch;
  stopSkipping();
});

const subOf = (token: unknown): unknown => (typeof token === "string" ? partOf(token, 1)["sub"] : undefined);

/** What the issuer said no with. */
async function refusal(promise: Promise<unknown>): Promise<Refused> {
  const error: unknown = await promise.catch((error: unknown) => error);
  if (error instanceof Refused) return error;
  throw new Error("it was not refused", { cause: error });
}

async function isUnreachable(promise: Promise<unknown>): Promise<boolean> {
  return (await promise.catch((error: unknown) => error)) instanceof Unreachable;
}

/** fetch that loses the answers to the first so many requests for tokens, and with them their cookies; the issuer has heard them. */
function losing(inner: typeof fetch, count: number, { cookies }: BrowserProfile = newProfile()): typeof fetch {
  let left = count;
  return async (input, init) => {
    const isLost = input === `${url}/token` && left > 0;
    const jar = cookies.get("127.0.0.1");
    const kept = new Map(jar);
    const response = await inner(input, init);
    if (!isLost) return response;
    left -= 1;
    for (const [name, value] of kept) jar?.set(name, value);
    throw new TypeError("Failed to fetch");
  };
}

function counting(inner: typeof fetch): { readonly fetch: typeof fetch; count(): number } {
  let count = 0;
  return {
    count: () => count,
    fetch(input, init) {
      count += 1;
      return inner(input, init);
    },
  };
}

/** fetch that holds the answer to the first request for tokens until it is let go; `sent` has the paths of all requests. */
function holding(inner: typeof fetch): {
  readonly fetch: typeof fetch;
  readonly reached: Promise<unknown>;
  letGo(): void;
  readonly sent: string[];
} {
  const held = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const sent: string[] = [];
  return {
    sent,
    reached: reached.promise,
    letGo: () => held.resolve(),
    async fetch(input, init) {
      const { pathname } = new URL(input instanceof Request ? input.url : input);
      const isFirst = pathname === "/token" && !sent.includes(pathname);
      sent.push(pathname);
      if (isFirst) {
        reached.resolve();
        await held.promise;
      }
      return inner(input, init);
    },
  };
}

interface Opened {
  accessToken(): Promise<unknown>;
  logIn(name: string, password: string): Promise<unknown>;
  logOut(): Promise<unknown>;
}

/** A login and a logout while a refresh is on its way. `reopen`: the same client after a restart. */
async function waitsForItsRefresh(t: Test, logoutPath: string, opened: () => Promise<Opened>, reopen: () => Opened): Promise<void> {
  const meeting = async (act: (client: Opened) => Promise<unknown>, path: string): Promise<Opened> => {
    const client = await opened();
    skip(580);
    const { fetch, reached, letGo, sent } = holding(globalThis.fetch);
    globalThis.fetch = fetch;
    const late = client.accessToken();
    await reached;
    const acted = act(client);
    await new Promise((resolve) => setTimeout(resolve, 50));
    t.notOk(sent.includes(path), `${path} waits`);
    letGo();
    await Promise.all([late, acted]);
    t.ok(sent.includes(path));
    return client;
  };
  const client = await meeting((one) => one.logIn("bob", PASSWORD), "/login");
  for (const one of [client, client, reopen()]) t.equal(subOf(await one.accessToken()), "sub-bob");
  const gone = await meeting((one) => one.logOut(), logoutPath);
  for (const one of [gone, reopen()]) t.equal(await one.accessToken(), undefined);
}

t.test("a page", async (t) => {
  let changes = 0;
  const open = () => createPage({ issuer: url, clientId: "web", changed: () => (changes += 1) });
  /** A profile in which ada is logged in. */
  async function loggedIn(): Promise<{ profile: BrowserProfile; page: ReturnType<typeof open> }> {
    const profile = newProfile();
    enter(origin, profile);
    const page = open();
    await page.logIn("ada", PASSWORD);
    changes = 0;
    return { profile, page };
  }

  t.test("finds nobody logged in, logs in, and finds ada after a reload", async (t) => {
    const profile = newProfile();
    enter(origin, profile);
    t.equal(await open().accessToken(), undefined);
    t.equal((await open().call(`${origin}/`)).status, 401);
    t.match(await refusal(open().logIn("ada", "not her password")), { error: "invalid_credentials", status: 401 });
    t.equal(subOf(await open().logIn("ada", PASSWORD)), "sub-ada");
    t.equal(subOf(await open().accessToken()), "sub-ada");
    t.match(await (await open().call(`${origin}/`)).json(), { hello: "sub-ada" });
  });

  t.test("asks once for many calls, and again before the access token ends", async (t) => {
    const { page } = await loggedIn();
    const counted = counting(globalThis.fetch);
    globalThis.fetch = counted.fetch;
    const first = await page.accessToken();
    t.equal(counted.count(), 0);
    skip(580);
    const tokens = await Promise.all(Array.from({ length: 20 }, () => page.accessToken()));
    t.equal(counted.count(), 1);
    t.equal(new Set(tokens).size, 1);
    t.not(tokens[0], first);
  });

  t.test("calls once more with a new token where the API says 401", async (t) => {
    const { page } = await loggedIn();
    const inner = globalThis.fetch;
    let spoiled = 0;
    globalThis.fetch = async (input, init) => {
      if (input !== `${origin}/` || spoiled > 0) return inner(input, init);
      spoiled += 1;
      return inner(input, { ...init, headers: { authorization: "Bearer expired" } });
    };
    t.equal((await page.call(`${origin}/`)).status, 200);
    t.equal(spoiled, 1);
  });

  t.test("stays logged in where answers are lost, and where the issuer is away for a while", async (t) => {
    const { profile, page } = await loggedIn();
    globalThis.fetch = losing(globalThis.fetch, 3, profile);
    skip(580);
    t.equal(subOf(await page.accessToken()), "sub-ada");
    await issuer.stop();
    skip(580);
    t.equal(await isUnreachable(page.accessToken()), true);
    issuer = await home.start();
    t.equal(subOf(await page.accessToken()), "sub-ada");
    t.equal(changes, 0);
  });

  t.test("that hears no answer and is opened again later goes on by the key it had kept; without it, that is a replay", async (t) => {
    for (const isKeyKept of [true, false]) {
      const { profile } = await loggedIn();
      const mine = globalThis.fetch;
      globalThis.fetch = losing(mine, 4, profile);
      t.equal(await isUnreachable(open().accessToken()), true);
      globalThis.fetch = mine;
      if (!isKeyKept) profile.storage.removeItem("exchange of web");
      t.equal(subOf(await open().accessToken()), isKeyKept ? "sub-ada" : undefined);
    }
  });

  t.test("in two tabs refreshes in both at once", async (t) => {
    await loggedIn();
    const tabs = [open(), open(), open()];
    for (const token of await Promise.all(tabs.map((tab) => tab.accessToken()))) t.equal(subOf(token), "sub-ada");
    skip(580);
    for (const token of await Promise.all(tabs.map((tab) => tab.accessToken()))) t.equal(subOf(token), "sub-ada");
  });

  t.test("notices a login and a logout in another tab at its next refresh", async (t) => {
    const { page } = await loggedIn();
    const other = open();
    await other.logIn("bob", PASSWORD);
    skip(580);
    t.equal(subOf(await page.accessToken()), "sub-bob");
    t.equal(changes, 1);
    await other.logOut();
    changes = 0;
    skip(580);
    t.equal(await page.accessToken(), undefined);
    t.equal(changes, 1);
  });

  t.test("logs in and out after the refresh that is on its way", async (t) => {
    await waitsForItsRefresh(t, "/logout", async () => (await loggedIn()).page, open);
  });

  t.test("logs out, and once more where it already is", async (t) => {
    const { profile, page } = await loggedIn();
    await page.logOut();
    t.equal(profile.cookies.get("127.0.0.1")?.size, 0);
    t.equal(await page.accessToken(), undefined);
    await page.logOut();
  });

  t.test("lists sessions and ends them", async (t) => {
    const { page } = await loggedIn();
    await page.endOtherSessions();
    const elsewhere = createPage({ issuer: url, clientId: "web", changed: () => undefined });
    const mine = globalThis.fetch;
    enter(origin, newProfile());
    const theirs = globalThis.fetch;
    await elsewhere.logIn("ada", PASSWORD);
    globalThis.fetch = mine;
    const sessions: { sid: string; current: boolean }[] = await page.listSessions();
    t.same(sessions.map(({ current }) => current).sort(), [false, true]);
    await page.endSession(sessions.find(({ current }) => !current)?.sid);
    t.equal((await page.listSessions()).length, 1);
    globalThis.fetch = theirs;
    skip(580);
    t.equal(await elsewhere.accessToken(), undefined);
  });

  t.test("takes an end by an operator for a logout", async (t) => {
    const { profile, page } = await loggedIn();
    await home.must("sessions", "revoke", "--sub", "sub-ada");
    skip(580);
    t.equal(await page.accessToken(), undefined);
    t.equal(profile.cookies.get("127.0.0.1")?.size, 0, "and the cookie is gone");
  });

  t.test("of another origin gets nothing, and nothing changes", async (t) => {
    const { profile, page } = await loggedIn();
    const mine = globalThis.fetch;
    enter("http://127.0.0.1:1", profile);
    t.equal(await isUnreachable(open().accessToken()), true, "a browser shows it no answer at all");
    globalThis.fetch = mine;
    skip(580);
    t.equal(subOf(await page.accessToken()), "sub-ada");
  });
});

t.test("a server that renders pages", async (t) => {
  const tokens = createSiteTokens({ issuer: url, clientId: "site", clientSecret: SECRET });
  const logIn = async (address = "192.0.2.1") => {
    const session: Record<string, unknown> = {};
    await tokens.logIn(session, { username: "ada", password: PASSWORD, address });
    return session;
  };

  t.test("logs a browser in, refreshes, and logs it out", async (t) => {
    const session = await logIn();
    const first = await tokens.accessToken(session);
    t.equal(subOf(first), "sub-ada");
    skip(580);
    t.not(await tokens.accessToken(session), first);
    const { refreshToken } = session;
    await tokens.logOut(session);
    t.equal(await tokens.accessToken(session), undefined);
    t.equal(await tokens.accessToken({ refreshToken }), undefined, "it is over at the issuer, too");
  });

  t.test("answers many requests of one browser at once, also over a lost answer", async (t) => {
    const session = await logIn();
    globalThis.fetch = losing(globalThis.fetch, 2);
    skip(580);
    const all = await Promise.all(Array.from({ length: 8 }, () => tokens.accessToken(session)));
    for (const token of all) t.equal(subOf(token), "sub-ada");
    skip(580);
    t.equal(subOf(await tokens.accessToken(session)), "sub-ada");
  });

  t.test("does not put a late answer over a later one", async (t) => {
    const session = await logIn();
    const inner = globalThis.fetch;
    let release = () => undefined as void;
    const held = new Promise<void>((resolve) => (release = resolve));
    globalThis.fetch = async (input, init) => {
      const response = await inner(input, init);
      await held;
      return response;
    };
    skip(580);
    const late = tokens.accessToken(session);
    globalThis.fetch = inner;
    await tokens.accessToken(session);
    skip(580);
    await tokens.accessToken(session);
    const newest = session["refreshToken"];
    release();
    t.equal(subOf(await late), "sub-ada");
    t.equal(session["refreshToken"], newest);
  });

  t.test("is not held back by the failures of others' browsers", async (t) => {
    const failing = () => tokens.logIn({}, { username: "bob", password: "a guess", address: "192.0.2.7" });
    for (let count = 0; count < 10; count += 1) t.match(await refusal(failing()), { error: "invalid_credentials" });
    t.match(await refusal(failing()), { error: "slow_down", status: 429 });
    await tokens.logIn({}, { username: "bob", password: PASSWORD, address: "192.0.2.8" });
  });
});

t.test("an app on a phone", async (t) => {
  function keyStore() {
    let text: string | undefined;
    return {
      load: async () => (text === undefined ? undefined : (JSON.parse(text) as Record<string, string>)),
      save: async (value: object) => void (text = JSON.stringify(value)),
      clear: async () => void (text = undefined),
    };
  }
  const open = (store: ReturnType<typeof keyStore>) => createApp({ issuer: url, clientId: "phone", store });

  t.test("logs in, is there after a restart, and logs out", async (t) => {
    const store = keyStore();
    t.equal(await open(store).accessToken(), undefined);
    await open(store).logIn("ada", PASSWORD);
    const app = open(store);
    t.equal(subOf(await app.accessToken()), "sub-ada");
    skip(580);
    t.equal(subOf(await app.accessToken()), "sub-ada");
    await app.logOut();
    t.equal(await store.load(), undefined);
    t.equal(await app.accessToken(), undefined);
  });

  t.test("that hears no answer and dies goes on by the key it had kept; without it, that is a replay", async (t) => {
    for (const isKeyKept of [true, false]) {
      const store = keyStore();
      await open(store).logIn("ada", PASSWORD);
      globalThis.fetch = losing(realFetch, 4);
      t.equal(await isUnreachable(open(store).accessToken()), true);
      globalThis.fetch = realFetch;
      const { refreshToken = "", key = "" } = (await store.load()) ?? {};
      t.match(key, /^.{16,}$/);
      if (!isKeyKept) await store.save({ refreshToken });
      t.equal(subOf(await open(store).accessToken()), isKeyKept ? "sub-ada" : undefined);
    }
  });

  t.test("logs in and out after the refresh that is on its way", async (t) => {
    let store = keyStore();
    const loggedIn = async () => {
      store = keyStore();
      const app = open(store);
      await app.logIn("ada", PASSWORD);
      return app;
    };
    await waitsForItsRefresh(t, "/revoke", loggedIn, () => open(store));
  });

  t.test("takes the assertion of another's login", async (t) => {
    const app = open(keyStore());
    await app.logInWith(await assertionBy(signatory, LOGIN, "7", home.issuer));
    t.equal(subOf(await app.accessToken()), "team:7");
  });
});

t.test("a backend that works for users keeps one refresh token for each", async (t) => {
  const table = new Map<string, string>();
  const make = () => createBackendTokens({ issuer: url, clientId: "worker", clientSecret: SECRET, table });
  const tokens = make();
  t.equal(await tokens.accessToken("7"), undefined);
  await tokens.connect("7", await assertionBy(signatory, LOGIN, "7", home.issuer));
  const kept = table.get("7");
  skip(580);
  const all = await Promise.all([tokens, make(), make()].map((instance) => instance.accessToken("7")));
  for (const token of all) t.match(partOf(token, 1), { sub: "team:7", client_id: "worker", scope: "read" });
  t.equal(table.get("7"), kept);
  // The command runs in this process, and must not write a time of ten minutes hence into the store.
  stopSkipping();
  await home.must("sessions", "revoke", "--sub", "team:7");
  skip(1_200);
  t.equal(await tokens.accessToken("7"), undefined);
  t.equal(table.has("7"), false);
});

t.test("a machine", async (t) => {
  const own = { iss: home.issuer, aud: "https://api.example.com", scope: "read" };

  t.test("asks with its secret, and again shortly before the end", async (t) => {
    const accessToken = createMachineTokens({ issuer: url, clientId: "nightly", clientSecret: SECRET });
    const first = await accessToken();
    t.match(partOf(first, 1), { ...own, sub: "nightly" });
    t.equal(await accessToken(), first);
    skip(580);
    t.not(await accessToken(), first);
  });

  t.test("is told by name what is wrong with its set-up", async (t) => {
    const accessToken = createMachineTokens({ issuer: url, clientId: "nightly", clientSecret: "wrong" });
    t.match(await refusal(accessToken()), { status: 401, error: "invalid_client" });
  });

  t.test("proves itself with its private key", async (t) => {
    const meter = { issuer: url, clientId: "meter", ...signatory };
    t.match(partOf((await requestByPrivateKey(meter)).access_token, 1), { ...own, sub: "meter" });
    const tokens = await requestByOauth4webapi(meter, { [oauth.allowInsecureRequests]: true });
    t.match(partOf(tokens.access_token, 1), { ...own, sub: "meter" });
  });

  t.test("uses openid-client", async (t) => {
    const nightly = { issuer: url, clientId: "nightly", clientSecret: SECRET };
    const tokens = await requestByOpenidClient(nightly, { execute: [openid.allowInsecureRequests] });
    t.match(partOf(tokens.access_token, 1), { ...own, sub: "nightly" });
  });
});
