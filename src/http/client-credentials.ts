/** Who a client says it is, and by which one method (RFC 6749 §2.3). */

import { isUtf8 } from "node:buffer";
import type { Client } from "../domain/policy.ts";
import { isRefusal, refusal } from "../domain/refusal.ts";
import type { ClientCredentials, Issuer } from "../issuer/types.ts";
import { decodeFormPiece, type Form, parameter } from "./form.ts";
import { invalidRequest, type Rejection } from "./refuse.ts";

/** What the body says about the client. */
export interface BodyCredentials {
  readonly clientId?: string | undefined;
  readonly clientSecret?: string | undefined;
  readonly clientAssertion?: string | undefined;
  readonly clientAssertionType?: string | undefined;
}

/** RFC 7523 §2.2. */
export const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

const BASIC = /^basic +([A-Za-z0-9+/]+={0,2})$/i;

const TWO_METHODS = invalidRequest("a client authenticates by one method per request");
const TWO_CLIENTS = invalidRequest("client_id differs from the client in the Authorization header");
const NO_CLIENT = refusal("invalid_client", "the request names no client");
const BAD_HEADER = refusal("invalid_client", "the Authorization header holds no client id and secret of the scheme Basic");
const BAD_ASSERTION_TYPE = refusal("invalid_client", `client_assertion and client_assertion_type=${ASSERTION_TYPE} come together`);

/** The credentials in a request. They are not checked here. */
export function readClientCredentials(authorization: string | undefined, body: BodyCredentials): ClientCredentials | Rejection {
  const { clientId, clientSecret, clientAssertion, clientAssertionType } = body;
  const hasAssertion = clientAssertion !== undefined || clientAssertionType !== undefined;
  const methods = [authorization !== undefined, clientSecret !== undefined, hasAssertion].filter(Boolean).length;
  if (methods > 1) return TWO_METHODS;
  if (authorization !== undefined) return readBasic(authorization, clientId);
  if (hasAssertion) {
    if (clientAssertion === undefined || clientAssertionType !== ASSERTION_TYPE) return BAD_ASSERTION_TYPE;
    return { method: "private_key_jwt", clientId, assertion: clientAssertion };
  }
  if (clientId === undefined) return NO_CLIENT;
  if (clientSecret === undefined) return { method: "none", clientId };
  return { method: "post", clientId, secret: clientSecret };
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

/** The client that a request comes from. A promise only where an assertion has to be proven. */
export function authenticate(
  issuer: Issuer,
  authorization: string | undefined,
  body: BodyCredentials,
): Client | Rejection | Promise<Client | Rejection> {
  const credentials = readClientCredentials(authorization, body);
  return isRefusal(credentials) ? credentials : issuer.authenticateClient(credentials);
}

/** The client that a form request comes from, by whichever method it uses. */
export function authenticateForm(issuer: Issuer, authorization: string | undefined, form: Form): ReturnType<typeof authenticate> {
  return authenticate(issuer, authorization, bodyCredentials(form));
}

/** Whether the request says anything about its client. */
export function namesClient(authorization: string | undefined, form: Form): boolean {
  return authorization !== undefined || Object.values(bodyCredentials(form)).some((value) => value !== undefined);
}

function bodyCredentials(form: Form): BodyCredentials {
  return {
    clientId: parameter(form, "client_id"),
    clientSecret: parameter(form, "client_secret"),
    clientAssertion: parameter(form, "client_assertion"),
    clientAssertionType: parameter(form, "client_assertion_type"),
  };
}
