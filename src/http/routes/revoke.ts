/** POST /revoke: ends the session of a token (RFC 7009). */

import type { FastifyInstance, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { isRefusal } from "../../domain/refusal.ts";
import type { Done, Issuer } from "../../issuer/types.ts";
import { readForm } from "../body.ts";
import { authenticateForm } from "../client-credentials.ts";
import type { Contract } from "../contract.ts";
import { parameter } from "../form.ts";
import { invalidRequest, refuse, type Rejection } from "../refuse.ts";

export const TokenForm = Type.Object({
  token: Type.String(),
  token_type_hint: Type.Optional(Type.String({ description: "Only a hint: it changes nothing." })),
  client_id: Type.Optional(Type.String()),
  client_secret: Type.Optional(Type.String()),
});

export const revokeContract: Contract = {
  summary: "Ends the session of a refresh or access token",
  authentication: "client",
  form: TokenForm,
  responses: { 200: null },
};

export const NO_TOKEN = invalidRequest("token is missing");

export function revokeRoute(app: FastifyInstance, issuer: Issuer): void {
  app.post("/revoke", { config: { contract: revokeContract } }, async (request, reply) => {
    const result = await revoke(issuer, request);
    if (isRefusal(result)) return refuse(reply, result, "Basic");
    reply.code(200).send();
    return undefined;
  });
}

function revoke(issuer: Issuer, request: FastifyRequest): Promise<Done | Rejection> | Rejection {
  const form = readForm(request);
  if (isRefusal(form)) return form;
  const client = authenticateForm(issuer, request, form);
  if (isRefusal(client)) return client;
  const token = parameter(form, "token");
  return token === undefined ? NO_TOKEN : issuer.revoke({ client, token });
}
