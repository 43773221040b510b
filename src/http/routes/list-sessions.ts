/** GET /sessions: where the subject is logged in. */

import type { FastifyInstance } from "fastify";
import { type Static, Type } from "typebox";
import { isRefusal } from "../../domain/refusal.ts";
import type { SessionListing, SessionOwner } from "../../issuer/types.ts";
import { readOwner } from "../bearer.ts";
import type { Contract } from "../contract.ts";
import type { Edge } from "../edge.ts";
import { JSON_TYPE, refuse } from "../refuse.ts";

const seconds = (description: string) => Type.Integer({ description: `${description} Seconds since 1970-01-01T00:00:00Z, as in a JWT.` });

export const Session = Type.Object(
  {
    sid: Type.String(),
    client_id: Type.String(),
    created_at: seconds("When it began."),
    last_used_at: seconds("When its refresh token was last exchanged."),
    expires_at: seconds("When it ends if it isn't used again."),
    scope: Type.String({ description: "All scopes of all its resources, separated by spaces." }),
    user_agent: Type.String({ description: "A short label, for people." }),
    current: Type.Boolean({ description: "True: the session of the access token that asks." }),
  },
  { title: "Session" },
);

export const listSessionsContract: Contract = {
  operation: "listSessions",
  summary: "Lists the subject's sessions",
  authentication: "bearer",
  responses: { 200: Type.Object({ sessions: Type.Array(Session) }) },
  errors: ["insufficient_scope"],
};

export function listSessionsRoute(app: FastifyInstance, edge: Edge): void {
  const { issuer } = edge;
  app.get("/sessions", { config: { contract: listSessionsContract } }, async (request, reply) => {
    const owner = await readOwner(edge, request, reply);
    if (isRefusal(owner)) return refuse(reply, owner, "Bearer");
    const listings = await issuer.listSessions(owner);
    reply.header("content-type", JSON_TYPE);
    return JSON.stringify({ sessions: listings.map((listing) => sessionOf(listing, owner)) });
  });
}

function sessionOf(listing: SessionListing, owner: SessionOwner): Static<typeof Session> {
  return {
    sid: listing.sid,
    client_id: listing.clientId,
    created_at: toSeconds(listing.createdAt),
    last_used_at: toSeconds(listing.lastUsedAt),
    expires_at: toSeconds(listing.expiresAt),
    scope: listing.scope,
    user_agent: listing.userAgent,
    current: listing.sid === owner.sid,
  };
}

function toSeconds(millis: number): number {
  return Math.floor(millis / 1000);
}
