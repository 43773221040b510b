/** An issuer whose signing keys are in Vault: it signs, rotates, and goes through Vault being sealed. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createLocalJWKSet, jwtVerify } from "jose";
import type { JSONWebKeySet } from "jose";
import t from "tap";
import { logIn, mustLogIn, mustRefresh, partOf, refresh } from "../support/client-calls.ts";
import { membersOf, outcomeOf } from "../support/http-call.ts";
import { API, ED_API, Home } from "../support/issuer-process.ts";
import type { RunningIssuer } from "../support/issuer-process.ts";
import { skipWithoutOpenBao, startOpenBao } from "../support/openbao.ts";
import { startVaultStandIn } from "../support/vault-server.ts";
import { until } from "../support/wait.ts";

const PASSWORD = "the password before the vault";
const JWKS = "/.well-known/jwks.json";
const DOWN = "503 temporarily_unavailable";

interface ListedKey {
  readonly kid: string;
  readonly alg: string;
  readonly state: string;
}

async function keySet(issuer: RunningIssuer): Promise<JSONWebKeySet> {
  return membersOf(await issuer.send(JWKS)) as unknown as JSONWebKeySet;
}

/** As a resource server does it; the kid that signed. */
async function verifiedKid(issuer: RunningIssuer, token: string, audience: string): Promise<string | undefined> {
  const options = { issuer: issuer.url, audience, typ: "at+jwt" };
  const { protectedHeader } = await jwtVerify(token, createLocalJWKSet(await keySet(issuer)), options);
  return protectedHeader.kid;
}

const kinds = {
  "the stand-in": { skip: false as const, start: startVaultStandIn },
  OpenBao: { skip: skipWithoutOpenBao, start: startOpenBao },
};

for (const [kind, { skip, start }] of Object.entries(kinds)) {
  void t.test(`with ${kind}: it signs, rotates, and serves the JWK Set while Vault is sealed`, { skip, timeout: 240_000 }, async (t) => {
    const vault = await start();
    t.teardown(() => vault.remove());
    const token = await vault.newToken();
    const store = `vault:mount=transit?address=${vault.address}&token-source=file:vault-token`;
    const home = await Home.make(t, { settings: { keys: { store, macStore: "file:./keys", signatureTimeout: "5s" } } });
    writeFileSync(join(home.folder, "vault-token"), `${token}\n`);
    const keysOf = async (alg: string, state: string): Promise<readonly string[]> => {
      const { keys } = JSON.parse(await home.must("keys", "list", "--json")) as { keys: ListedKey[] };
      return keys.filter((key) => key.alg === alg && key.state === state).map(({ kid }) => kid);
    };

    let issuer = await home.start();
    await home.addUser("vera", PASSWORD);
    let tokens = await mustLogIn(issuer, "vera", PASSWORD);
    const kidFor = async (resource: string): Promise<string | undefined> => {
      tokens = await mustRefresh(issuer, tokens.refreshToken, { resource });
      return verifiedKid(issuer, tokens.accessToken, resource);
    };
    for (const [alg, resource] of [
      ["ES256", API],
      ["EdDSA", ED_API],
    ] as const) {
      t.same([await kidFor(resource)], await keysOf(alg, "active"), alg);
      t.equal(partOf(tokens.accessToken, 0)["alg"], alg);
    }

    await home.must("keys", "rotate");
    const [before, [staged = ""]] = [await kidFor(API), await keysOf("ES256", "staged")];
    await home.must("keys", "promote", staged, "--force", "--reason", "drill");
    await until("the staged key signs", async () => (await kidFor(API)) === staged);
    t.ok(
      (await keySet(issuer)).keys.some(({ kid }) => kid === before),
      "the one of before is still published",
    );
    t.equal((await keysOf("ES256", "staged")).length, 1, "another was made in Vault");

    const assertSealed = async (published: string): Promise<void> => {
      const asked = { refresh: await refresh(issuer, tokens.refreshToken), login: await logIn(issuer, "vera", PASSWORD) };
      for (const [name, answer] of Object.entries(asked)) {
        t.equal(outcomeOf(answer), DOWN, name);
        t.match(answer.headers["retry-after"], /^[1-9]\d*$/, name);
      }
      const jwks = await issuer.send(JWKS);
      t.same([jwks.status, jwks.body], [200, published]);
    };
    const published = (await issuer.send(JWKS)).body;
    await vault.seal();
    await assertSealed(published);
    await vault.unseal();
    await until("it signs again", async () => (await refresh(issuer, tokens.refreshToken)).status === 200);
    t.equal(await kidFor(API), staged, "with the same key, and the client was not logged out");

    await vault.seal();
    t.equal(await issuer.stop(), 0);
    const first = issuer;
    issuer = await home.start();
    await assertSealed(published);
    await vault.unseal();
    await until("it signs after a start without Vault", async () => (await refresh(issuer, tokens.refreshToken)).status === 200);
    t.equal(await kidFor(API), staged);

    if ("delayMillis" in vault) {
      vault.delayMillis = 60_000;
      await assertSealed(published);
      vault.delayMillis = 0;
      await until("it signs again", async () => (await refresh(issuer, tokens.refreshToken)).status === 200);
    }

    await home.must("keys", "revoke", staged, "--reason", "drill", "--force");
    t.not(await kidFor(API), staged);

    // Of a name that the token may do everything with.
    const theirs = `mintmark-${"0".repeat(32)}`;
    await vault.operate("POST", `keys/${theirs}`, { type: "ecdsa-p256" });
    const known = await keysOf("ES256", "staged");
    await home.must("keys", "import", `vault:name=${theirs};version=1`, "--alg", "ES256");
    const taken = (await keysOf("ES256", "staged")).find((kid) => !known.includes(kid)) ?? "";
    const revoked = await home.command(["keys", "revoke", taken, "--reason", "drill"]);
    t.equal(revoked.code, 0);
    t.match(revoked.stderr, `vault:name=${theirs};version=1 was not made here and stays`);
    await home.must("keys", "prune");
    t.match(await vault.operate("GET", `keys/${theirs}`), { name: theirs }, "whoever made it may need it");
    for (const process of [first, issuer]) t.notMatch(process.stdout() + process.stderr(), token);
  });
}
