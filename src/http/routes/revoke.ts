/** POST /revoke: ends the session of a token (RFC 7009). */

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { isRefusal } from "../../domain/refusal.ts";
import type { Done } from "../../issuer/types.ts";
import { readForm } from "../body.ts";
import { authenticateForm } from "../client-credentials.ts";
import type { Contract } from "../contract.ts";
import type { Edge } from "../edge.ts";
import { parameter } from "../form.ts";
import { ClientForm, FOREIGN_ORIGIN } from "../page-contract.ts";
import { invalidRequest, refuse, type Rejection } from "../refuse.ts";

export const TokenForm = Type.Object({
  token: Type.String({ minLength: 1 }),
  token_type_hint: Type.Optional(Type.String({ description: "Only a hint: it changes nothing." })),
  ...ClientForm.properties,
});

export const revokeContract: Contract = {
  operation: "revokeToken",
  summary: "Ends the session of a refresh or access token",
  authentication: "client",
  form: TokenForm,
  responses: { 200: null },
  errors: [FOREIGN_ORIGIN, "invalid_grant", "unsupported_token_type"],
};

export const NO_TOKEN = invalidRequest("token is missing");

export function revokeRoute(app: FastifyInstance, edge: Edge): void {
  app.post("/revoke", { config: { contract: revokeContract } }, async (request, reply) => {
    const result = await revoke(edge, request, reply);
    if (isRefusal(result)) return refuse(reply, result, "Basic");
    reply.code(200).send();
    return undefined;
  });
}

async function revoke({ issuer, pages }: Edge, request: FastifyRequest, reply: FastifyReply): Promise<Done | Rejection> {
  const form = readForm(request);
  if (isRefusal(form)) return form;
  const client = await authenticateForm(issuer, request.headers.authorization, form);
  if (isRefusal(client)) return client;
  const foreign = pages.admit(request, reply, client, false);
  if (foreign !== undefined) return foreign;
  const token = parameter(form, "token");
  return token === undefined ? NO_TOKEN : issuer.revoke({ client, token });
}
