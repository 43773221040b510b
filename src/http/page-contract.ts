/** What the routes that pages call promise alike. */

import { Type } from "typebox";
import type { ContractError } from "./contract.ts";
import { ASSERTION_TYPE } from "./client-credentials.ts";

/** How a client names and proves itself in a form (RFC 6749 §2.3.1, RFC 7523 §2.2). */
export const ClientForm = Type.Object({
  client_id: Type.Optional(Type.String({ description: "Needed unless the client authenticates in the Authorization header." })),
  client_secret: Type.Optional(Type.String()),
  client_assertion: Type.Optional(Type.String({ description: "With private_key_jwt (RFC 7523 §2.2)." })),
  client_assertion_type: Type.Optional(Type.Literal(ASSERTION_TYPE)),
});

/** Where the refresh token of a cookie client travels. */
export const CookieHeader = Type.Object({
  "Set-Cookie": Type.Optional(Type.String({ description: "Of cookie clients: `__Host-mintmark-<client id>`, set or cleared." })),
});

/** Of what carries or could set such a cookie. */
export const FOREIGN_ORIGIN: ContractError = { status: 403, error: "invalid_request" };
