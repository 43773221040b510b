/** The operator's listener: metrics and health, apart from what the world may reach. */

import type { FastifyInstance } from "fastify";
import type { Issuer } from "../issuer/types.ts";
import { healthRoutes } from "./routes/health.ts";
import { createServer, type ServerOptions } from "./server.ts";

export interface OpsOptions extends ServerOptions {
  readonly issuer: Pick<Issuer, "readiness">;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
}

/** GET /metrics (Prometheus text), /livez, /readyz. */
export function buildOpsApp(options: OpsOptions): FastifyInstance {
  const { issuer, metrics } = options;
  const app = createServer(options, false);
  app.get("/metrics", async (_request, reply) => {
    reply.header("content-type", metrics.contentType);
    return metrics.text();
  });
  healthRoutes(app, issuer);
  return app;
}
