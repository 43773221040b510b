/** GET /.well-known/jwks.json: the JWK Set, from memory (RFC 7517 §5). */

import type { FastifyInstance, FastifyRequest } from "fastify";
import { Type } from "typebox";
import type { PublishedJwks } from "../../issuer/types.ts";
import type { Contract } from "../contract.ts";
import type { Edge } from "../edge.ts";
import { isAnyEtag, matchesEtag, publish, PublicHeaders } from "../public-document.ts";
import { answerError } from "../refuse.ts";

/** 32 bytes (RFC 7518 §6.2.1.2, RFC 8037 §2). */
const coordinate = Type.String({ pattern: "^[A-Za-z0-9_-]{43}$" });
const common = { kid: Type.String({ description: "The thumbprint (RFC 7638)." }), use: Type.Literal("sig") };

const EcKey = Type.Object(
  { kty: Type.Literal("EC"), crv: Type.Literal("P-256"), x: coordinate, y: coordinate, ...common, alg: Type.Literal("ES256") },
  { title: "EcKey" },
);
const OkpKey = Type.Object(
  { kty: Type.Literal("OKP"), crv: Type.Literal("Ed25519"), x: coordinate, ...common, alg: Type.Enum(["EdDSA", "Ed25519"]) },
  { title: "OkpKey" },
);
const JwkSet = Type.Object({ keys: Type.Array(Type.Union([EcKey, OkpKey])) }, { title: "JwkSet" });

export const jwksContract: Contract = {
  operation: "getJwks",
  summary: "The keys that access tokens are verified with",
  authentication: "none",
  headers: Type.Object({ "If-None-Match": Type.Optional(Type.String({ description: "ETags that the caller has, or *." })) }),
  responses: { 200: JwkSet, 304: null },
  mediaType: "application/jwk-set+json",
  responseHeaders: Type.Object({ ...PublicHeaders.properties, ETag: Type.String({ description: "Strong." }) }),
  errors: ["temporarily_unavailable", "server_error"],
};

export function jwksRoute(app: FastifyInstance, edge: Edge): void {
  app.get("/.well-known/jwks.json", { config: { contract: jwksContract } }, (request, reply) => {
    const jwks = edge.issuer.jwks();
    if (jwks === undefined) {
      reply.header("access-control-allow-origin", "*");
      return reply.send(
        answerError(reply, { status: 503, error: "temporarily_unavailable", description: "the key ring was not loaded yet" }),
      );
    }
    publish(reply, jwks.maxAgeSeconds).header("etag", jwks.etag);
    const isUnchanged = matchesEtag(request.headers["if-none-match"], jwks.etag);
    noteFetch(edge, request, jwks, isUnchanged);
    if (isUnchanged) return reply.code(304).send();
    return reply.header("content-type", "application/jwk-set+json").send(jwks.body);
  });
}

/** Only of those who have the set now: HEAD gives none, and `*` may be sent by someone who has none. */
function noteFetch({ issuer, addressOf }: Edge, request: FastifyRequest, { ringVersion }: PublishedJwks, isUnchanged: boolean): void {
  if (request.method !== "GET" || isAnyEtag(request.headers["if-none-match"])) return;
  issuer.noteFetch({ address: addressOf(request), userAgent: request.headers["user-agent"], ringVersion, isUnchanged });
}
