/** Who a client says it is, and by which one method (RFC 6749 §2.3). */

import { isUtf8 } from "node:buffer";
import type { FastifyRequest } from "fastify";
import type { Client } from "../domain/policy.ts";
import { isRefusal, refusal } from "../domain/refusal.ts";
import type { ClientCredentials, Issuer } from "../issuer/types.ts";
import { decodeFormPiece, type Form, parameter } from "./form.ts";
import { invalidRequest, type Rejection } from "./refuse.ts";

/** What the body says about the client. */
export interface BodyCredentials {
  readonly clientId?: string | undefined;
  readonly clientSecret?: string | undefined;
  /** True: `client_assertion` or `client_assertion_type` is there. */
  readonly assertion?: boolean;
}

const BASIC = /^basic +([A-Za-z0-9+/]+={0,2})$/i;

const TWO_METHODS = invalidRequest("a client authenticates by one method per request");
const TWO_CLIENTS = invalidRequest("client_id differs from the client in the Authorization header");
const NO_CLIENT = refusal("invalid_client", "the request names no client");
const BAD_HEADER = refusal("invalid_client", "the Authorization header holds no client id and secret of the scheme Basic");
const NO_ASSERTIONS = refusal("invalid_client", "client assertions are not supported");

/** The credentials in a request. They are not checked here. */
export function readClientCredentials(authorization: string | undefined, body: BodyCredentials): ClientCredentials | Rejection {
  const inBody = body.clientSecret !== undefined || body.assertion === true;
  if (authorization !== undefined && inBody) return TWO_METHODS;
  if (body.clientSecret !== undefined && body.assertion === true) return TWO_METHODS;
  if (authorization !== undefined) return readBasic(authorization, body.clientId);
  if (body.assertion === true) return NO_ASSERTIONS;
  if (body.clientId === undefined) return NO_CLIENT;
  if (body.clientSecret === undefined) return { method: "none", clientId: body.clientId };
  return { method: "post", clientId: body.clientId, secret: body.clientSecret };
}

function readBasic(authorization: string, clientIdInBody: string | undefined): ClientCredentials | Rejection {
  const encoded = BASIC.exec(authorization)?.[1];
  if (encoded === undefined) return BAD_HEADER;
  const bytes = Buffer.from(encoded, "base64");
  if (bytes.toString("base64") !== encoded || !isUtf8(bytes)) return BAD_HEADER;
  const pair = bytes.toString("utf8");
  const colon = pair.indexOf(":");
  if (colon < 1) return BAD_HEADER;
  // Both halves are form-urlencoded before they are joined (RFC 6749 §2.3.1).
  const clientId = decodeFormPiece(pair.slice(0, colon));
  const secret = decodeFormPiece(pair.slice(colon + 1));
  if (clientId === undefined || secret === undefined) return BAD_HEADER;
  if (clientIdInBody !== undefined && clientIdInBody !== clientId) return TWO_CLIENTS;
  return { method: "basic", clientId, secret };
}

/** The client that a request comes from. */
export function authenticate(issuer: Issuer, authorization: string | undefined, body: BodyCredentials): Client | Rejection {
  const credentials = readClientCredentials(authorization, body);
  return isRefusal(credentials) ? credentials : issuer.authenticateClient(credentials);
}

/** The client that a form request comes from, by whichever method it uses. */
export function authenticateForm(issuer: Issuer, request: FastifyRequest, form: Form): Client | Rejection {
  return authenticate(issuer, request.headers.authorization, {
    clientId: parameter(form, "client_id"),
    clientSecret: parameter(form, "client_secret"),
    assertion: (parameter(form, "client_assertion") ?? parameter(form, "client_assertion_type")) !== undefined,
  });
}
