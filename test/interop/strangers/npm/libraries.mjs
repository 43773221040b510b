/**
 * Libraries that are called with a token. Each entry: a setting → its version and `verify`, which throws where the token is
 * refused. Caches and tolerances are what the library has by itself.
 */

import { createPublicKey } from "node:crypto";
import { JwtVerifier } from "aws-jwt-verify";
import { SimpleFetcher } from "aws-jwt-verify/https";
import { SimpleJwksCache } from "aws-jwt-verify/jwk";
import { createVerifier } from "fast-jwt";
import buildGetJwks from "get-jwks";
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import jsonwebtoken from "jsonwebtoken";
import { JwksClient } from "jwks-rsa";
import * as oauth from "oauth4webapi";
import { versionOf } from "./versions.mjs";

function jose({ issuer, jwksUri }) {
  const keys = createRemoteJWKSet(new URL(jwksUri));
  return {
    version: versionOf("jose"),
    verify: ({ token, audience, alg }) => jwtVerify(token, keys, { issuer, audience, algorithms: [alg], typ: "at+jwt" }),
  };
}

async function oauth4webapi({ issuer }) {
  const options = { [oauth.allowInsecureRequests]: true };
  const url = new URL(issuer);
  const found = await oauth.discoveryRequest(url, { algorithm: "oauth2", ...options });
  const server = await oauth.processDiscoveryResponse(url, found);
  return {
    version: versionOf("oauth4webapi"),
    verify({ token, audience, alg }) {
      const request = new Request(audience, { headers: { authorization: `Bearer ${token}` } });
      return oauth.validateJwtAccessToken(server, request, audience, { ...options, signingAlgorithms: [alg] });
    },
  };
}

/** It insists on https: for the JWK Set; the fetcher brings it the document from the issuer's address. */
function awsJwtVerify({ issuer, jwksUri, resources }) {
  class Fetcher extends SimpleFetcher {
    async fetch() {
      return (await fetch(jwksUri)).arrayBuffer();
    }
  }
  const jwksCache = new SimpleJwksCache({ fetcher: new Fetcher() });
  const verifiers = new Map(
    resources.map(({ audience }) => {
      return [audience, JwtVerifier.create({ issuer, audience, jwksUri: "https://issuer.invalid/jwks.json" }, { jwksCache })];
    }),
  );
  return { version: versionOf("aws-jwt-verify"), verify: ({ token, audience }) => verifiers.get(audience).verify(token) };
}

function jwksRsaAndJose({ issuer, jwksUri }) {
  const client = new JwksClient({ jwksUri });
  return {
    version: versionOf("jwks-rsa", "jose"),
    async verify({ token, audience, alg }) {
      const key = await client.getSigningKey(decodeProtectedHeader(token).kid);
      await jwtVerify(token, createPublicKey(key.getPublicKey()), { issuer, audience, algorithms: [alg], typ: "at+jwt" });
    },
  };
}

function jwksRsaAndJsonwebtoken({ issuer, jwksUri }) {
  const client = new JwksClient({ jwksUri });
  return {
    version: versionOf("jwks-rsa", "jsonwebtoken"),
    async verify({ token, audience, alg }) {
      const key = await client.getSigningKey(decodeProtectedHeader(token).kid);
      jsonwebtoken.verify(token, key.getPublicKey(), { issuer, audience, algorithms: [alg] });
    },
  };
}

/** As its documentation shows it: the key as PEM for fast-jwt. */
function getJwksAndFastJwt({ issuer, resources }) {
  const jwks = buildGetJwks({ issuersWhitelist: [issuer], providerDiscovery: true });
  return fastJwt(issuer, resources, ({ kid, alg }) => jwks.getPublicKey({ domain: issuer, kid, alg }));
}

/** The same with the JWK turned into a key by node:crypto, which knows more key types than its own conversion. */
function getJwksWithCreatePublicKey({ issuer, resources }) {
  const jwks = buildGetJwks({ issuersWhitelist: [issuer], providerDiscovery: true });
  return fastJwt(issuer, resources, async ({ kid, alg }) => {
    const key = createPublicKey({ key: await jwks.getJwk({ domain: issuer, kid, alg }), format: "jwk" });
    return key.export({ type: "spki", format: "pem" });
  });
}

function fastJwt(issuer, resources, keyOf) {
  const verifiers = new Map(
    resources.map(({ audience, alg }) => {
      const algorithms = alg === "Ed25519" ? undefined : [alg];
      return [audience, createVerifier({ key: ({ header }) => keyOf(header), allowedIss: issuer, allowedAud: audience, algorithms })];
    }),
  );
  return { version: versionOf("get-jwks", "fast-jwt"), verify: ({ token, audience }) => verifiers.get(audience)(token) };
}

export const libraries = {
  jose,
  oauth4webapi,
  "aws-jwt-verify": awsJwtVerify,
  "jwks-rsa + jose": jwksRsaAndJose,
  "jwks-rsa + jsonwebtoken": jwksRsaAndJsonwebtoken,
  "get-jwks + fast-jwt": getJwksAndFastJwt,
  "get-jwks, createPublicKey + fast-jwt": getJwksWithCreatePublicKey,
};
