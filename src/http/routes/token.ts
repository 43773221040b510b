/** POST /token: the grants (RFC 6749 §4.4, §6). */

import type { FastifyInstance, FastifyRequest } from "fastify";
import { Type } from "typebox";
import type { Client } from "../../domain/policy.ts";
import { isRefusal, refusal } from "../../domain/refusal.ts";
import { TOKEN_GRANTS, type TokenGrantType } from "../../issuer/metadata.ts";
import type { Issuer, TokenGrant } from "../../issuer/types.ts";
import { readForm } from "../body.ts";
import { authenticateForm } from "../client-credentials.ts";
import type { Contract } from "../contract.ts";
import { type Form, parameter } from "../form.ts";
import { invalidRequest, JSON_TYPE, refuse, type Rejection } from "../refuse.ts";
import { TokenResponse, tokenResponseBody } from "../token-response.ts";

export const tokenContract: Contract = {
  summary: "Exchanges a refresh token or client credentials for an access token",
  authentication: "client",
  form: Type.Object({
    grant_type: Type.Enum([...TOKEN_GRANTS]),
    refresh_token: Type.Optional(Type.String({ description: "With grant_type=refresh_token." })),
    resource: Type.Optional(Type.String({ description: "The one resource that the access token is for (RFC 8707); default the first." })),
    scope: Type.Optional(Type.String({ description: "Narrows the access token." })),
    client_id: Type.Optional(Type.String()),
    client_secret: Type.Optional(Type.String()),
  }),
  responses: { 200: TokenResponse },
};

const NO_GRANT_TYPE = invalidRequest("grant_type is missing");
const UNSUPPORTED = refusal("unsupported_grant_type", "this grant type is not supported");
const NOT_ALLOWED = refusal("unauthorized_client", "this client may not use this grant type");
const NO_REFRESH_TOKEN = invalidRequest("refresh_token is missing");
const BAD_KEY = invalidRequest("Idempotency-Key must be 16 to 255 visible ASCII characters");

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{16,255}$/;

export function tokenRoute(app: FastifyInstance, issuer: Issuer): void {
  app.post("/token", { config: { contract: tokenContract } }, async (request, reply) => {
    const result = await exchange(issuer, request);
    if (isRefusal(result)) return refuse(reply, result, "Basic");
    reply.header("content-type", JSON_TYPE);
    return tokenResponseBody(result);
  });
}

/** The order of the checks is INTERFACE's: media type and duplicates, grant type, client, grant, resource, scope. */
function exchange(issuer: Issuer, request: FastifyRequest): Promise<TokenGrant | Rejection> | Rejection {
  const form = readForm(request);
  if (isRefusal(form)) return form;
  const grantType = parameter(form, "grant_type");
  if (grantType === undefined) return NO_GRANT_TYPE;
  if (!isTokenGrant(grantType)) return UNSUPPORTED;
  const client = authenticateForm(issuer, request, form);
  if (isRefusal(client)) return client;
  if (!client.grants.includes(grantType)) return NOT_ALLOWED;
  switch (grantType) {
    case "refresh_token":
      return refresh(issuer, request, client, form);
    case "client_credentials":
      return issuer.clientCredentials({ client, resource: parameter(form, "resource"), scope: parameter(form, "scope") });
  }
}

function isTokenGrant(grantType: string): grantType is TokenGrantType {
  return (TOKEN_GRANTS as readonly string[]).includes(grantType);
}

function refresh(issuer: Issuer, request: FastifyRequest, client: Client, form: Form): Promise<TokenGrant | Rejection> | Rejection {
  const refreshToken = parameter(form, "refresh_token");
  if (refreshToken === undefined) return NO_REFRESH_TOKEN;
  const idempotencyKey = request.headers["idempotency-key"];
  if (idempotencyKey !== undefined && (typeof idempotencyKey !== "string" || !IDEMPOTENCY_KEY.test(idempotencyKey))) return BAD_KEY;
  return issuer.refresh({ client, refreshToken, resource: parameter(form, "resource"), scope: parameter(form, "scope"), idempotencyKey });
}
