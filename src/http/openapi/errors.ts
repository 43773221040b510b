/** Which errors a route can give: its own, and those that its body, its parameters, its authentication and HTTP itself bring. */

import type { RefusalCode } from "../../domain/refusal.ts";
import type { Contract, ContractError, ErrorWord } from "../contract.ts";
import { SERVER_ERROR } from "../failures.ts";
import { REFUSAL_STATUS } from "../refuse.ts";

/** When a word is said. The table in docs/http.md has the same texts. */
export const ERROR_MEANINGS: Readonly<Record<ErrorWord, string>> = {
  invalid_request: "something is missing, malformed, sent twice or in the wrong place",
  invalid_client:
    "no client, an unknown one, a wrong secret, or an assertion that does not prove it; a `Basic` challenge where the header was tried",
  invalid_grant:
    "the refresh token is not valid or its session is over; a token of another client; an assertion that is not a trusted issuer's, or was used",
  unauthorized_client: "this client may not use this grant",
  unsupported_grant_type: "a grant that nobody may use here",
  invalid_scope: "a scope that the session or the client doesn't have",
  invalid_target: "a resource that the session or the client doesn't have (RFC 8707)",
  unsupported_token_type: "a token that can't be revoked: it has no session",
  invalid_token: "the bearer access token is missing, wrong or over, or its session is (RFC 6750)",
  insufficient_scope: "the bearer access token lacks the scope `sessions`",
  invalid_credentials: "user name or password is wrong, or the account is disabled",
  slow_down: "too many failed logins for this account from this address, or from this address; `Retry-After`",
  temporarily_unavailable: "nothing is wrong with the request: the store, the keys or a queue can't serve it now; `Retry-After`",
  not_found: "there is no such route, or the subject has no such session",
  server_error: "a fault of ours; the request id finds it in the log",
};

/** Where `invalid_request` has a more exact status than 400. */
const EXACT_MEANINGS: Readonly<Record<number, string>> = {
  403: "a cookie client's request doesn't come from one of its pages",
  408: "the request doesn't arrive in time",
  413: "the body is too large",
  414: "a part of the path is too long",
  415: "the media type, its charset or the content encoding is another one",
  431: "the headers are too large",
};

/** What a way to authenticate can fail with. Whoever is asked for has to be looked up, which may not be possible or may go wrong. */
const AUTHENTICATION_ERRORS: Readonly<Record<Contract["authentication"], readonly ContractError[]>> = {
  none: [],
  client: ["invalid_client", "temporarily_unavailable", "server_error"],
  bearer: ["invalid_token", "temporarily_unavailable", "server_error"],
  session: ["invalid_token", "invalid_client", "temporarily_unavailable", "server_error"],
};

/** Words by status, both in order. */
export type Errors = ReadonlyMap<number, readonly ErrorWord[]>;

/** All errors of a route. 404 and 405 of paths and methods that no route has are nobody's. */
export function errorsOf(method: string, contract: Contract): Errors {
  const errors = new Map<number, readonly ErrorWord[]>();
  for (const each of errorList(method, contract)) {
    const { status, error } = typeof each === "string" ? { status: usualStatus(each), error: each } : each;
    const words = errors.get(status) ?? [];
    if (!words.includes(error)) errors.set(status, [...words, error]);
  }
  return new Map([...errors].sort(([a], [b]) => a - b));
}

function errorList(method: string, { params, authentication, errors = [] }: Contract): readonly ContractError[] {
  const invalid = (status: number): ContractError => ({ status, error: "invalid_request" });
  return [
    ...[400, 408, 431].map(invalid),
    // A body is read before a route is asked, also where none is needed.
    ...(method === "GET" ? [] : [413, 415].map(invalid)),
    ...(params === undefined ? [] : [invalid(414)]),
    ...AUTHENTICATION_ERRORS[authentication],
    ...errors,
  ];
}

function usualStatus(word: ErrorWord): number {
  if (word === "not_found") return 404;
  return word === "server_error" ? SERVER_ERROR.status : REFUSAL_STATUS[word satisfies RefusalCode];
}

/** When a word comes with a status, a line of Markdown. */
export function meaningOf(status: number, word: ErrorWord): string {
  const exact = word === "invalid_request" ? EXACT_MEANINGS[status] : undefined;
  return `\`${word}\`: ${exact ?? ERROR_MEANINGS[word]}`;
}
