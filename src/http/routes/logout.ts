/** POST /logout: ends the session of the access token or of the cookie that is shown. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import type { Client } from "../../domain/policy.ts";
import { isRefusal } from "../../domain/refusal.ts";
import type { TokenSession } from "../../issuer/types.ts";
import { readBearer } from "../bearer.ts";
import { hasForm, readForm } from "../body.ts";
import { authenticateForm, namesClient } from "../client-credentials.ts";
import type { Contract } from "../contract.ts";
import type { Edge } from "../edge.ts";
import { isCookieClient } from "../pages.ts";
import { ClientForm, CookieHeader, FOREIGN_ORIGIN } from "../page-contract.ts";
import { clearRefreshCookie, readRefreshCookie } from "../refresh-cookie.ts";
import { invalidRequest, refuse, type Rejection } from "../refuse.ts";

export const logoutContract: Contract = {
  operation: "logOut",
  summary: "Ends the session of the access token, or of the refresh cookie of client_id",
  authentication: "session",
  form: Type.Object({
    ...ClientForm.properties,
    client_id: Type.Optional(Type.String({ description: "The client whose refresh cookie is sent." })),
  }),
  responses: { 204: null },
  responseHeaders: CookieHeader,
  errors: [FOREIGN_ORIGIN, "invalid_grant"],
};

const TWO_CLIENTS = invalidRequest("the access token is another client's than client_id");

export function logoutRoute(app: FastifyInstance, edge: Edge): void {
  app.post("/logout", { config: { contract: logoutContract } }, async (request, reply) => {
    const fault = await logOut(edge, request, reply);
    if (fault !== undefined) return refuse(reply, fault, fault.refused === "invalid_client" ? "Basic" : "Bearer");
    reply.code(204).send();
    return undefined;
  });
}

/** Everything is looked at before anything ends: a request that is refused changes nothing. */
async function logOut(edge: Edge, request: FastifyRequest, reply: FastifyReply): Promise<Rejection | undefined> {
  const { issuer, pages } = edge;
  const named = await namedClient(edge, request);
  if (named !== undefined && isRefusal(named)) return named;
  const shown = shownSession(edge, request);
  const isByCookie = named !== undefined && isCookieClient(named);
  // A page that sends its access token always can log out when that has expired.
  if (isRefusal(shown) && !isByCookie) return shown;
  const session = isRefusal(shown) ? undefined : shown;
  if (session !== undefined && named !== undefined && session.clientId !== named.id) return TWO_CLIENTS;

  const client = named ?? issuer.policy.clients.get(session?.clientId ?? "");
  const foreign = client === undefined ? undefined : pages.admit(request, reply, client, true);
  if (foreign !== undefined) return foreign;
  const carried = client === undefined ? undefined : await carriedSession(edge, request, client);
  if (carried !== undefined && isRefusal(carried)) return carried;

  if (session !== undefined) await issuer.logOut(session);
  if (client === undefined || !isCookieClient(client)) return undefined;
  const isNewer = carried !== undefined && carried.sid !== session?.sid;
  // An old access token alone does not end what the browser has logged in to since.
  if (isNewer && named === undefined) return undefined;
  if (isNewer) await issuer.logOut(carried);
  clearRefreshCookie(reply, issuer.policy.issuer, client.id);
  return undefined;
}

function isBearer({ headers }: FastifyRequest): boolean {
  return /^bearer\b/i.test(headers.authorization ?? "");
}

/** The client that the form or the Basic header names; undefined where neither does. With an access token the body may be anything. */
async function namedClient({ issuer }: Edge, request: FastifyRequest): Promise<Client | Rejection | undefined> {
  if (!hasForm(request) && (isBearer(request) || request.headers["content-type"] === undefined)) return undefined;
  const form = readForm(request);
  if (isRefusal(form)) return form;
  const basic = isBearer(request) ? undefined : request.headers.authorization;
  return namesClient(basic, form) ? authenticateForm(issuer, basic, form) : undefined;
}

function shownSession({ issuer }: Edge, request: FastifyRequest): TokenSession | Rejection {
  const bearer = readBearer(request);
  return isRefusal(bearer) ? bearer : issuer.sessionOfAccessToken(bearer.token);
}

async function carriedSession({ issuer }: Edge, request: FastifyRequest, client: Client): Promise<TokenSession | Rejection | undefined> {
  if (!isCookieClient(client)) return undefined;
  const refreshToken = readRefreshCookie(request, issuer.policy.issuer, client.id);
  return refreshToken === undefined ? undefined : issuer.sessionOfRefreshToken(client, refreshToken);
}
