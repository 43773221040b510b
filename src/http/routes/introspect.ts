/** POST /introspect: whether a token is active (RFC 7662). */

import type { FastifyInstance, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { isRefusal, refusal } from "../../domain/refusal.ts";
import type { Introspection, Issuer } from "../../issuer/types.ts";
import { readForm } from "../body.ts";
import { authenticateForm } from "../client-credentials.ts";
import type { Contract } from "../contract.ts";
import { parameter } from "../form.ts";
import { JSON_TYPE, refuse, type Rejection } from "../refuse.ts";
import { NO_TOKEN, TokenForm } from "./revoke.ts";

const text = Type.Optional(Type.String());
const seconds = Type.Optional(Type.Integer());

/** RFC 7662 §2.2. */
const IntrospectionBody = Type.Object(
  {
    active: Type.Boolean(),
    token_type: Type.Optional(Type.Literal("Bearer")),
    iss: text,
    sub: text,
    aud: text,
    client_id: text,
    scope: text,
    sid: text,
    jti: text,
    iat: seconds,
    exp: seconds,
    auth_time: seconds,
  },
  {
    title: "Introspection",
    additionalProperties: true,
    description: "All else only where active is true; of an access token also the account's own claims.",
  },
);

export const introspectContract: Contract = {
  operation: "introspectToken",
  summary: "Tells a confidential client whether a token is active",
  authentication: "client",
  form: TokenForm,
  responses: {
    200: IntrospectionBody,
  },
};

const PUBLIC_CLIENT = refusal("invalid_client", "only clients that authenticate may introspect");

export function introspectRoute(app: FastifyInstance, issuer: Issuer): void {
  app.post("/introspect", { config: { contract: introspectContract } }, async (request, reply) => {
    const result = await introspect(issuer, request);
    if (isRefusal(result)) return refuse(reply, result, "Basic");
    reply.header("content-type", JSON_TYPE);
    return JSON.stringify(result);
  });
}

async function introspect(issuer: Issuer, request: FastifyRequest): Promise<Introspection | Rejection> {
  const form = readForm(request);
  if (isRefusal(form)) return form;
  const client = await authenticateForm(issuer, request.headers.authorization, form);
  if (isRefusal(client)) return client;
  if (client.type === "public") return PUBLIC_CLIENT;
  const token = parameter(form, "token");
  return token === undefined ? NO_TOKEN : issuer.introspect({ client, token });
}
