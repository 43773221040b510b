/** GET /livez and /readyz: whether the process is up, and whether it can do its work. */

import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { Issuer } from "../../issuer/types.ts";
import type { Contract } from "../contract.ts";
import { answerError, JSON_TYPE } from "../refuse.ts";

const Status = Type.Object({ status: Type.String() });

export const livezContract: Contract = {
  operation: "getLiveness",
  summary: "The process is up",
  authentication: "none",
  responses: { 200: Status },
};
export const readyzContract: Contract = {
  operation: "getReadiness",
  summary: "The store is reachable and every algorithm can sign",
  authentication: "none",
  responses: { 200: Status },
  errors: ["temporarily_unavailable", "server_error"],
};

export function healthRoutes(app: FastifyInstance, issuer: Pick<Issuer, "readiness">): void {
  app.get("/livez", { config: { contract: livezContract } }, (_request, reply) =>
    reply.header("content-type", JSON_TYPE).send('{"status":"up"}'),
  );
  app.get("/readyz", { config: { contract: readyzContract } }, async (_request, reply) => {
    const { ready, missing } = await issuer.readiness();
    if (!ready)
      return answerError(reply, { status: 503, error: "temporarily_unavailable", description: ["not ready", ...missing].join("; ") });
    reply.header("content-type", JSON_TYPE);
    return '{"status":"ready"}';
  });
}
