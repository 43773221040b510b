/** POST /logout: ends the session of the access token that is shown. */

import type { FastifyInstance } from "fastify";
import { isRefusal } from "../../domain/refusal.ts";
import type { Issuer } from "../../issuer/types.ts";
import { readBearer } from "../bearer.ts";
import type { Contract } from "../contract.ts";
import { refuse } from "../refuse.ts";

export const logoutContract: Contract = {
  summary: "Ends the session of the access token",
  authentication: "bearer",
  responses: { 204: null },
};

export function logoutRoute(app: FastifyInstance, issuer: Issuer): void {
  app.post("/logout", { config: { contract: logoutContract } }, async (request, reply) => {
    const bearer = readBearer(request);
    const result = isRefusal(bearer) ? bearer : await issuer.logOut(bearer.token);
    if (isRefusal(result)) return refuse(reply, result, "Bearer");
    reply.code(204).send();
    return undefined;
  });
}
