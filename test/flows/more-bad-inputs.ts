/** Rows beside those of `bad-inputs.json`: more of each kind, by the same form. */

import { ACCEPTED, REFUSED, REFUSED_OF_CLIENTS, REFUSED_SUBJECTS } from "./bad-inputs/assertions.ts";
import type { Row } from "./bad-inputs/row.ts";
import { ADMIN_ORIGIN, APP_ORIGIN, JWT_BEARER } from "./bad-inputs/world.ts";

const FORM = "application/x-www-form-urlencoded";
const FORM_TYPE = { "content-type": FORM };
const JSON_TYPE = { "content-type": "application/json" };
const ASSERTION_TYPE = "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
const GRANT = `grant_type=${encodeURIComponent(JWT_BEARER)}`;
const NO_STORE = { "cache-control": "no-store" };
const REFRESH = "grant_type=refresh_token&refresh_token={{RT}}&client_id={{PUBLIC_CLIENT}}";

/** `400 invalid_request`, or a status alone. */
type Answer = string;

interface More {
  readonly method?: string;
  readonly headers?: Row["input"]["headers"];
  readonly clientId?: string;
  readonly usesUp?: true;
  readonly query?: string;
  readonly hex?: string;
}

type Short = readonly [description: string, body: string | null, answer: Answer, more?: More];

function rowsAt(area: string, prefix: string, path: string, common: Readonly<Record<string, string>>, list: readonly Short[]): Row[] {
  return list.map(([description, body, answer, { method = "POST", headers, clientId, usesUp, query, hex } = {}], index) => {
    const [status, error] = answer.split(" ");
    return {
      id: `${prefix}-${String(index + 1).padStart(2, "0")}`,
      area,
      description,
      input: {
        method,
        path,
        headers: headers === undefined ? common : { ...common, ...headers },
        body,
        ...(query === undefined ? {} : { path_query: query }),
        ...(hex === undefined ? {} : { raw: { body_hex: hex } }),
      },
      expected: {
        status: (status ?? "").split("/").map(Number),
        error: error === undefined ? null : [error],
        headers: area === "jwks" ? null : NO_STORE,
        invariants: [],
      },
      ...(clientId === undefined ? {} : { clientId }),
      ...(usesUp === undefined ? {} : { usesUp }),
    };
  });
}

const tokenRows = rowsAt("token-endpoint", "token", "/token", FORM_TYPE, [
  ["DELETE", REFRESH, "405 invalid_request", { method: "DELETE" }],
  ["HEAD", null, "405", { method: "HEAD" }],
  ["PATCH", REFRESH, "405 invalid_request", { method: "PATCH" }],
  ["a multipart form", REFRESH, "415 invalid_request", { headers: { "content-type": "multipart/form-data; boundary=x" } }],
  ["a compressed body", REFRESH, "415 invalid_request", { headers: { "content-encoding": "gzip" } }],
  ["charset=iso-8859-1", REFRESH, "415 invalid_request", { headers: { "content-type": `${FORM}; charset=iso-8859-1` } }],
  ["a list of media types in one header", REFRESH, "415 invalid_request", { headers: { "content-type": `${FORM}, application/json` } }],
  ["malformed percent-encoding", `${REFRESH}&scope=%zz`, "400 invalid_request"],
  ["half a percent-encoding at the end", `${REFRESH}&x=%2`, "400 invalid_request"],
  ["overlong UTF-8", `${REFRESH}&x=%c0%af`, "400 invalid_request"],
  ["a surrogate in UTF-8", `${REFRESH}&x=%ed%a0%80`, "400 invalid_request"],
  ["a line break in a parameter", `${REFRESH}&x=a%0d%0ab`, "400 invalid_request"],
  ["65 parameters", `${REFRESH}&${Array.from({ length: 65 }, (_, index) => `x${index}=1`).join("&")}`, "400 invalid_request"],
  ["an empty body", "", "400 invalid_request"],
  ["grant_type empty", "grant_type=&client_id=app", "400 invalid_request"],
  ["grant_type in upper case", REFRESH.replace("=refresh_token", "=REFRESH_TOKEN"), "400 unsupported_grant_type"],
  ["grant_type=login, our own word", "grant_type=login&client_id=app", "400 unsupported_grant_type"],
  ["grant_type=authorization_code", "grant_type=authorization_code&code=x&client_id=app", "400 unsupported_grant_type"],
  ["grant_type with a blank at its end", REFRESH.replace("=refresh_token", "=refresh_token%20"), "400 unsupported_grant_type"],
  ["a parameter twice, once encoded", `${REFRESH}&%67rant_type=refresh_token`, "400 invalid_request"],
  ["client_id twice", `${REFRESH}&client_id=other`, "400 invalid_request"],
  ["client_id twice, the same", `${REFRESH}&client_id={{PUBLIC_CLIENT}}`, "400 invalid_request"],
  ["an unknown parameter twice", `${REFRESH}&x=1&x=2`, "400 invalid_request"],
  ["parameters as arrays", "grant_type[]=refresh_token&refresh_token[]={{RT}}&client_id=app", "400 invalid_request"],
  ["everything in the URL", "", "400/415 invalid_request", { query: `?${REFRESH}` }],
  [
    "the refresh token in the URL, the rest in the body",
    "grant_type=refresh_token&client_id=app",
    "400 invalid_request",
    { query: "?refresh_token={{RT}}" },
  ],
  ["separators of the old kind", REFRESH.replaceAll("&", ";"), "400 unsupported_grant_type"],
  ["refresh_token empty", "grant_type=refresh_token&refresh_token=&client_id=app", "400 invalid_request"],
  ["a refresh token cut by one character", REFRESH.replace("{{RT}}", "{{RT_CUT}}"), "400 invalid_grant"],
  ["a refresh token with one character more", REFRESH.replace("{{RT}}", "{{RT}}A"), "400 invalid_grant"],
  ["a refresh token in upper case", REFRESH.replace("{{RT}}", "{{RT_UPPER}}"), "400 invalid_grant"],
  ["a refresh token between blanks", REFRESH.replace("{{RT}}", "+{{RT}}+"), "400 invalid_grant"],
  ["a revoked refresh token", REFRESH.replace("{{RT}}", "{{RT_REVOKED}}"), "400 invalid_grant"],
  ["no client", "grant_type=refresh_token&refresh_token={{RT}}", "401 invalid_client"],
  ["client_id empty", "grant_type=refresh_token&refresh_token={{RT}}&client_id=", "401 invalid_client"],
  ["client_id=__proto__", "grant_type=refresh_token&refresh_token={{RT}}&client_id=__proto__", "401 invalid_client"],
  ["client_id in upper case", "grant_type=refresh_token&refresh_token={{RT}}&client_id=APP", "401 invalid_client"],
  ["a confidential client without its secret", REFRESH, "401 invalid_client", { clientId: "vault" }],
  ["a confidential client with an empty secret", `${REFRESH}&client_secret=`, "401 invalid_client", { clientId: "vault" }],
  ["a public client with a secret", `${REFRESH}&client_secret=x`, "401 invalid_client"],
  [
    "another confidential client",
    "grant_type=refresh_token&refresh_token={{RT}}",
    "400 unauthorized_client",
    { clientId: "vault", headers: { authorization: "Basic {{CONF_BASIC}}" } },
  ],
  ["a scope that the session lacks", `${REFRESH}&scope=admin`, "400 invalid_scope"],
  ["a scope with the session's and one more", `${REFRESH}&scope=read+admin`, "400 invalid_scope"],
  ["a scope that is blanks", `${REFRESH}&scope=+++`, "400 invalid_scope"],
  ["a resource that the session lacks", `${REFRESH}&resource=https%3A%2F%2Fother.test`, "400 invalid_target"],
  ["a resource that is no URI", `${REFRESH}&resource=x`, "400 invalid_target"],
  ["a resource with a fragment", `${REFRESH}&resource=https%3A%2F%2Fapi.example.com%23x`, "400 invalid_target"],
  ["two resources", `${REFRESH}&resource=https%3A%2F%2Fapi.example.com&resource=https%3A%2F%2Fapi.example.com`, "400 invalid_request"],
  ["an Idempotency-Key that is too short", REFRESH, "400 invalid_request", { headers: { "idempotency-key": "short" } }],
  ["an Idempotency-Key that is too long", REFRESH, "400 invalid_request", { headers: { "idempotency-key": "k".repeat(256) } }],
  ["an Idempotency-Key with a blank", REFRESH, "400 invalid_request", { headers: { "idempotency-key": "0123456789 abcdef" } }],
  ["two Idempotency-Keys", REFRESH, "400 invalid_request", { headers: { "idempotency-key": ["0123456789abcdef", "fedcba9876543210"] } }],
  [
    "two Authorization headers",
    "grant_type=client_credentials",
    "400 invalid_request",
    { headers: { authorization: ["Basic {{CONF_BASIC}}", "Basic {{CONF_BASIC}}"] } },
  ],
  ["Basic without a colon", "grant_type=client_credentials", "401 invalid_client", { headers: { authorization: "Basic c2VydmljZQ==" } }],
  ["Basic with an empty id", "grant_type=client_credentials", "401 invalid_client", { headers: { authorization: "Basic OnNlY3JldA==" } }],
  ["Basic with nothing", "grant_type=client_credentials", "401 invalid_client", { headers: { authorization: "Basic" } }],
  [
    "Basic with bytes that are no UTF-8",
    "grant_type=client_credentials",
    "401 invalid_client",
    { headers: { authorization: "Basic /////zo=" } },
  ],
  [
    "Basic and another client_id in the body",
    "grant_type=client_credentials&client_id=machine",
    "400 invalid_request",
    { headers: { authorization: "Basic {{CONF_BASIC}}" } },
  ],
  [
    "the secret in the URL",
    "grant_type=client_credentials",
    "400 invalid_request",
    { query: "?client_id=service&client_secret={{CONF_SECRET}}" },
  ],
  ["client_secret of a client with keys", "grant_type=client_credentials&client_id=machine&client_secret=x", "401 invalid_client"],
  [
    "Basic of a client with keys",
    "grant_type=client_credentials",
    "401 invalid_client",
    { headers: { authorization: "Basic {{MACHINE_BASIC}}" } },
  ],
  [
    "refresh_token by a client that lacks the grant",
    "grant_type=refresh_token&refresh_token={{RT}}",
    "400 unauthorized_client",
    { headers: { authorization: "Basic {{CONF_BASIC}}" } },
  ],
  [
    "client_credentials with a scope the client lacks",
    "grant_type=client_credentials&scope=write",
    "400 invalid_scope",
    { headers: { authorization: "Basic {{CONF_BASIC}}" } },
  ],
  [
    "client_credentials with an unknown resource",
    "grant_type=client_credentials&resource=https%3A%2F%2Fother.test",
    "400 invalid_target",
    { headers: { authorization: "Basic {{CONF_BASIC}}" } },
  ],
  ["bytes that are no UTF-8", null, "400 invalid_request", { hex: "6772616e745f747970653d726566726573685f746f6b656e26783dff" }],
  ["Content-Length and Transfer-Encoding", REFRESH, "400 invalid_request", { headers: { "transfer-encoding": "chunked" } }],
  ["two Content-Lengths", REFRESH, "400 invalid_request", { headers: { "content-length": ["5", "6"] } }],
]);

const CREDENTIALS = "grant_type=client_credentials";
const asserted = (name: string): string => `${CREDENTIALS}&${ASSERTION_TYPE}&client_assertion={{CA:${name}}}`;

const clientAssertionRows = rowsAt("token-endpoint", "client-assertion", "/token", FORM_TYPE, [
  ...ACCEPTED.map((name): Short => [`client assertion: ${name} must be accepted`, asserted(name), "200"]),
  ...REFUSED_OF_CLIENTS.map((name): Short => [`client assertion: ${name}`, asserted(name), "401 invalid_client"]),
  ["client assertion: the issuer's as a client's", `${CREDENTIALS}&${ASSERTION_TYPE}&client_assertion={{GA:ok}}`, "401 invalid_client"],
  ["client assertion: with a line break", asserted("ok").replace("{{CA", "%0A{{CA"), "400 invalid_request"],
  ["client assertion: empty", `${CREDENTIALS}&${ASSERTION_TYPE}&client_assertion=`, "401 invalid_client"],
  ["client assertion: none, but its type", `${CREDENTIALS}&${ASSERTION_TYPE}`, "401 invalid_client"],
  [
    "client assertion: of the type saml2",
    `${CREDENTIALS}&${ASSERTION_TYPE.replace("jwt-bearer", "saml2-bearer")}&client_assertion={{CA:ok}}`,
    "401 invalid_client",
  ],
  [
    "client assertion: its type is the grant's",
    `${CREDENTIALS}&client_assertion_type=${encodeURIComponent(JWT_BEARER)}&client_assertion={{CA:ok}}`,
    "401 invalid_client",
  ],
  ["client assertion: another client_id beside it", `${asserted("ok")}&client_id=service`, "401 invalid_client"],
  ["client assertion: client_id of a public client beside it", `${asserted("ok")}&client_id=app`, "401 invalid_client"],
  ["client assertion: with a client_secret", `${asserted("ok")}&client_id=machine&client_secret=x`, "400 invalid_request"],
  [
    "client assertion: with an Authorization header",
    asserted("ok"),
    "400 invalid_request",
    { headers: { authorization: "Basic {{CONF_BASIC}}" } },
  ],
  ["client assertion: with a Bearer header", asserted("ok"), "400 invalid_request", { headers: { authorization: "Bearer x" } }],
  ["client assertion: its type twice", `${asserted("ok")}&${ASSERTION_TYPE}`, "400 invalid_request"],
  ["client assertion: in the URL", CREDENTIALS, "400 invalid_request", { query: `?${ASSERTION_TYPE}&client_assertion={{CA:ok}}` }],
  ["client assertion: in a Bearer header", CREDENTIALS, "401 invalid_client", { headers: { authorization: "Bearer {{CA:ok}}" } }],
  ["client assertion: as the parameter assertion", `${CREDENTIALS}&assertion={{CA:ok}}`, "401 invalid_client"],
  [
    "client assertion: of a client whose keys can be fetched, with an unknown kid",
    `${CREDENTIALS}&${ASSERTION_TYPE}&client_assertion={{RA:kid=random}}`,
    "401 invalid_client",
  ],
  // Proven, and refused for something else: used up.
  ["client assertion: proven, with a scope that the client lacks", `${asserted("ok")}&scope=write`, "400 invalid_scope", { usesUp: true }],
  [
    "client assertion: proven, with an unknown resource",
    `${asserted("ok")}&resource=https%3A%2F%2Fother.test`,
    "400 invalid_target",
    { usesUp: true },
  ],
  [
    "client assertion: proven, for a grant that the client lacks",
    asserted("ok").replace("client_credentials", "refresh_token"),
    "400 unauthorized_client",
    { usesUp: true },
  ],
]);

const granted = (name: string, kind = "GA"): string => `${GRANT}&client_id=partner&assertion={{${kind}:${name}}}`;

const grantRows = rowsAt("token-endpoint", "grant-assertion", "/token", FORM_TYPE, [
  ...ACCEPTED.map((name): Short => [`assertion as a grant: ${name} must be accepted`, granted(name), "200"]),
  ...REFUSED.map((name): Short => [`assertion as a grant: ${name}`, granted(name), "400 invalid_grant"]),
  ...REFUSED_SUBJECTS.map((name): Short => [`assertion as a grant: ${name}`, granted(name), "400 invalid_grant"]),
  ["assertion as a grant: its subject would be a client", granted("ok", "SA"), "400 invalid_grant"],
  ["assertion as a grant: a client's", granted("ok", "CA"), "400 invalid_grant"],
  ["assertion as a grant: our own access token", `${GRANT}&client_id=partner&assertion={{ACCESS_JWT}}`, "400 invalid_grant"],
  ["assertion as a grant: a refresh token", `${GRANT}&client_id=partner&assertion={{RT}}`, "400 invalid_grant"],
  ["assertion as a grant: of an issuer that is trusted for others", granted("ok").replace("partner", "third"), "400 invalid_grant"],
  ["assertion as a grant: a client that lacks the grant", granted("ok").replace("partner", "app"), "400 unauthorized_client"],
  [
    "assertion as a grant: a confidential client that lacks the grant",
    granted("ok").replace("client_id=partner&", ""),
    "400 unauthorized_client",
    { headers: { authorization: "Basic {{CONF_BASIC}}" } },
  ],
  ["assertion as a grant: no client", granted("ok").replace("client_id=partner&", ""), "401 invalid_client"],
  ["assertion as a grant: missing", `${GRANT}&client_id=partner`, "400 invalid_request"],
  ["assertion as a grant: empty", `${GRANT}&client_id=partner&assertion=`, "400 invalid_request"],
  ["assertion as a grant: twice", `${granted("ok")}&assertion={{GA:ok}}`, "400 invalid_request"],
  ["assertion as a grant: in the URL", `${GRANT}&client_id=partner`, "400 invalid_request", { query: "?assertion={{GA:ok}}" }],
  ["assertion as a grant: of a cookie client, from no page", granted("ok").replace("partner", "web"), "403 invalid_request"],
  [
    "assertion as a grant: of a cookie client, from another client's page",
    granted("ok").replace("partner", "web"),
    "403 invalid_request",
    { headers: { origin: ADMIN_ORIGIN } },
  ],
  ["assertion as a grant: good, with a scope that the client lacks", `${granted("ok")}&scope=admin`, "400 invalid_scope"],
  ["assertion as a grant: good, with an unknown resource", `${granted("ok")}&resource=https%3A%2F%2Fother.test`, "400 invalid_target"],
]);

const account = (members: string): string => `{"client_id":"app",${members}}`;

const loginRows = rowsAt("login", "login", "/login", JSON_TYPE, [
  ["no body", null, "400/415 invalid_request"],
  ["a JSON null", "null", "400 invalid_request"],
  ["a JSON array", '[{"username":"u","password":"p","client_id":"app"}]', "400 invalid_request"],
  ["a JSON text", '"u"', "400 invalid_request"],
  ["half of a JSON", '{"username":"u","password":"p","client_id":"app"', "400 invalid_request"],
  ["something after the JSON", `${account('"username":"u","password":"p"')}x`, "400 invalid_request"],
  ["JSON with a comment", account('"username":"u",/**/"password":"p"'), "400 invalid_request"],
  ["JSON with a byte order mark", `\ufeff${account('"username":"u","password":"p"')}`, "400 invalid_request"],
  ["JSON that is deep", account(`"username":"u","password":"p","x":${"[".repeat(20_000)}${"]".repeat(20_000)}`), "400 invalid_request"],
  ["a member twice, once by an escape", account('"username":"u","password":"p","user\\u006eame":"v"'), "400 invalid_request"],
  ["constructor.prototype", account('"constructor":{"prototype":{"admin":true}},"username":"u","password":"p"'), "401 invalid_credentials"],
  ["a password array", account('"username":"u","password":["p"]'), "400 invalid_request"],
  ["a password number", account('"username":"u","password":1'), "400 invalid_request"],
  ["a password true", account('"username":"u","password":true'), "400 invalid_request"],
  ["an empty password", account('"username":"u","password":""'), "400 invalid_request"],
  ["no password", account('"username":"u"'), "400 invalid_request"],
  ["no user name", account('"password":"p"'), "400 invalid_request"],
  ["a user name that is an object", account('"username":{"$gt":""},"password":"p"'), "400 invalid_request"],
  ["a password of 1025 bytes", account(`"username":"u","password":"${"p".repeat(1_025)}"`), "400 invalid_request"],
  [
    "a password of 1023 bytes and one character of two",
    account(`"username":"u","password":"${"p".repeat(1_023)}é"`),
    "400 invalid_request",
  ],
  ["a password with half a surrogate pair", account('"username":"u","password":"\\ud800"'), "400/401"],
  ["a user name of 257 characters", account(`"username":"${"u".repeat(257)}","password":"p"`), "400 invalid_request"],
  ["a user name in a wide form", account('"username":"\uff55\u200b","password":"p"'), "401 invalid_credentials"],
  ["a body over 64 KiB", account(`"username":"u","password":"p","x":"${"x".repeat(70_000)}"`), "413 invalid_request"],
  ["a form", "username=u&password=p&client_id=app", "415 invalid_request", { headers: FORM_TYPE }],
  [
    "application/json in UTF-16",
    account('"username":"u","password":"p"'),
    "415 invalid_request",
    { headers: { "content-type": "application/json; charset=utf-16" } },
  ],
  ["GET", null, "405 invalid_request", { method: "GET" }],
  ["no client", '{"username":"u","password":"p","client_id":""}', "400/401"],
  ["an unknown client", '{"username":"u","password":"p","client_id":"nope"}', "401 invalid_client"],
  ["a confidential client without its secret", '{"username":"u","password":"p","client_id":"vault"}', "401 invalid_client"],
  ["a client that lacks the grant", '{"username":"u","password":"p","client_id":"partner"}', "400 unauthorized_client"],
  ["a scope that the client lacks", account('"username":"u","password":"p","scope":"admin"'), "400 invalid_scope"],
  ["a scope that is a list", account('"username":"u","password":"p","scope":["read"]'), "400 invalid_request"],
  ["a resource that the client lacks", account('"username":"u","password":"p","resource":"https://other.test"'), "400 invalid_target"],
  [
    "too many resources",
    account(`"username":"u","password":"p","resource":[${Array.from({ length: 65 }, () => '"https://api.example.com"').join()}]`),
    "400 invalid_request",
  ],
  ["of a cookie client, from no page", '{"username":"u","password":"p","client_id":"web"}', "403 invalid_request"],
  [
    "of a cookie client, from elsewhere",
    '{"username":"u","password":"p","client_id":"web"}',
    "403 invalid_request",
    { headers: { origin: "https://evil.test" } },
  ],
  [
    "of a cookie client, by a link",
    '{"username":"u","password":"p","client_id":"web"}',
    "403 invalid_request",
    { headers: { origin: APP_ORIGIN, "sec-fetch-site": "cross-site" } },
  ],
]);

const proof = (assertion: string): string =>
  `"client_assertion_type":"urn:ietf:params:oauth:client-assertion-type:jwt-bearer","client_assertion":"{{CA:${assertion}}}"`;
const ACCOUNT = '"username":"u","password":"p"';

/** A client may prove itself in the JSON of a login too. */
const loginAssertionRows = rowsAt("login", "login-assertion", "/login", JSON_TYPE, [
  ["a client assertion, by a client that lacks the grant", `{${ACCOUNT},${proof("ok")}}`, "400 unauthorized_client", { usesUp: true }],
  ["a client assertion of a stranger", `{${ACCOUNT},${proof("key=stranger")}}`, "401 invalid_client"],
  ["a client assertion that is signed by nobody", `{${ACCOUNT},${proof("alg=none")}}`, "401 invalid_client"],
  ["a client assertion for somebody else", `{${ACCOUNT},${proof("aud=other")}}`, "401 invalid_client"],
  ["a client assertion that is too large", `{${ACCOUNT},${proof("huge")}}`, "400/401"],
  ["a client assertion that is a list", `{${ACCOUNT},${proof("ok").replace(/"({{CA.*}})"/, '["$1"]')}}`, "400 invalid_request"],
  ["a client assertion and a client_secret", `{${ACCOUNT},"client_secret":"x",${proof("ok")}}`, "400 invalid_request"],
  ["a client assertion and another client_id", `{${ACCOUNT},"client_id":"service",${proof("ok")}}`, "401 invalid_client"],
  ["a client assertion without its type", `{${ACCOUNT},${proof("ok").replace(/^.*?,/, "")}}`, "401 invalid_client"],
  ["a client_secret that is a number", `{${ACCOUNT},"client_id":"vault","client_secret":1}`, "400 invalid_request"],
  ["a wrong client_secret", `{${ACCOUNT},"client_id":"vault","client_secret":"x"}`, "401 invalid_client"],
]);

const revokeRows = rowsAt("revoke", "revoke", "/revoke", FORM_TYPE, [
  ["an empty token", "token=&client_id={{PUBLIC_CLIENT}}", "400 invalid_request"],
  ["no client", "token={{RT}}", "401 invalid_client"],
  ["an unknown client", "token={{RT}}&client_id=nope", "401 invalid_client"],
  ["a confidential client's, without its secret", "token={{RT}}&client_id={{PUBLIC_CLIENT}}", "401 invalid_client", { clientId: "vault" }],
  ["another client's access token", "token={{ACCESS_JWT}}&client_id=other", "400 invalid_grant"],
  ["a forged access token", "token={{FORGED_JTI}}&client_id={{PUBLIC_CLIENT}}", "200"],
  ["a refresh token with one character changed", "token={{RT_BITFLIP}}&client_id={{PUBLIC_CLIENT}}", "200"],
  ["a revoked token again", "token={{RT_REVOKED}}&client_id={{PUBLIC_CLIENT}}", "200"],
  ["JSON", '{"token":"{{RT}}","client_id":"app"}', "415 invalid_request", { headers: JSON_TYPE }],
  ["the token in the URL", "client_id={{PUBLIC_CLIENT}}", "400 invalid_request", { query: "?token={{RT}}" }],
  ["64 KiB of a token", `token=${"A".repeat(65_000)}&client_id={{PUBLIC_CLIENT}}`, "200"],
  ["DELETE", "token={{RT}}&client_id={{PUBLIC_CLIENT}}", "405 invalid_request", { method: "DELETE" }],
  [
    "of a cookie client, with its cookie from elsewhere",
    "token={{RT}}&client_id={{PUBLIC_CLIENT}}",
    "403 invalid_request",
    { clientId: "web", headers: { cookie: "{{COOKIE}}", origin: "https://evil.test" } },
  ],
]);

const CONFIDENTIAL = { ...FORM_TYPE, authorization: "Basic {{CONF_BASIC}}" };

const introspectRows = rowsAt("introspect", "introspect", "/introspect", CONFIDENTIAL, [
  ["a public client", "token={{ACCESS_JWT}}&client_id=app", "401 invalid_client", { headers: { authorization: [] } }],
  ["a wrong secret", "token={{ACCESS_JWT}}", "401 invalid_client", { headers: { authorization: "Basic {{CONF_BASIC_WRONG}}" } }],
  ["the token twice", "token={{ACCESS_JWT}}&token={{ACCESS_JWT}}", "400 invalid_request"],
  ["the token in the URL", "", "400 invalid_request", { query: "?token={{ACCESS_JWT}}" }],
  ["JSON", '{"token":"{{ACCESS_JWT}}"}', "415 invalid_request", { headers: JSON_TYPE }],
  ["garbage", "token=x", "200"],
  ["another client's refresh token", "token={{RT}}", "200"],
  ["an assertion", "token={{GA:ok}}", "200"],
  [
    "an assertion that was used up by a bad request",
    `${ASSERTION_TYPE}&client_assertion={{CA:ok}}`,
    "400 invalid_request",
    { headers: { authorization: [] }, usesUp: true },
  ],
]);

const jwksRows = rowsAt("jwks", "keys", "/.well-known/jwks.json", {}, [
  ["HEAD", null, "200", { method: "HEAD" }],
  ["DELETE", null, "405 invalid_request", { method: "DELETE" }],
  ["If-None-Match: *", null, "304", { method: "GET", headers: { "if-none-match": "*" } }],
  ["a weak match", null, "304", { method: "GET", headers: { "if-none-match": "W/{{ETAG}}" } }],
  ["a list of ETags", null, "304", { method: "GET", headers: { "if-none-match": '"x", {{ETAG}}' } }],
  ["a malformed If-None-Match", null, "200", { method: "GET", headers: { "if-none-match": '"' } }],
  ["a kid in the URL", null, "200", { method: "GET", query: "?kid=x&callback=alert(1)" }],
  ["a path that climbs", null, "404 not_found", { method: "GET", query: "/../../keys/ring.json" }],
  ["a body", "{}", "200", { method: "GET" }],
]);

/** Refreshes from the cookie, as the file's rows of this area are. */
const page = (headers: Readonly<Record<string, string | readonly string[]>>): More => ({ headers });
const CARRIED = { origin: APP_ORIGIN, cookie: "__Host-rt={{RT}}" };
const AGAIN = "grant_type=refresh_token&client_id={{PUBLIC_CLIENT}}";

const cookieRows = [
  ...rowsAt("cookie", "cookie", "/token", FORM_TYPE, [
    ["no Origin", AGAIN, "403 invalid_request", page({ cookie: "__Host-rt={{RT}}" })],
    ["Origin: null", AGAIN, "403 invalid_request", page({ ...CARRIED, origin: "null" })],
    ["an empty Origin", AGAIN, "403 invalid_request", page({ ...CARRIED, origin: "" })],
    ["an Origin with a slash", AGAIN, "403 invalid_request", page({ ...CARRIED, origin: `${APP_ORIGIN}/` })],
    ["an Origin in upper case", AGAIN, "403 invalid_request", page({ ...CARRIED, origin: APP_ORIGIN.toUpperCase() })],
    ["an Origin over http:", AGAIN, "403 invalid_request", page({ ...CARRIED, origin: APP_ORIGIN.replace("https", "http") })],
    ["an Origin with a port", AGAIN, "403 invalid_request", page({ ...CARRIED, origin: `${APP_ORIGIN}:443` })],
    ["an Origin that only begins right", AGAIN, "403 invalid_request", page({ ...CARRIED, origin: `${APP_ORIGIN}.evil.test` })],
    ["an Origin that only ends right", AGAIN, "403 invalid_request", page({ ...CARRIED, origin: "https://evilapp.example.com" })],
    ["an Origin with a user", AGAIN, "403 invalid_request", page({ ...CARRIED, origin: "https://app.example.com@evil.test" })],
    ["two Origins in one header", AGAIN, "403 invalid_request", page({ ...CARRIED, origin: `${APP_ORIGIN} ${APP_ORIGIN}` })],
    ["two Origin headers", AGAIN, "400 invalid_request", page({ ...CARRIED, origin: [APP_ORIGIN, "https://evil.test"] })],
    ["the issuer's own origin", AGAIN, "403 invalid_request", page({ ...CARRIED, origin: "{{ISSUER}}" })],
    ["another client's origin", AGAIN, "403 invalid_request", page({ ...CARRIED, origin: ADMIN_ORIGIN })],
    ["a Referer instead of an Origin", AGAIN, "403 invalid_request", page({ cookie: "__Host-rt={{RT}}", referer: `${APP_ORIGIN}/` })],
    ["Sec-Fetch-Site: none", AGAIN, "403 invalid_request", page({ ...CARRIED, "sec-fetch-site": "none" })],
    ["Sec-Fetch-Site: cross-site", AGAIN, "403 invalid_request", page({ ...CARRIED, "sec-fetch-site": "cross-site" })],
    ["Sec-Fetch-Site: Same-Origin", AGAIN, "403 invalid_request", page({ ...CARRIED, "sec-fetch-site": "Same-Origin" })],
    ["two Sec-Fetch-Site headers", AGAIN, "400 invalid_request", page({ ...CARRIED, "sec-fetch-site": ["same-site", "cross-site"] })],
    ["no cookie", AGAIN, "400 invalid_request", page({ origin: APP_ORIGIN })],
    ["an empty cookie", AGAIN, "400 invalid_request", page({ ...CARRIED, cookie: "__Host-rt=" })],
    ["the token between quotes", AGAIN, "400 invalid_grant", page({ ...CARRIED, cookie: '__Host-rt="{{RT}}"' })],
    ["a token with one character changed", AGAIN, "400 invalid_grant", page({ ...CARRIED, cookie: "__Host-rt={{RT_BITFLIP}}" })],
    ["the name with U+2000 before it", AGAIN, "400 invalid_request", page({ ...CARRIED, cookie: "\u2000__Host-rt={{RT}}" })],
    ["the name with a no-break space before it", AGAIN, "400 invalid_request", page({ ...CARRIED, cookie: "\u00a0__Host-rt={{RT}}" })],
    ["the name in another case", AGAIN, "400 invalid_request", page({ ...CARRIED, cookie: "__host-mintmark-web={{RT}}" })],
    ["the name percent-encoded", AGAIN, "400 invalid_request", page({ ...CARRIED, cookie: "__%48ost-mintmark-web={{RT}}" })],
    ["the name with a blank after it", AGAIN, "400 invalid_request", page({ ...CARRIED, cookie: "__Host-rt ={{RT}}" })],
    ["the name of an http: issuer", AGAIN, "400 invalid_request", page({ ...CARRIED, cookie: "mintmark-web={{RT}}" })],
    ["a comma as separator", AGAIN, "400 invalid_request", page({ ...CARRIED, cookie: "a=b, __Host-rt={{RT}}" })],
    ["the cookie after $Version", AGAIN, "200", page({ ...CARRIED, cookie: '$Version="1"; __Host-rt={{RT}}; $Path="/"' })],
    ["the cookie twice, the same", AGAIN, "400 invalid_request", page({ ...CARRIED, cookie: "__Host-rt={{RT}}; __Host-rt={{RT}}" })],
    ["the cookie twice, once empty", AGAIN, "400 invalid_request", page({ ...CARRIED, cookie: "__Host-rt=; __Host-rt={{RT}}" })],
    ["the cookie twice, without a blank", AGAIN, "400 invalid_request", page({ ...CARRIED, cookie: "__Host-rt={{RT}};__Host-rt={{RT2}}" })],
    [
      "another client's cookie under this one's name",
      AGAIN,
      "400 invalid_grant",
      page({ ...CARRIED, cookie: "__Host-rt={{RT_OF_ADMIN}}" }),
    ],
    ["another client's cookie", AGAIN, "400 invalid_request", page({ ...CARRIED, cookie: "__Host-mintmark-admin={{RT_OF_ADMIN}}" })],
    ["the cookie, for another client", "grant_type=refresh_token&client_id=admin", "403 invalid_request", page(CARRIED)],
    ["the cookie, for a client of the body", "grant_type=refresh_token&client_id=app", "400 invalid_request", page(CARRIED)],
    ["the cookie and no client", "grant_type=refresh_token", "401 invalid_client", page(CARRIED)],
    ["the same token in the body", `${AGAIN}&refresh_token={{RT}}`, "400 invalid_request", page({ origin: APP_ORIGIN })],
    ["the cookie in the body", `${AGAIN}&__Host-mintmark-web={{RT}}`, "400 invalid_request", page({ origin: APP_ORIGIN })],
    [
      "a cookie whose session is over",
      AGAIN,
      "400 invalid_grant",
      { ...page({ ...CARRIED, cookie: "__Host-rt={{RT_IDLE_EXPIRED}}" }), clientId: "short-web" },
    ],
    ["a scope that the session lacks", `${AGAIN}&scope=admin`, "400 invalid_scope", page(CARRIED)],
    ["a JSON body", "{}", "415 invalid_request", page({ ...CARRIED, "content-type": "application/json" })],
    ["a body that is plain text", AGAIN, "415 invalid_request", page({ ...CARRIED, "content-type": "text/plain" })],
    [
      "a preflight from elsewhere",
      null,
      "204",
      { method: "OPTIONS", ...page({ origin: "https://evil.test", "access-control-request-method": "POST" }) },
    ],
    ["a preflight without an Origin", null, "204", { method: "OPTIONS", ...page({ "access-control-request-method": "POST" }) }],
    ["a preflight with the cookie", null, "204", { method: "OPTIONS", ...page({ ...CARRIED, origin: "https://evil.test" }) }],
    ["GET with the cookie", null, "405 invalid_request", { method: "GET", ...page(CARRIED) }],
  ]),
  ...rowsAt("cookie", "logout", "/logout", FORM_TYPE, [
    ["logout from elsewhere", "client_id=web", "403 invalid_request", page({ ...CARRIED, origin: "https://evil.test" })],
    ["logout without an Origin", "client_id=web", "403 invalid_request", page({ cookie: "__Host-rt={{RT}}" })],
    ["logout from another client's page", "client_id=web", "403 invalid_request", page({ ...CARRIED, origin: ADMIN_ORIGIN })],
    ["logout by a link", "client_id=web", "403 invalid_request", page({ ...CARRIED, "sec-fetch-site": "cross-site" })],
    [
      "logout with the cookie twice",
      "client_id=web",
      "400 invalid_request",
      page({ ...CARRIED, cookie: "__Host-rt={{RT}}; __Host-rt={{RT2}}" }),
    ],
    ["logout without a client", "", "401", page(CARRIED)],
    ["logout of an unknown client", "client_id=nope", "401", page(CARRIED)],
    ["logout of another client with this one's cookie", "client_id=admin", "403 invalid_request", page(CARRIED)],
    [
      "logout with a bearer token of another client",
      "client_id=other",
      "400 invalid_request",
      page({ ...CARRIED, authorization: "Bearer {{ACCESS_JWT}}" }),
    ],
    [
      "logout with a forged bearer token and no client",
      "",
      "401 invalid_token",
      page({ ...CARRIED, authorization: "Bearer {{FORGED_JTI}}" }),
    ],
    ["logout by GET", null, "405 invalid_request", { method: "GET", ...page(CARRIED) }],
  ]),
];

export const moreRows: readonly Row[] = [
  ...tokenRows,
  ...clientAssertionRows,
  ...grantRows,
  ...loginRows,
  ...loginAssertionRows,
  ...revokeRows,
  ...introspectRows,
  ...jwksRows,
  ...cookieRows,
];
