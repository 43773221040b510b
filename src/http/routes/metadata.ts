/** GET /.well-known/oauth-authorization-server (RFC 8414) and /.well-known/openid-configuration. */

import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { openIdMetadata, serverMetadata } from "../../issuer/metadata.ts";
import type { Issuer } from "../../issuer/types.ts";
import type { Contract } from "../contract.ts";
import { publish, PublicHeaders } from "../public-document.ts";

const texts = Type.Array(Type.String());

/** RFC 8414 §2. */
const ServerMetadata = Type.Object(
  {
    issuer: Type.String(),
    jwks_uri: Type.String(),
    token_endpoint: Type.String(),
    revocation_endpoint: Type.String(),
    introspection_endpoint: Type.String(),
    scopes_supported: texts,
    response_types_supported: texts,
    subject_types_supported: texts,
    grant_types_supported: texts,
    token_endpoint_auth_methods_supported: texts,
    token_endpoint_auth_signing_alg_values_supported: texts,
    revocation_endpoint_auth_methods_supported: texts,
    revocation_endpoint_auth_signing_alg_values_supported: texts,
    introspection_endpoint_auth_methods_supported: texts,
    introspection_endpoint_auth_signing_alg_values_supported: texts,
  },
  { title: "ServerMetadata" },
);
const OpenIdMetadata = Type.Object(
  { ...ServerMetadata.properties, id_token_signing_alg_values_supported: texts },
  { title: "OpenIdMetadata" },
);

export const metadataContract: Contract = {
  operation: "getServerMetadata",
  summary: "What the issuer says about itself",
  authentication: "none",
  responses: { 200: ServerMetadata },
  responseHeaders: PublicHeaders,
};

export const openIdMetadataContract: Contract = {
  ...metadataContract,
  operation: "getOpenIdMetadata",
  summary: "The same, for those who know only OpenID discovery",
  responses: { 200: OpenIdMetadata },
};

/** A policy is fixed while a process runs, so the documents are written once. */
export function metadataRoutes(app: FastifyInstance, { policy }: Issuer): void {
  const maxAgeSeconds = Math.floor(policy.keys.jwksMaxAgeMillis / 1000);
  const documents = [
    ["/.well-known/oauth-authorization-server", metadataContract, serverMetadata(policy)],
    ["/.well-known/openid-configuration", openIdMetadataContract, openIdMetadata(policy)],
  ] as const;
  for (const [url, contract, document] of documents) {
    const body = Buffer.from(JSON.stringify(document));
    app.get(url, { config: { contract } }, (_request, reply) =>
      publish(reply, maxAgeSeconds).header("content-type", "application/json").send(body),
    );
  }
}
