/** An issuer whose signing keys are in AWS KMS, as moto speaks it: what users see while it is there, away, and back. */

import { readdirSync } from "node:fs";
import { createLocalJWKSet, jwtVerify } from "jose";
import type { JSONWebKeySet } from "jose";
import t from "tap";
import type { Test } from "tap";
import { AWS_ENVIRONMENT, AWS_SECRET } from "../support/aws.ts";
import { logIn, mustLogIn, mustRefresh, refresh } from "../support/client-calls.ts";
import { outcomeOf } from "../support/http-call.ts";
import { API, Home } from "../support/issuer-process.ts";
import type { RunningIssuer } from "../support/issuer-process.ts";
import { startMoto } from "../support/moto.ts";
import type { Moto } from "../support/moto.ts";
import { until } from "../support/wait.ts";

const PASSWORD = "the password of a cloudy day";
const JWKS = "/.well-known/jwks.json";
const DOWN = "503 temporarily_unavailable";

const moto = await startMoto();
if (typeof moto !== "string") t.teardown(() => moto.remove());

function kmsTest(title: string, body: (t: Test, moto: Moto, home: Home) => Promise<void>): void {
  void t.test(title, { skip: typeof moto === "string" ? moto : false }, async (t) => {
    if (typeof moto === "string") return;
    const home = await Home.make(t, {
      settings: {
        keys: { store: `awskms:region=eu-west-1?endpoint=${encodeURIComponent(moto.url)}`, algorithms: ["ES256"], signatureTimeout: "5s" },
        resources: [{ id: API, scopes: ["read"] }],
        clients: [{ id: "app", type: "public", grants: ["login", "refresh_token"], resources: [API], scopes: ["read"] }],
      },
    });
    await body(t, moto, home);
  });
}

async function isVerified(issuer: RunningIssuer, accessToken: string): Promise<boolean> {
  const jwks = createLocalJWKSet(JSON.parse((await issuer.send(JWKS)).body) as JSONWebKeySet);
  const { payload } = await jwtVerify(accessToken, jwks, { algorithms: ["ES256"], audience: API });
  return typeof payload.sub === "string";
}

kmsTest("keys are made there, sign there, and only MAC keys are in the folder", async (t, _moto, home) => {
  const issuer = await home.start(AWS_ENVIRONMENT);
  await home.addUser("amelia", PASSWORD);
  const tokens = await mustLogIn(issuer, "amelia", PASSWORD);
  t.equal(await isVerified(issuer, tokens.accessToken), true);
  t.equal(await isVerified(issuer, (await mustRefresh(issuer, tokens.refreshToken)).accessToken), true);
  const { keys } = JSON.parse((await issuer.send(JWKS)).body) as JSONWebKeySet;
  t.equal(keys.length, 2, "one signs and one is staged");
  const files = readdirSync(home.keysFolder).map((name) => name.replace(/\.json$/, ""));
  t.same(
    keys.filter(({ kid }) => files.includes(String(kid))),
    [],
  );
  t.equal((await issuer.send("/readyz")).status, 200);
  t.equal(await issuer.stop(), 0);
  t.notMatch(issuer.stdout() + issuer.stderr(), AWS_SECRET);
});

const OUTAGES: Readonly<Record<string, { begin(moto: Moto): void; end(moto: Moto): void }>> = {
  hangs: { begin: (moto) => moto.pause(), end: (moto) => moto.resume() },
  "can't be connected to": {
    begin({ proxy }) {
      proxy.rules.refuse = true;
      proxy.cut();
    },
    end({ proxy }) {
      proxy.rules.refuse = false;
    },
  },
};

for (const [what, { begin, end }] of Object.entries(OUTAGES)) {
  kmsTest(`it ${what}: 503 and no session is lost; the JWK Set goes on; back without a restart`, async (t, moto, home) => {
    const issuer = await home.start(AWS_ENVIRONMENT);
    await home.addUser("amelia", PASSWORD);
    const tokens = await mustLogIn(issuer, "amelia", PASSWORD);
    const jwks = (await issuer.send(JWKS)).body;
    begin(moto);
    try {
      for (const answer of await Promise.all([refresh(issuer, tokens.refreshToken), logIn(issuer, "amelia", PASSWORD)]))
        t.equal(outcomeOf(answer), DOWN);
      const published = await issuer.send(JWKS);
      t.same([published.status, published.body], [200, jwks]);
    } finally {
      end(moto);
    }
    await until("it is back", async () => (await logIn(issuer, "amelia", PASSWORD)).status === 200);
    t.equal(await isVerified(issuer, (await mustRefresh(issuer, tokens.refreshToken)).accessToken), true);
  });
}

kmsTest("a start while it is out of reach serves the JWK Set, is not ready, and signs when it is back", async (t, { proxy }, home) => {
  const first = await home.start(AWS_ENVIRONMENT);
  await home.addUser("amelia", PASSWORD);
  const tokens = await mustLogIn(first, "amelia", PASSWORD);
  const jwks = (await first.send(JWKS)).body;
  await first.stop();
  proxy.rules.refuse = true;
  proxy.cut();
  try {
    const issuer = await home.start(AWS_ENVIRONMENT);
    const published = await issuer.send(JWKS);
    t.same([published.status, published.body], [200, jwks]);
    const ready = await issuer.send("/readyz");
    t.equal(ready.status, 503);
    t.match(ready.body, "no key can sign ES256");
    t.equal(outcomeOf(await refresh(issuer, tokens.refreshToken)), DOWN);
    proxy.rules.refuse = false;
    await until("it is ready", async () => (await issuer.send("/readyz")).status === 200);
    t.equal(await isVerified(issuer, (await mustRefresh(issuer, tokens.refreshToken)).accessToken), true);
  } finally {
    proxy.rules.refuse = false;
  }
});
