/** DELETE /sessions/{sid}: ends one of the subject's sessions. */

import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { isRefusal } from "../../domain/refusal.ts";
import { readOwner } from "../bearer.ts";
import type { Contract } from "../contract.ts";
import type { Edge } from "../edge.ts";
import { FOREIGN_ORIGIN } from "../page-contract.ts";
import { answerError, refuse } from "../refuse.ts";

export const endSessionContract: Contract = {
  operation: "endSession",
  summary: "Ends one of the subject's sessions",
  authentication: "bearer",
  params: Type.Object({ sid: Type.String() }),
  responses: { 204: null },
  errors: [FOREIGN_ORIGIN, "insufficient_scope", "not_found"],
};

export function endSessionRoute(app: FastifyInstance, edge: Edge): void {
  const { issuer } = edge;
  app.delete<{ Params: { sid: string } }>("/sessions/:sid", { config: { contract: endSessionContract } }, async (request, reply) => {
    const owner = await readOwner(edge, request, reply);
    if (isRefusal(owner)) return refuse(reply, owner, "Bearer");
    const ended = await issuer.endSession(owner, request.params.sid);
    if (!ended) return answerError(reply, { status: 404, error: "not_found", description: "the subject has no such session" });
    reply.code(204).send();
    return undefined;
  });
}
