/** An issuer whose keys are made in a token: they move there from files by rotation, and the tokens of both kinds verify. */

import { createLocalJWKSet, createRemoteJWKSet, jwtVerify } from "jose";
import t from "tap";
import { logIn, mustLogIn, mustRefresh } from "../support/client-calls.ts";
import { API, ED25519_API, ED_API, Home } from "../support/issuer-process.ts";
import type { RunningIssuer } from "../support/issuer-process.ts";
import { PIN, skipWithoutFaults, skipWithoutSoftHsm, SoftHsm } from "../support/softhsm.ts";
import { until } from "../support/wait.ts";

// Of the whole file, on a machine that is slow and busy.
t.setTimeout(600_000);

const PASSWORD = "a password that a token signs for";
const TOKEN = "issuer";
const JWKS_PATH = "/.well-known/jwks.json";

interface ShownKey {
  readonly kid: string;
  readonly alg: string;
  readonly state: string;
}

function setUp() {
  const hsm = new SoftHsm({ faults: skipWithoutFaults === false });
  hsm.addToken(TOKEN);
  // The command line runs in this process.
  Object.assign(process.env, hsm.environment);
  const settings = {
    keys: { store: `pkcs11:token=${TOKEN}?module-path=${hsm.modulePath}`, signatureTimeout: "5s", stageFor: "1s", jwksMaxAge: "1s" },
  };
  return { hsm, env: { ...hsm.environment, MINTMARK_PKCS11_PIN: PIN }, settings };
}

async function keysOf(home: Home, env: Record<string, string>): Promise<readonly ShownKey[]> {
  const { stdout } = await home.command(["keys", "list", "--json"], { env });
  return (JSON.parse(stdout) as { keys: ShownKey[] }).keys;
}

async function must(home: Home, env: Record<string, string>, ...argv: string[]): Promise<void> {
  const { code, stderr } = await home.command(argv, { env });
  if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}:\n${stderr}`);
}

/** Logs in and gets a token of each algorithm. */
async function tokensOf(issuer: RunningIssuer): Promise<Readonly<Record<string, string>>> {
  const session = await mustLogIn(issuer, "vera", PASSWORD);
  const ed = await mustRefresh(issuer, session.refreshToken, { resource: ED_API });
  const ed25519 = await mustRefresh(issuer, ed.refreshToken, { resource: ED25519_API });
  return { [API]: session.accessToken, [ED_API]: ed.accessToken, [ED25519_API]: ed25519.accessToken };
}

async function kidsOf(home: Home, issuer: RunningIssuer, tokens: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const keys = createRemoteJWKSet(new URL(issuer.url + JWKS_PATH));
  const verified = await Promise.all(
    Object.entries(tokens).map(([audience, token]) => jwtVerify(token, keys, { issuer: home.issuer, audience, typ: "at+jwt" })),
  );
  return verified.map(({ protectedHeader }) => protectedHeader.kid ?? "");
}

t.test(
  "keys move from files into a token by rotation, and what the old ones signed still verifies",
  { skip: skipWithoutSoftHsm },
  async (t) => {
    const { settings, env } = setUp();
    const { store, ...others } = settings.keys;
    const home = await Home.make(t, { settings: { keys: others } });
    const first = await home.start();
    await home.addUser("vera", PASSWORD);
    const before = await tokensOf(first);
    const oldKids = await kidsOf(home, first, before);
    t.equal(await first.stop(), 0);

    home.configure({ keys: { ...others, store } });
    const issuer = await home.start(env);
    const known = await keysOf(home, env);
    const algorithms = [...new Set(known.map(({ alg }) => alg))];
    await must(home, env, "keys", "stage");
    const fresh = (await keysOf(home, env)).filter(({ kid }) => known.every((key) => key.kid !== kid));
    t.same(fresh.map(({ alg }) => alg).sort(), algorithms.toSorted(), "one of each algorithm");
    for (const { kid } of fresh) await must(home, env, "keys", "promote", kid, "--force", "--reason", "moves into the token");
    const active = (await keysOf(home, env)).filter(({ state }) => state === "active").map(({ kid }) => kid);
    t.same(active.toSorted(), fresh.map(({ kid }) => kid).sort());
    await until("the new keys sign", async () => {
      const kids = await kidsOf(home, issuer, await tokensOf(issuer));
      return kids.every((kid) => active.includes(kid));
    });
    t.same(await kidsOf(home, issuer, before), oldKids, "the tokens of the keys in files");

    await must(home, env, "keys", "rotate");
    await until("the rotation", async () => {
      const kids = await kidsOf(home, issuer, await tokensOf(issuer));
      return kids.some((kid) => !active.includes(kid) && !oldKids.includes(kid));
    });
    t.equal(await issuer.stop(), 0);
  },
);

t.test(
  "an issuer that begins with a token has its keys there, and goes on publishing while it is gone",
  { skip: skipWithoutFaults },
  async (t) => {
    const { hsm, settings, env } = setUp();
    const home = await Home.make(t, { settings });
    const issuer = await home.start(env);
    await home.addUser("vera", PASSWORD);
    const tokens = await tokensOf(issuer);
    t.equal((await kidsOf(home, issuer, tokens)).length, 3);

    hsm.begin("gone");
    const refused = await logIn(issuer, "vera", PASSWORD);
    t.equal(refused.status, 503);
    const published = JSON.parse((await issuer.send(JWKS_PATH)).body) as Parameters<typeof createLocalJWKSet>[0];
    for (const [audience, token] of Object.entries(tokens))
      await jwtVerify(token, createLocalJWKSet(published), { issuer: home.issuer, audience });

    hsm.end();
    await until("a login", async () => {
      const answer = await logIn(issuer, "vera", PASSWORD);
      return answer.status === 200;
    });

    hsm.begin("hang");
    void logIn(issuer, "vera", PASSWORD);
    await until("the call that hangs", () => hsm.isHanging());
    t.equal(await issuer.stop(), 0, "a token that hangs doesn't keep it from stopping");
  },
);
