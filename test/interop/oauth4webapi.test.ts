/** A client library that knows nothing of us: `oauth4webapi` against a running issuer. */

import * as oauth from "oauth4webapi";
import t from "tap";
import { JWT_BEARER } from "../../src/domain/policy.ts";
import { assertion, newParty } from "../support/assertions.ts";
import { isActive, mustLogIn, partOf } from "../support/client-calls.ts";
import { API, baseSettings, ED_API, Home, SECRET } from "../support/issuer-process.ts";

const STRANGER = { type: "confidential", resources: [API], scopes: ["read"] } as const;
const PASSWORD = "a password of interoperability";
const LOOPBACK = { [oauth.allowInsecureRequests]: true } as const;

const machine = newParty("ES256", "machine-1");
const edMachine = newParty("EdDSA", "machine-2");
const idp = newParty("EdDSA", "idp-1");
const LOGIN = "https://login.example.com/team";

const { resources, clients } = baseSettings();
const home = await Home.make(t, {
  settings: {
    clients: [
      ...clients,
      { ...STRANGER, id: "machine", jwks: { keys: [machine.publicJwk, edMachine.publicJwk] }, grants: ["client_credentials"] },
      { id: "team", type: "public", grants: [JWT_BEARER, "refresh_token"], resources: [API], scopes: ["read"] },
    ],
    resources,
    trustedIssuers: [{ issuer: LOGIN, jwks: idp.jwks, subjectPrefix: "team:", clients: ["team"] }],
  },
});
const issuer = await home.start();
await home.addUser("ida", PASSWORD);

async function discover(algorithm: "oauth2" | "oidc"): Promise<oauth.AuthorizationServer> {
  const url = new URL(home.issuer);
  return oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm, ...LOOPBACK }));
}

t.test("it discovers the issuer by RFC 8414 and by OpenID Connect Discovery, and finds the same endpoints", async (t) => {
  const [server, openId] = [await discover("oauth2"), await discover("oidc")];
  for (const name of ["token_endpoint", "revocation_endpoint", "introspection_endpoint", "jwks_uri"] as const) {
    t.match(server[name], new RegExp(`^${home.issuer}/`), name);
    t.equal(openId[name], server[name], name);
  }
});

t.test("a public client refreshes, and revokes what it got", async (t) => {
  const as = await discover("oauth2");
  const client: oauth.Client = { client_id: "app" };
  const { refreshToken, sid } = await mustLogIn(issuer, "ida", PASSWORD);
  const response = await oauth.refreshTokenGrantRequest(as, client, oauth.None(), refreshToken, LOOPBACK);
  const tokens = await oauth.processRefreshTokenResponse(as, client, response);
  t.equal(tokens.token_type, "bearer");
  t.equal(tokens["sid"], sid);
  t.ok(typeof tokens.refresh_token === "string" && tokens.refresh_token !== refreshToken);

  const revoked = await oauth.revocationRequest(as, client, oauth.None(), tokens.refresh_token ?? "", LOOPBACK);
  await oauth.processRevocationResponse(revoked);
  const again = await oauth.refreshTokenGrantRequest(as, client, oauth.None(), tokens.refresh_token ?? "", LOOPBACK);
  const refused: unknown = await oauth.processRefreshTokenResponse(as, client, again).catch((error: unknown) => error);
  t.match(refused, { error: "invalid_grant", status: 400 });
});

for (const [name, authentication] of [
  ["client_secret_basic", oauth.ClientSecretBasic(SECRET)],
  ["client_secret_post", oauth.ClientSecretPost(SECRET)],
] as const) {
  t.test(`a confidential client gets a token by client_credentials with ${name}, and introspects it`, async (t) => {
    const as = await discover("oauth2");
    t.ok(as.token_endpoint_auth_methods_supported?.includes(name));
    const client: oauth.Client = { client_id: "service" };
    const response = await oauth.clientCredentialsGrantRequest(as, client, authentication, { resource: ED_API }, LOOPBACK);
    const tokens = await oauth.processClientCredentialsResponse(as, client, response);
    t.equal(tokens.refresh_token, undefined);

    const answer = await oauth.introspectionRequest(as, client, authentication, tokens.access_token, LOOPBACK);
    const facts = await oauth.processIntrospectionResponse(as, client, answer);
    t.match(facts, { active: true, iss: home.issuer, aud: ED_API, sub: "service", client_id: "service", token_type: "Bearer" });
  });
}

t.test("a confidential client refreshes and introspects its own refresh token", async (t) => {
  const as = await discover("oauth2");
  const client: oauth.Client = { client_id: "backend" };
  const body = JSON.stringify({ username: "ida", password: PASSWORD, client_id: "backend" });
  const authorization = `Basic ${Buffer.from(`backend:${SECRET}`).toString("base64")}`;
  const logIn = await issuer.send("/login", { method: "POST", headers: { "content-type": "application/json", authorization }, body });
  const { refresh_token: first } = JSON.parse(logIn.body) as { refresh_token: string };
  const secret = oauth.ClientSecretBasic(SECRET);
  const response = await oauth.refreshTokenGrantRequest(as, client, secret, first, LOOPBACK);
  const tokens = await oauth.processRefreshTokenResponse(as, client, response);
  const answer = await oauth.introspectionRequest(as, client, secret, tokens.refresh_token ?? "", LOOPBACK);
  const facts = await oauth.processIntrospectionResponse(as, client, answer);
  t.match(facts, { active: true, sub: "sub-ida", client_id: "backend" });
  t.equal(await isActive(issuer, first), false, "the generation before is not active");
});

t.test("its resource server check (RFC 9068) takes our access tokens", async (t) => {
  const as = await discover("oauth2");
  const { accessToken } = await mustLogIn(issuer, "ida", PASSWORD);
  const request = new Request("http://127.0.0.1/", { headers: { authorization: `Bearer ${accessToken}` } });
  const claims = await oauth.validateJwtAccessToken(as, request, API, LOOPBACK);
  t.match(claims, { sub: "sub-ida", client_id: "app", scope: "read write" });
  t.equal(partOf(accessToken, 0)["typ"], "at+jwt");
});

for (const party of [machine, edMachine]) {
  t.test(`a machine proves itself by private_key_jwt with ${party.alg}, for a token, introspection and revocation`, async (t) => {
    const as = await discover("oauth2");
    t.ok(as.token_endpoint_auth_methods_supported?.includes("private_key_jwt"));
    t.ok((as["token_endpoint_auth_signing_alg_values_supported"] as string[]).includes(party.alg));
    const client: oauth.Client = { client_id: "machine" };
    const key = await crypto.subtle.importKey(
      "jwk",
      party.privateKey.export({ format: "jwk" }),
      party.alg === "ES256" ? { name: "ECDSA", namedCurve: "P-256" } : { name: "Ed25519" },
      false,
      ["sign"],
    );
    const authentication = oauth.PrivateKeyJwt({ key, kid: party.kid });
    const response = await oauth.clientCredentialsGrantRequest(as, client, authentication, { scope: "read" }, LOOPBACK);
    const tokens = await oauth.processClientCredentialsResponse(as, client, response);
    t.match(partOf(tokens.access_token, 1), { sub: "machine", scope: "read", aud: API });
    const answer = await oauth.introspectionRequest(as, client, authentication, tokens.access_token, LOOPBACK);
    t.match(await oauth.processIntrospectionResponse(as, client, answer), { active: true, client_id: "machine" });
    const revoked = await oauth.revocationRequest(as, client, authentication, "no token of ours", LOOPBACK);
    await oauth.processRevocationResponse(revoked);
  });
}

t.test("an assertion of a trusted issuer begins a session, which then refreshes (RFC 7523 §2.1)", async (t) => {
  const as = await discover("oauth2");
  t.ok(as.grant_types_supported?.includes(JWT_BEARER));
  const client: oauth.Client = { client_id: "team" };
  const grant = { assertion: await assertion(idp, { iss: LOGIN, sub: "ida", aud: home.issuer, now: Date.now() }) };
  const response = await oauth.genericTokenEndpointRequest(as, client, oauth.None(), JWT_BEARER, grant, LOOPBACK);
  const tokens = await oauth.processGenericTokenEndpointResponse(as, client, response);
  t.match(partOf(tokens.access_token, 1), { sub: "team:ida", client_id: "team" });
  const next = await oauth.refreshTokenGrantRequest(as, client, oauth.None(), tokens.refresh_token ?? "", LOOPBACK);
  t.equal((await oauth.processRefreshTokenResponse(as, client, next))["sid"], tokens["sid"]);
  const again = await oauth.genericTokenEndpointRequest(as, client, oauth.None(), JWT_BEARER, grant, LOOPBACK);
  const refused: unknown = await oauth.processGenericTokenEndpointResponse(as, client, again).catch((error: unknown) => error);
  t.match(refused, { error: "invalid_grant", status: 400 }, "an assertion is good once");
});
