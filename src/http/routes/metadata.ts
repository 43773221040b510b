/** GET /.well-known/oauth-authorization-server (RFC 8414) and /.well-known/openid-configuration. */

import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { openIdMetadata, serverMetadata } from "../../issuer/metadata.ts";
import type { Issuer } from "../../issuer/types.ts";
import type { Contract } from "../contract.ts";
import { publish } from "../public-document.ts";

export const metadataContract: Contract = {
  summary: "What the issuer says about itself",
  authentication: "none",
  responses: { 200: Type.Object({ issuer: Type.String(), jwks_uri: Type.String() }, { additionalProperties: true }) },
};

/** A policy is fixed while a process runs, so the documents are written once. */
export function metadataRoutes(app: FastifyInstance, { policy }: Issuer): void {
  const maxAgeSeconds = Math.floor(policy.keys.jwksMaxAgeMillis / 1000);
  const documents = {
    "/.well-known/oauth-authorization-server": serverMetadata(policy),
    "/.well-known/openid-configuration": openIdMetadata(policy),
  };
  for (const [url, document] of Object.entries(documents)) {
    const body = Buffer.from(JSON.stringify(document));
    app.get(url, { config: { contract: metadataContract } }, (_request, reply) =>
      publish(reply, maxAgeSeconds).header("content-type", "application/json").send(body),
    );
  }
}
