/**
 * Verifiers nobody here wrote, each with the cache settings that it has by itself. Where a JWK Set comes from is given to them; when
 * they ask for it, and how long they keep it, is theirs.
 */

import { createPublicKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { JwtVerifier } from "aws-jwt-verify";
import { SimpleFetcher } from "aws-jwt-verify/https";
import { SimpleJwksCache } from "aws-jwt-verify/jwk";
import buildGetJwks from "get-jwks";
import { createRemoteJWKSet, customFetch, jwtVerify } from "jose";
import { JwksClient } from "jwks-rsa";

export interface PresentedToken {
  readonly text: string;
  readonly kid: string;
  readonly alg: string;
  readonly audience: string;
}

export interface Verifier {
  readonly name: string;
  /** How long a copy of a key, or of the whole set, is kept by default; seconds. Infinity: until an unknown kid comes. */
  readonly keepsSeconds: number;
  /** Rejects for a token that it does not accept. */
  verify(token: PresentedToken): Promise<unknown>;
}

/** The body of the JWK Set that an issuer serves now. */
export type JwksSource = () => string;

const TYPE = "at+jwt";

export function makeVerifiers(issuer: string, source: JwksSource): readonly Verifier[] {
  return [ofJose(issuer, source), ofJwksRsa(issuer, source), ofGetJwks(issuer), ofAws(issuer, source)];
}

/** get-jwks knows no other way than the global one. */
export function fetchFrom(source: JwksSource): () => void {
  const before = globalThis.fetch;
  globalThis.fetch = async () => new Response(source(), { headers: { "content-type": "application/json" } });
  return () => {
    globalThis.fetch = before;
  };
}

function jwksUri(issuer: string): string {
  return `${issuer}/.well-known/jwks.json`;
}

function ofJose(issuer: string, source: JwksSource): Verifier {
  const keys = createRemoteJWKSet(new URL(jwksUri(issuer)), { [customFetch]: async () => new Response(source()) });
  return {
    name: "jose",
    keepsSeconds: 600,
    verify: ({ text, alg, audience }) => jwtVerify(text, keys, { issuer, audience, typ: TYPE, algorithms: [alg] }),
  };
}

function withKey(issuer: string, { text, alg, audience }: PresentedToken, key: KeyObject): Promise<unknown> {
  return jwtVerify(text, key, { issuer, audience, typ: TYPE, algorithms: [alg] });
}

function ofJwksRsa(issuer: string, source: JwksSource): Verifier {
  const client = new JwksClient({ jwksUri: jwksUri(issuer), fetcher: async () => JSON.parse(source()) as { keys: unknown[] } });
  return {
    name: "jwks-rsa",
    keepsSeconds: 600,
    verify: async (token) => withKey(issuer, token, createPublicKey((await client.getSigningKey(token.kid)).getPublicKey())),
  };
}

function ofGetJwks(issuer: string): Verifier {
  const client = buildGetJwks({ issuersWhitelist: [issuer] });
  return {
    name: "get-jwks",
    keepsSeconds: 60,
    // Its own conversion knows no OKP keys.
    verify: async (token) =>
      withKey(
        issuer,
        token,
        createPublicKey({ key: await client.getJwk({ domain: issuer, kid: token.kid, alg: token.alg }), format: "jwk" }),
      ),
  };
}

function ofAws(issuer: string, source: JwksSource): Verifier {
  class Fetcher extends SimpleFetcher {
    override async fetch(): Promise<ArrayBuffer> {
      return Uint8Array.from(Buffer.from(source())).buffer;
    }
  }
  const jwksCache = new SimpleJwksCache({ fetcher: new Fetcher() });
  return {
    name: "aws-jwt-verify",
    keepsSeconds: Infinity,
    verify: ({ text, audience }) => JwtVerifier.create({ issuer, audience, jwksUri: jwksUri(issuer) }, { jwksCache }).verify(text),
  };
}
