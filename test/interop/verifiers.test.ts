/** Strangers' libraries verify our access tokens from the JWKS URL, with nothing of ours. */

import { createPublicKey } from "node:crypto";
import { JwtVerifier } from "aws-jwt-verify";
import { SimpleJwksCache } from "aws-jwt-verify/jwk";
import { SimpleFetcher } from "aws-jwt-verify/https";
import { auth } from "express-oauth2-jwt-bearer";
import buildGetJwks from "get-jwks";
import { createRemoteJWKSet, customFetch, errors, jwtVerify } from "jose";
import jwt from "jsonwebtoken";
import { JwksClient } from "jwks-rsa";
import t from "tap";
import { mustLogIn, mustRefresh, partOf } from "../support/client-calls.ts";
import { API, ED25519_API, ED_API, Home } from "../support/issuer-process.ts";

const PASSWORD = "a password that strangers verify";
const JWKS_PATH = "/.well-known/jwks.json";
/** alg of the header by resource: RFC 7518 §3.4, RFC 8037 §3.1, RFC 9864 §2.2. */
const ALGORITHMS = { [API]: "ES256", [ED_API]: "EdDSA", [ED25519_API]: "Ed25519" } as const;

const home = await Home.make(t);
const issuer = await home.start();
await home.addUser("vera", PASSWORD);
const session = await mustLogIn(issuer, "vera", PASSWORD);
let refreshToken = session.refreshToken;

async function tokenFor(resource: string): Promise<string> {
  const tokens = await mustRefresh(issuer, refreshToken, { resource });
  refreshToken = tokens.refreshToken;
  return tokens.accessToken;
}

/** The same token with one bit of its signature changed. */
function forged(token: string): string {
  const [header, claims, signature = ""] = token.split(".");
  const bytes = Buffer.from(signature, "base64url");
  bytes[10] = (bytes[10] ?? 0) ^ 1;
  return `${header}.${claims}.${bytes.toString("base64url")}`;
}

t.test("jose verifies all algorithms from the JWKS URL", async (t) => {
  const keys = createRemoteJWKSet(new URL(issuer.url + JWKS_PATH));
  for (const [audience, alg] of Object.entries(ALGORITHMS)) {
    const token = await tokenFor(audience);
    const verified = await jwtVerify(token, keys, { issuer: home.issuer, audience, typ: "at+jwt", algorithms: [alg] });
    t.equal(verified.protectedHeader.alg, alg);
    t.match(verified.payload, { sub: "sub-vera", client_id: "app", sid: session.sid });
    const claims = ["iss", "sub", "aud", "client_id", "iat", "exp", "jti", "scope", "sid", "auth_time"];
    t.same(Object.keys(verified.payload).sort(), claims.sort());
    t.equal(Buffer.from(verified.payload.jti ?? "", "base64url").length, 16);
    await t.rejects(jwtVerify(forged(token), keys, { issuer: home.issuer, audience }), errors.JWSSignatureVerificationFailed);
  }
});

t.test("jose fetches the JWK Set once for many tokens", async (t) => {
  let fetches = 0;
  const counting = async (url: string, options: RequestInit): Promise<Response> => {
    fetches += 1;
    return fetch(url, options);
  };
  const keys = createRemoteJWKSet(new URL(issuer.url + JWKS_PATH), { [customFetch]: counting });
  for (const audience of Object.keys(ALGORITHMS)) await jwtVerify(await tokenFor(audience), keys, { issuer: home.issuer, audience });
  t.equal(fetches, 1);
});

t.test("aws-jwt-verify verifies all algorithms", async (t) => {
  // It insists on https: for a JWKS URL; the fetcher brings it the document from our address.
  const secureUri = `https://issuer.invalid${JWKS_PATH}`;
  class Fetcher extends SimpleFetcher {
    override async fetch(uri: string): Promise<ArrayBuffer> {
      t.equal(uri, secureUri);
      return (await fetch(issuer.url + JWKS_PATH)).arrayBuffer();
    }
  }
  for (const [audience, alg] of Object.entries(ALGORITHMS)) {
    const verifier = JwtVerifier.create(
      { issuer: home.issuer, audience, jwksUri: secureUri },
      { jwksCache: new SimpleJwksCache({ fetcher: new Fetcher() }) },
    );
    const token = await tokenFor(audience);
    if (alg === "Ed25519") {
      // 5.2.1 knows EdDSA by its older name only (RFC 9864 is newer): a resource server with it needs edAlgName EdDSA.
      await t.rejects(verifier.verify(token), /alg/i);
      continue;
    }
    t.match(await verifier.verify(token), { sub: "sub-vera", aud: audience, scope: alg === "ES256" ? "read write" : "read" });
    await t.rejects(verifier.verify(forged(token)), /signature/i);
  }
});

t.test("jwks-rsa with jsonwebtoken verifies ES256", async (t) => {
  const client = new JwksClient({ jwksUri: issuer.url + JWKS_PATH });
  const token = await tokenFor(API);
  const key = await client.getSigningKey(String(partOf(token, 0)["kid"]));
  const claims = jwt.verify(token, key.getPublicKey(), { algorithms: ["ES256"], issuer: home.issuer, audience: API });
  t.match(claims, { sub: "sub-vera", scope: "read write" });
  t.throws(() => jwt.verify(forged(token), key.getPublicKey(), { algorithms: ["ES256"] }), /invalid signature/);
});

t.test("express-oauth2-jwt-bearer finds the keys by OpenID discovery", async (t) => {
  for (const [audience, tokenSigningAlg] of Object.entries(ALGORITHMS)) {
    // 1.10.0 knows EdDSA by its older name only.
    if (tokenSigningAlg === "Ed25519") continue;
    const guard = auth({ issuerBaseURL: home.issuer, audience, strict: true, tokenSigningAlg });
    /** What the middleware hands on: nothing, or its refusal. The request has what it reads of Express's. */
    const refusalOf = (token: string): Promise<unknown> => {
      const headers: Record<string, string> = { host: "api.example.com", authorization: `Bearer ${token}` };
      const get = (name: string): string | undefined => headers[name.toLowerCase()];
      const request = { method: "GET", protocol: "https", originalUrl: "/", headers, get, query: {}, is: () => false };
      return new Promise((resolve) => void guard(request, {}, resolve));
    };
    const token = await tokenFor(audience);
    t.equal(await refusalOf(token), undefined);
    t.match(await refusalOf(forged(token)), { status: 401, code: "invalid_token" });
  }
});

t.test("get-jwks has the keys, and converts those of ES256", async (t) => {
  const jwks = buildGetJwks({ issuersWhitelist: [home.issuer], providerDiscovery: true });
  const keyNamedBy = (token: string) => ({
    domain: home.issuer,
    kid: String(partOf(token, 0)["kid"]),
    alg: String(partOf(token, 0)["alg"]),
  });
  const token = await tokenFor(API);
  const pem = await jwks.getPublicKey(keyNamedBy(token));
  t.match(jwt.verify(token, pem, { algorithms: ["ES256"], issuer: home.issuer, audience: API }), { sub: "sub-vera" });
  t.throws(() => jwt.verify(forged(token), pem, { algorithms: ["ES256"] }), /invalid signature/);

  // 11.0.3 converts no OKP keys; node:crypto does.
  const edToken = await tokenFor(ED_API);
  await t.rejects(jwks.getPublicKey(keyNamedBy(edToken)));
  const key = createPublicKey({ key: await jwks.getJwk(keyNamedBy(edToken)), format: "jwk" });
  t.match(await jwtVerify(edToken, key, { issuer: home.issuer, audience: ED_API }), { payload: { sub: "sub-vera" } });
});
