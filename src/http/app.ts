/** The issuer on HTTP: reads requests strictly, asks the issuer's flows, and is the one place where refusals become wire errors. */

import fastifyCookie from "@fastify/cookie";
import type { FastifyInstance } from "fastify";
import type { Issuer } from "../issuer/types.ts";
import { addressReader } from "./address.ts";
import type { Edge } from "./edge.ts";
import { Pages } from "./pages.ts";
import { endSessionRoute } from "./routes/end-session.ts";
import { endSessionsRoute } from "./routes/end-sessions.ts";
import { healthRoutes } from "./routes/health.ts";
import { introspectRoute } from "./routes/introspect.ts";
import { jwksRoute } from "./routes/jwks.ts";
import { listSessionsRoute } from "./routes/list-sessions.ts";
import { loginRoute } from "./routes/login.ts";
import { logoutRoute } from "./routes/logout.ts";
import { metadataRoutes } from "./routes/metadata.ts";
import { openapiRoute } from "./routes/openapi.ts";
import { revokeRoute } from "./routes/revoke.ts";
import { tokenRoute } from "./routes/token.ts";
import { createServer, type ServerOptions } from "./server.ts";

export type { HttpFailure } from "./failures.ts";

export interface AppOptions extends ServerOptions {
  readonly issuer: Issuer;
  /** Whose X-Forwarded-For counts; nobody's if absent. */
  readonly isTrustedProxy?: (address: string) => boolean;
  /** The package's, for the API description. */
  readonly version?: string;
}

const ROUTES = [metadataRoutes, introspectRoute, healthRoutes];

/** Those that the pages of clients call. */
const PAGE_ROUTES = [tokenRoute, revokeRoute, logoutRoute, listSessionsRoute, endSessionRoute, endSessionsRoute];

/** All routes of the issuer. Neither listens nor starts the issuer; `close` drains. */
export function buildApp(options: AppOptions): FastifyInstance {
  const { issuer } = options;
  const pages = new Pages(issuer.policy);
  const onWrongMethod: ServerOptions["onWrongMethod"] = (request, reply, allowed) => {
    if (allowed.includes("OPTIONS")) pages.share(request, reply);
  };
  const app = createServer({ ...options, onWrongMethod }, issuer.policy.issuer.startsWith("https:"));
  // First, for it describes the routes that come after it.
  openapiRoute(app, issuer, options.version ?? "0.0.0");
  const edge: Edge = { issuer, pages, addressOf: addressReader(options.isTrustedProxy ?? (() => false)) };
  jwksRoute(app, edge);
  for (const addRoute of ROUTES) addRoute(app, issuer);
  app.register(async (pageApp) => {
    await pageApp.register(fastifyCookie, { hook: false });
    pages.serve(pageApp, () => {
      for (const addRoute of PAGE_ROUTES) addRoute(pageApp, edge);
      // Where logins are someone else's, there is no route to guess passwords at.
      if (issuer.policy.login.enabled) loginRoute(pageApp, edge);
    });
  });
  return app;
}
