/** POST /token: the grants (RFC 6749 §4.4, §6; RFC 7523 §2.1). */

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { type Client, JWT_BEARER } from "../../domain/policy.ts";
import { isRefusal, refusal } from "../../domain/refusal.ts";
import { TOKEN_GRANTS, type TokenGrantType } from "../../issuer/metadata.ts";
import type { Issuer, TokenGrant } from "../../issuer/types.ts";
import { readForm } from "../body.ts";
import { authenticateForm } from "../client-credentials.ts";
import type { Contract } from "../contract.ts";
import { deliver, forget, readRefreshToken, readReplaced } from "../delivery.ts";
import type { Edge } from "../edge.ts";
import { type Form, parameter } from "../form.ts";
import { ClientForm, CookieHeader, FOREIGN_ORIGIN } from "../page-contract.ts";
import { invalidRequest, refuse, type Rejection } from "../refuse.ts";
import { TokenResponse } from "../token-response.ts";

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{16,255}$/;

export const tokenContract: Contract = {
  operation: "exchangeToken",
  summary: "Exchanges a refresh token, client credentials or an assertion for an access token",
  authentication: "client",
  form: Type.Object({
    grant_type: Type.Enum([...TOKEN_GRANTS]),
    refresh_token: Type.Optional(Type.String({ description: "With grant_type=refresh_token; a cookie client sends the cookie instead." })),
    assertion: Type.Optional(Type.String({ description: "With the grant jwt-bearer: a trusted issuer's JWT (RFC 7523 §2.1)." })),
    resource: Type.Optional(Type.String({ description: "The one resource that the access token is for (RFC 8707); default the first." })),
    scope: Type.Optional(Type.String({ description: "Narrows the access token." })),
    ...ClientForm.properties,
  }),
  headers: Type.Object({
    "Idempotency-Key": Type.Optional(
      Type.String({
        pattern: IDEMPOTENCY_KEY.source,
        description: "With grant_type=refresh_token: the same exchange again gets the same answer for longer.",
      }),
    ),
  }),
  responses: { 200: TokenResponse },
  responseHeaders: CookieHeader,
  errors: [FOREIGN_ORIGIN, "unauthorized_client", "unsupported_grant_type", "invalid_grant", "invalid_scope", "invalid_target"],
};

const NO_GRANT_TYPE = invalidRequest("grant_type is missing");
const UNSUPPORTED = refusal("unsupported_grant_type", "this grant type is not supported");
const NOT_ALLOWED = refusal("unauthorized_client", "this client may not use this grant type");
const NO_ASSERTION = invalidRequest("assertion is missing");
const BAD_KEY = invalidRequest("Idempotency-Key must be 16 to 255 visible ASCII characters");

export function tokenRoute(app: FastifyInstance, edge: Edge): void {
  app.post("/token", { config: { contract: tokenContract } }, async (request, reply) => {
    const result = await exchange(edge, request, reply);
    return typeof result === "string" ? result : refuse(reply, result, "Basic");
  });
}

/**
 * The body of the token response. The order of the checks is INTERFACE's: media type and duplicates, grant type, client,
 * grant, resource, scope.
 */
async function exchange(edge: Edge, request: FastifyRequest, reply: FastifyReply): Promise<string | Rejection> {
  const { issuer, pages } = edge;
  const form = readForm(request);
  if (isRefusal(form)) return form;
  const grantType = parameter(form, "grant_type");
  if (grantType === undefined) return NO_GRANT_TYPE;
  if (!isTokenGrant(grantType)) return UNSUPPORTED;
  const client = await authenticateForm(issuer, request.headers.authorization, form);
  if (isRefusal(client)) return client;
  const foreign = pages.admit(request, reply, client, grantType !== "client_credentials");
  if (foreign !== undefined) return foreign;
  if (!client.grants.includes(grantType)) return NOT_ALLOWED;
  const result = await grant(edge, request, client, form, grantType);
  if (!isRefusal(result)) return deliver(reply, issuer.policy, client, result);
  if (result.isSessionOver === true) forget(reply, issuer.policy, client);
  return result;
}

function isTokenGrant(grantType: string): grantType is TokenGrantType {
  return (TOKEN_GRANTS as readonly string[]).includes(grantType);
}

type Granted = Promise<TokenGrant | Rejection>;

function grant(edge: Edge, request: FastifyRequest, client: Client, form: Form, grantType: TokenGrantType): Granted | Rejection {
  const { issuer } = edge;
  const wanted = { client, resource: parameter(form, "resource"), scope: parameter(form, "scope") };
  switch (grantType) {
    case "refresh_token":
      return refresh(issuer, request, form, wanted);
    case "client_credentials":
      return issuer.clientCredentials(wanted);
    case JWT_BEARER:
      return assertSubject(edge, request, form, wanted);
  }
}

interface Wanted {
  readonly client: Client;
  readonly resource: string | undefined;
  readonly scope: string | undefined;
}

function refresh(issuer: Issuer, request: FastifyRequest, form: Form, wanted: Wanted): Granted | Rejection {
  const refreshToken = readRefreshToken(request, issuer.policy, wanted.client, parameter(form, "refresh_token"));
  if (typeof refreshToken !== "string") return refreshToken;
  const idempotencyKey = request.headers["idempotency-key"];
  if (idempotencyKey !== undefined && (typeof idempotencyKey !== "string" || !IDEMPOTENCY_KEY.test(idempotencyKey))) return BAD_KEY;
  return issuer.refresh({ ...wanted, refreshToken, idempotencyKey });
}

/** RFC 7523 §2.1. */
function assertSubject({ issuer, addressOf }: Edge, request: FastifyRequest, form: Form, wanted: Wanted): Granted | Rejection {
  const assertion = parameter(form, "assertion");
  if (assertion === undefined) return NO_ASSERTION;
  return issuer.assertSubject({
    ...wanted,
    assertion,
    address: addressOf(request),
    userAgent: request.headers["user-agent"],
    replaces: readReplaced(request, issuer.policy, wanted.client),
  });
}
