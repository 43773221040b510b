/** GET /openapi.json: the description of all routes that are added after it, and of itself. */

import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { Issuer } from "../../issuer/types.ts";
import type { Contract } from "../contract.ts";
import { describe, type Operation } from "../openapi/document.ts";
import { publish, PublicHeaders } from "../public-document.ts";

const open = { additionalProperties: true };

export const openapiContract: Contract = {
  operation: "getDescription",
  summary: "This description",
  authentication: "none",
  responses: {
    200: Type.Object({ openapi: Type.String(), info: Type.Object({}, open), paths: Type.Object({}, open) }, open),
  },
  responseHeaders: PublicHeaders,
};

/** `version` is the package's. */
export function openapiRoute(app: FastifyInstance, { policy }: Pick<Issuer, "policy">, version: string): void {
  const operations: Operation[] = [];
  app.addHook("onRoute", ({ method, url, config }) => {
    const contract = config?.contract;
    // Fastify adds a HEAD route with the same contract to each GET route.
    for (const one of [method].flat()) if (contract !== undefined && one !== "HEAD") operations.push({ method: one, url, contract });
  });
  const maxAgeSeconds = Math.floor(policy.keys.jwksMaxAgeMillis / 1000);
  // Written when it is first asked for, so that no start waits for it.
  let body: Buffer | undefined;
  app.get("/openapi.json", { config: { contract: openapiContract } }, (_request, reply) => {
    body ??= Buffer.from(JSON.stringify(describe({ issuer: policy.issuer, version, operations })));
    return publish(reply, maxAgeSeconds).header("content-type", "application/json").send(body);
  });
}
