/** Access tokens in the Authorization header (RFC 6750 §2.1); the form and URL ways to send them are not supported. */

import type { FastifyReply, FastifyRequest } from "fastify";
import { isRefusal, refusal } from "../domain/refusal.ts";
import type { AuthorizedOwner } from "../issuer/types.ts";
import { checkRequest } from "./body.ts";
import type { Edge } from "./edge.ts";
import { narrow } from "./pages.ts";
import type { Rejection } from "./refuse.ts";

const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i;

const NO_TOKEN: Rejection = { ...refusal("invalid_token", "an access token is needed"), uncredentialed: true };
const MALFORMED = refusal("invalid_token", "the Authorization header holds no access token of the scheme Bearer");

/** The access token of a request; it is not checked here. */
export function readBearer(request: FastifyRequest): { readonly token: string } | Rejection {
  const fault = checkRequest(request);
  if (fault !== undefined) return fault;
  const { authorization } = request.headers;
  if (authorization === undefined) return NO_TOKEN;
  const token = BEARER.exec(authorization)?.[1];
  return token === undefined ? MALFORMED : { token };
}

/** Whose sessions the request may see and end. Pages of other clients can't read the answer. */
export async function readOwner({ issuer }: Edge, request: FastifyRequest, reply: FastifyReply): Promise<AuthorizedOwner | Rejection> {
  const bearer = readBearer(request);
  if (isRefusal(bearer)) return bearer;
  const owner = await issuer.authorizeSessions(bearer.token);
  const client = isRefusal(owner) ? undefined : issuer.policy.clients.get(owner.clientId);
  if (client !== undefined) narrow(request, reply, client);
  return owner;
}
