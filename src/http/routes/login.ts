/** POST /login: the built-in accounts. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type Static, Type } from "typebox";
import { isRefusal, refusal } from "../../domain/refusal.ts";
import { networkOf } from "../address.ts";
import { readJson } from "../body.ts";
import { ASSERTION_TYPE, authenticate } from "../client-credentials.ts";
import type { Contract } from "../contract.ts";
import { deliver, readReplaced } from "../delivery.ts";
import type { Edge } from "../edge.ts";
import { CookieHeader, FOREIGN_ORIGIN } from "../page-contract.ts";
import { invalidRequest, refuse, type Rejection } from "../refuse.ts";
import { TokenResponse } from "../token-response.ts";

const PASSWORD_LIMIT_BYTES = 1024;
const USERNAME_LIMIT = 256;
const TEXT_LIMIT = 4096;
const ASSERTION_LIMIT = 8192;
const RESOURCE_LIMIT = 64;

const text = (description: string, maxLength = TEXT_LIMIT) => Type.String({ minLength: 1, maxLength, description });

/** Further members are ignored. */
export const LoginBody = Type.Object({
  username: text("The account's name.", USERNAME_LIMIT),
  password: text("At most 1024 bytes of UTF-8.", PASSWORD_LIMIT_BYTES),
  client_id: Type.Optional(text("Needed unless the client authenticates in the Authorization header or by an assertion.")),
  client_secret: Type.Optional(text("Of a confidential client that does not send it in the Authorization header.")),
  client_assertion: Type.Optional(text("With private_key_jwt (RFC 7523 §2.2).", ASSERTION_LIMIT)),
  client_assertion_type: Type.Optional(text(ASSERTION_TYPE)),
  scope: Type.Optional(Type.String({ maxLength: TEXT_LIMIT, description: "Narrows the session." })),
  resource: Type.Optional(
    Type.Union([text("One resource."), Type.Array(text("A resource."), { maxItems: RESOURCE_LIMIT })], {
      description: "The resources of the session; all of the client's if absent.",
    }),
  ),
});
export type LoginBody = Static<typeof LoginBody>;

export const loginContract: Contract = {
  operation: "logIn",
  summary: "Logs an account in: starts a session",
  authentication: "client",
  json: LoginBody,
  responses: { 200: TokenResponse },
  responseHeaders: CookieHeader,
  errors: [FOREIGN_ORIGIN, "unauthorized_client", "invalid_scope", "invalid_target", "invalid_credentials", "slow_down"],
};

const MALFORMED = invalidRequest("username and password, and scope and resource where they are sent, must be strings within their limits");
const NOT_ALLOWED = refusal("unauthorized_client", "this client may not log accounts in");

export function loginRoute(app: FastifyInstance, edge: Edge): void {
  app.post("/login", { config: { contract: loginContract } }, async (request, reply) => {
    const result = await logIn(edge, request, reply);
    return typeof result === "string" ? result : refuse(reply, result, "Basic");
  });
}

/** The body of the token response. */
async function logIn({ issuer, pages, addressOf }: Edge, request: FastifyRequest, reply: FastifyReply): Promise<string | Rejection> {
  const json = readJson(request);
  if (isRefusal(json)) return json;
  const body = json.value;
  if (!isLoginBody(body)) return MALFORMED;
  const client = await authenticate(issuer, request.headers.authorization, {
    clientId: body.client_id,
    clientSecret: body.client_secret,
    clientAssertion: body.client_assertion,
    clientAssertionType: body.client_assertion_type,
  });
  if (isRefusal(client)) return client;
  const foreign = pages.admit(request, reply, client, true);
  if (foreign !== undefined) return foreign;
  if (!client.grants.includes("login")) return NOT_ALLOWED;
  const address = addressOf(request);
  const result = await issuer.logIn({
    client,
    username: body.username,
    password: body.password,
    scope: body.scope === "" ? undefined : body.scope,
    resources: body.resource === undefined ? [] : [body.resource].flat(),
    address,
    network: networkOf(address),
    userAgent: request.headers["user-agent"],
    replaces: readReplaced(request, issuer.policy, client),
  });
  return isRefusal(result) ? result : deliver(reply, issuer.policy, client, result);
}

/** By hand: compiling the schema costs a tenth of a second at each start. A test holds that both say the same. */
export function isLoginBody(value: unknown): value is LoginBody {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const { username, password, scope, resource, client_assertion: assertion, ...rest }: Record<string, unknown> = { ...value };
  return (
    isText(username, USERNAME_LIMIT) &&
    isText(password, PASSWORD_LIMIT_BYTES) &&
    Buffer.byteLength(password) <= PASSWORD_LIMIT_BYTES &&
    [rest.client_id, rest.client_secret, rest.client_assertion_type].every((text) => text === undefined || isText(text)) &&
    (assertion === undefined || isText(assertion, ASSERTION_LIMIT)) &&
    (scope === undefined || scope === "" || isText(scope)) &&
    (resource === undefined || isText(resource) || isTexts(resource))
  );
}

function isText(value: unknown, limit = TEXT_LIMIT): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= limit;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= RESOURCE_LIMIT && value.every((one) => isText(one));
}
