/** The issuer on HTTP: reads requests strictly, asks the issuer's flows, and is the one place where refusals become wire errors. */

import type { FastifyInstance } from "fastify";
import type { Issuer } from "../issuer/types.ts";
import { endSessionRoute } from "./routes/end-session.ts";
import { endSessionsRoute } from "./routes/end-sessions.ts";
import { healthRoutes } from "./routes/health.ts";
import { introspectRoute } from "./routes/introspect.ts";
import { jwksRoute } from "./routes/jwks.ts";
import { listSessionsRoute } from "./routes/list-sessions.ts";
import { loginRoute } from "./routes/login.ts";
import { logoutRoute } from "./routes/logout.ts";
import { metadataRoutes } from "./routes/metadata.ts";
import { revokeRoute } from "./routes/revoke.ts";
import { tokenRoute } from "./routes/token.ts";
import { createServer, type ServerOptions } from "./server.ts";

export type { HttpFailure } from "./failures.ts";

export interface AppOptions extends ServerOptions {
  readonly issuer: Issuer;
}

const ROUTES = [
  jwksRoute,
  metadataRoutes,
  loginRoute,
  tokenRoute,
  revokeRoute,
  introspectRoute,
  logoutRoute,
  listSessionsRoute,
  endSessionRoute,
  endSessionsRoute,
  healthRoutes,
];

/** All routes of the issuer. Neither listens nor starts the issuer; `close` drains. */
export function buildApp(options: AppOptions): FastifyInstance {
  const { issuer } = options;
  const app = createServer(options, issuer.policy.issuer.startsWith("https:"));
  for (const addRoute of ROUTES) {
    // Where logins are someone else's, there is no route to guess passwords at.
    if (addRoute !== loginRoute || issuer.policy.login.enabled) addRoute(app, issuer);
  }
  return app;
}
