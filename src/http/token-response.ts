/** The token response of RFC 6749 §5.1, with our members for sessions. */

import { type Static, Type } from "typebox";
import type { TokenGrant } from "../issuer/types.ts";

export const TokenResponse = Type.Object(
  {
    access_token: Type.String({ description: "A JWT in the RFC 9068 format." }),
    token_type: Type.Literal("Bearer"),
    expires_in: Type.Integer({ description: "Seconds until the access token expires." }),
    scope: Type.String({ description: "Scopes of the access token, separated by spaces." }),
    refresh_token: Type.Optional(Type.String({ description: "Opaque. Replaces the one that was presented." })),
    refresh_token_expires_in: Type.Optional(
      Type.Integer({ description: "Seconds until the earlier of the idle and the absolute end of the session." }),
    ),
    sid: Type.Optional(Type.String({ description: "Names the session; not secret." })),
  },
  { title: "TokenResponse" },
);

/** The body of a token response. */
export function tokenResponseBody(grant: TokenGrant): string {
  // Members that are undefined are left out, which JSON.stringify does anyway.
  const response: { [Name in keyof Static<typeof TokenResponse>]: Static<typeof TokenResponse>[Name] | undefined } = {
    access_token: grant.accessToken,
    token_type: "Bearer",
    expires_in: grant.expiresInSeconds,
    scope: grant.scope,
    refresh_token: grant.refreshToken,
    refresh_token_expires_in: grant.refreshTokenExpiresInSeconds,
    sid: grant.sid,
  };
  return JSON.stringify(response);
}
