/** DELETE /sessions: ends all of the subject's sessions, or all but the one that asks. */

import type { FastifyInstance, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { isRefusal } from "../../domain/refusal.ts";
import { readOwner } from "../bearer.ts";
import type { Contract } from "../contract.ts";
import type { Edge } from "../edge.ts";
import { FOREIGN_ORIGIN } from "../page-contract.ts";
import { invalidRequest, refuse, type Rejection } from "../refuse.ts";

export const endSessionsContract: Contract = {
  operation: "endSessions",
  summary: "Ends the subject's sessions",
  authentication: "bearer",
  query: Type.Object({
    except: Type.Optional(
      Type.Literal("current", { description: "All but the session of the access token. No other parameter is taken." }),
    ),
  }),
  responses: { 204: null },
  errors: [FOREIGN_ORIGIN, "insufficient_scope"],
};

const BAD_EXCEPT = invalidRequest("the only parameter is except=current, once");

export function endSessionsRoute(app: FastifyInstance, edge: Edge): void {
  const { issuer } = edge;
  app.delete("/sessions", { config: { contract: endSessionsContract } }, async (request, reply) => {
    const owner = await readOwner(edge, request, reply);
    if (isRefusal(owner)) return refuse(reply, owner, "Bearer");
    const except = readExcept(request);
    if (typeof except !== "string") return refuse(reply, except, "Bearer");
    await issuer.endSessions(owner, except);
    reply.code(204).send();
    return undefined;
  });
}

/** A wrong word must not end more than was meant. */
function readExcept(request: FastifyRequest): "none" | "current" | Rejection {
  const query = { ...(request.query as Record<string, unknown>) };
  const names = Object.keys(query);
  if (names.length === 0) return "none";
  return names.length === 1 && query.except === "current" ? "current" : BAD_EXCEPT;
}
