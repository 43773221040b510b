/** A client library that knows nothing of us: `openid-client` against a running issuer, through every flow it has for us. */

import type { webcrypto } from "node:crypto";
import * as openid from "openid-client";
import t from "tap";
import { JWT_BEARER } from "../../src/domain/policy.ts";
import { assertion, newParty, type Party } from "../support/assertions.ts";
import { isActive, logIn, mustLogIn, partOf, tokensOf } from "../support/client-calls.ts";
import { API, baseSettings, ED_API, Home, SECRET } from "../support/issuer-process.ts";

const PASSWORD = "a password of interoperability";
const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const LOGIN = "https://login.example.com/team";
const machine = newParty("ES256", "machine-1");
const idp = newParty("ES256", "idp-1");

const home = await Home.make(t, {
  settings: {
    clients: [
      ...baseSettings().clients,
      { id: "machine", type: "confidential", grants: ["client_credentials"], resources: [API], scopes: ["read"], jwks: machine.jwks },
      {
        id: "steady",
        type: "confidential",
        grants: ["login", "refresh_token"],
        resources: [API],
        scopes: ["read"],
        jwks: machine.jwks,
        rotation: "never",
      },
      { id: "team", type: "public", grants: [JWT_BEARER, "refresh_token"], resources: [API], scopes: ["read"] },
    ],
    trustedIssuers: [{ issuer: LOGIN, jwks: idp.jwks, subjectPrefix: "team:", clients: ["team"] }],
  },
});
const issuer = await home.start();
await home.addUser("ola", PASSWORD);

function discover(
  clientId: string,
  authentication: openid.ClientAuth,
  algorithm: "oauth2" | "oidc" = "oauth2",
): Promise<openid.Configuration> {
  return openid.discovery(new URL(home.issuer), clientId, undefined, authentication, {
    algorithm,
    execute: [openid.allowInsecureRequests],
  });
}

async function privateKey(party: Party): Promise<webcrypto.CryptoKey> {
  return crypto.subtle.importKey("jwk", party.privateKey.export({ format: "jwk" }), { name: "ECDSA", namedCurve: "P-256" }, false, [
    "sign",
  ]);
}

const refusal = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "granted",
    (error: unknown) => error,
  );

t.test("it finds the issuer by either metadata document", async (t) => {
  for (const algorithm of ["oauth2", "oidc"] as const) {
    const server = (await discover("app", openid.None(), algorithm)).serverMetadata();
    t.equal(server.issuer, home.issuer);
    t.equal(server.token_endpoint, `${home.issuer}/token`);
  }
});

t.test("a public client refreshes, for another resource and less scope too, and revokes", async (t) => {
  const config = await discover("app", openid.None());
  const { refreshToken, sid } = await mustLogIn(issuer, "ola", PASSWORD);
  const tokens = await openid.refreshTokenGrant(config, refreshToken);
  t.equal(tokens["sid"], sid);
  const narrow = await openid.refreshTokenGrant(config, tokens.refresh_token ?? "", { resource: ED_API, scope: "read" });
  t.match(partOf(narrow.access_token, 1), { aud: ED_API, scope: "read" });
  t.equal(narrow.expires_in, 600);
  await openid.tokenRevocation(config, narrow.refresh_token ?? "");
  t.match(await refusal(openid.refreshTokenGrant(config, narrow.refresh_token ?? "")), { error: "invalid_grant", status: 400 });
});

for (const [name, authentication] of [
  ["client_secret_basic", openid.ClientSecretBasic(SECRET)],
  ["client_secret_post", openid.ClientSecretPost(SECRET)],
] as const) {
  t.test(`a confidential client gets, introspects and can't revoke a token of its own with ${name}`, async (t) => {
    const config = await discover("service", authentication);
    const tokens = await openid.clientCredentialsGrant(config, { scope: "read", resource: API });
    t.match(await openid.tokenIntrospection(config, tokens.access_token), { active: true, sub: "service", scope: "read" });
    t.match(await refusal(openid.tokenRevocation(config, tokens.access_token)), { error: "unsupported_token_type" });
  });
}

t.test("private_key_jwt, for a machine's own tokens and for a session without rotation", async (t) => {
  const key = { key: await privateKey(machine), kid: machine.kid };
  const config = await discover("machine", openid.PrivateKeyJwt(key));
  const tokens = await openid.clientCredentialsGrant(config, {});
  t.match(partOf(tokens.access_token, 1), { sub: "machine", client_id: "machine" });
  t.match(await openid.tokenIntrospection(config, tokens.access_token), { active: true });

  const steady = await discover("steady", openid.PrivateKeyJwt(key));
  const wrong = await discover("machine", openid.PrivateKeyJwt({ key: await privateKey(newParty("ES256")), kid: machine.kid }));
  t.match(await refusal(openid.clientCredentialsGrant(wrong, {})), { error: "invalid_client", status: 401 });
  const own = { iss: "steady", sub: "steady", aud: home.issuer, now: Date.now() };
  const answer = await logIn(issuer, "ola", PASSWORD, {
    client_id: "steady",
    client_assertion: await assertion(machine, own),
    client_assertion_type: ASSERTION_TYPE,
  });
  const { refreshToken } = tokensOf(answer);
  for (let time = 0; time < 3; time += 1) t.equal((await openid.refreshTokenGrant(steady, refreshToken)).refresh_token, refreshToken);
});

t.test("an assertion of a trusted issuer begins a session (RFC 7523 §2.1)", async (t) => {
  const config = await discover("team", openid.None());
  const grant = { assertion: await assertion(idp, { iss: LOGIN, sub: "ola", aud: home.issuer, now: Date.now() }) };
  const tokens = await openid.genericGrantRequest(config, JWT_BEARER, grant);
  t.match(partOf(tokens.access_token, 1), { sub: "team:ola", client_id: "team" });
  const next = await openid.refreshTokenGrant(config, tokens.refresh_token ?? "");
  t.equal(next["sid"], tokens["sid"]);
  t.match(await refusal(openid.genericGrantRequest(config, JWT_BEARER, grant)), { error: "invalid_grant" });
  await openid.tokenRevocation(config, next.access_token);
  t.equal(await isActive(issuer, next.access_token), false, "an access token ends its session as well");
});
