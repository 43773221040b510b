/** GET /.well-known/jwks.json: the JWK Set, from memory (RFC 7517 §5). */

import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { Issuer } from "../../issuer/types.ts";
import type { Contract } from "../contract.ts";
import { matchesEtag, publish } from "../public-document.ts";
import { answerError } from "../refuse.ts";

export const jwksContract: Contract = {
  summary: "The keys that access tokens are verified with",
  authentication: "none",
  responses: { 200: Type.Object({ keys: Type.Array(Type.Object({}, { additionalProperties: true })) }), 304: null },
};

export function jwksRoute(app: FastifyInstance, issuer: Issuer): void {
  app.get("/.well-known/jwks.json", { config: { contract: jwksContract } }, (request, reply) => {
    const jwks = issuer.jwks();
    if (jwks === undefined) {
      reply.header("access-control-allow-origin", "*");
      return reply.send(
        answerError(reply, { status: 503, error: "temporarily_unavailable", description: "the key ring was not loaded yet" }),
      );
    }
    publish(reply, jwks.maxAgeSeconds).header("etag", jwks.etag);
    if (matchesEtag(request.headers["if-none-match"], jwks.etag)) return reply.code(304).send();
    return reply.header("content-type", "application/jwk-set+json").send(jwks.body);
  });
}
