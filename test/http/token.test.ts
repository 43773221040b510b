import t from "tap";
import { refusal, type RefusalCode } from "../../src/domain/refusal.ts";
import { REFUSAL_STATUS } from "../../src/http/refuse.ts";
import { GRANT, POLICY, SECRET } from "../support/fake-issuer.ts";
import { edge, errorOf, FORM, injectedAnywhere, post, REFRESH } from "./support.ts";

const BASIC = `Basic ${Buffer.from(`service:${encodeURIComponent(SECRET)}`).toString("base64")}`;
const REFRESH_BODY = Object.fromEntries(new URLSearchParams(REFRESH));

t.test("a refresh is handed to the issuer and its grant is the token response of RFC 6749 §5.1", async (t) => {
  const { app, issuer } = edge();
  const answer = await post(app, "/token", `${REFRESH}&scope=read&resource=https%3A%2F%2Fapi.example.com&unknown=x`, {
    ...FORM,
    "idempotency-key": "0123456789abcdef",
  });
  t.equal(answer.status, 200);
  t.same(JSON.parse(answer.body), {
    access_token: GRANT.accessToken,
    token_type: "Bearer",
    expires_in: 600,
    scope: "read write",
    refresh_token: "mmr_abc",
    refresh_token_expires_in: 2_592_000,
    sid: "abcdefghijklmnopqrstuv",
  });
  t.match(answer.headers["content-type"], /^application\/json/);
  t.equal(answer.headers["cache-control"], "no-store");
  t.equal(answer.headers.pragma, "no-cache");
  t.same(issuer.calls, [
    [
      "refresh",
      {
        client: POLICY.clients.get("app"),
        refreshToken: "mmr_abc",
        scope: "read",
        resource: "https://api.example.com",
        idempotencyKey: "0123456789abcdef",
      },
    ],
  ]);
});

t.test("client credentials give an access token and nothing of a session (RFC 6749 §4.4.3)", async (t) => {
  const { app, issuer } = edge();
  for (const [body, headers] of [
    ["grant_type=client_credentials&scope=read", { ...FORM, authorization: BASIC }],
    [`grant_type=client_credentials&scope=read&client_id=service&client_secret=${encodeURIComponent(SECRET)}`, FORM],
  ] as const) {
    const answer = await post(app, "/token", body, headers);
    t.equal(answer.status, 200);
    t.same(JSON.parse(answer.body), { access_token: "a.b.c", token_type: "Bearer", expires_in: 600, scope: "read" });
    t.notOk("set-cookie" in answer.headers);
  }
  t.same(issuer.calls.at(-1), ["clientCredentials", { client: POLICY.clients.get("service"), resource: undefined, scope: "read" }]);
});

t.test("media types of a form: with or without charset=utf-8, nothing else", async (t) => {
  const { app } = edge();
  const type = "application/x-www-form-urlencoded";
  for (const good of [type, `${type};charset=utf-8`, `${type}; charset="UTF-8"`, type.toUpperCase(), `${type} ; charset=utf-8`])
    t.equal((await post(app, "/token", REFRESH, { "content-type": good })).status, 200, good);
  for (const bad of [
    `${type}; charset=utf-16`,
    `${type}; charset=utf-8; x=y`,
    `${type}; x=y`,
    "text/plain",
    "application/json",
    "multipart/form-data",
    "nonsense",
    `${type}x`,
  ]) {
    const answer = await post(app, "/token", REFRESH, { "content-type": bad });
    t.equal(answer.status, 415, bad);
    t.equal(errorOf(answer), "invalid_request", bad);
    t.equal(answer.headers["cache-control"], "no-store", bad);
  }
  t.equal((await post(app, "/token", REFRESH, {})).status, 415, "none");
  t.equal((await post(app, "/token", "", {})).status, 415, "neither type nor body");
  t.equal((await post(app, "/token", REFRESH, { ...FORM, "content-encoding": "gzip" })).status, 415, "compressed");
});

t.test("malformed requests reach no flow", async (t) => {
  const { app, issuer } = edge();
  const rows: [what: string, body: string, status: number, error: string, headers?: Record<string, string>][] = [
    ["no grant type", "refresh_token=x", 400, "invalid_request"],
    ["an empty grant type", "grant_type=&refresh_token=x&client_id=app", 400, "invalid_request"],
    ["an unknown grant type", "grant_type=foo", 400, "unsupported_grant_type"],
    ["the password grant", "grant_type=password&username=u&password=p", 400, "unsupported_grant_type"],
    ["an authorization code", "grant_type=authorization_code&code=x&client_id=app", 400, "unsupported_grant_type"],
    ["a JWT bearer grant of nobody", "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=x", 401, "invalid_client"],
    ["our own word login", "grant_type=login&client_id=app", 400, "unsupported_grant_type"],
    ["markup and line breaks as a grant type", "grant_type=%3Cscript%3E%0d%0aX-Evil:1", 400, "invalid_request"],
    ["a repeated grant type", `grant_type=client_credentials&${REFRESH}`, 400, "invalid_request"],
    ["a repeated refresh token", `${REFRESH}&refresh_token=mmr_def`, 400, "invalid_request"],
    ["a repeated unknown parameter", `${REFRESH}&x=1&x=2`, 400, "invalid_request"],
    ["a repeated resource", `${REFRESH}&resource=a&resource=b`, 400, "invalid_request"],
    ["duplicates before the grant type", "grant_type=foo&x=1&x=2", 400, "invalid_request"],
    ["__proto__", `__proto__=x&constructor=y&${REFRESH}`, 400, "invalid_request"],
    ["no client", "grant_type=refresh_token&refresh_token=mmr_abc", 401, "invalid_client"],
    ["an empty client id", "grant_type=refresh_token&refresh_token=mmr_abc&client_id=", 401, "invalid_client"],
    ["an unknown client", "grant_type=refresh_token&refresh_token=mmr_abc&client_id=nope", 401, "invalid_client"],
    ["an unknown client before a missing token", "grant_type=refresh_token&client_id=nope", 401, "invalid_client"],
    ["no refresh token", "grant_type=refresh_token&client_id=app", 400, "invalid_request"],
    ["a grant that the client has not", "grant_type=client_credentials&client_id=app", 400, "unauthorized_client"],
    [
      "a client without the grant before a missing token",
      "grant_type=refresh_token",
      400,
      "unauthorized_client",
      { ...FORM, authorization: BASIC },
    ],
    ["a client assertion", "grant_type=client_credentials&client_assertion_type=urn%3Ax&client_assertion=a.b.c", 401, "invalid_client"],
    ["a client assertion without its type", "grant_type=client_credentials&client_assertion=a.b.c", 401, "invalid_client"],
    ["a repeated client assertion", "grant_type=client_credentials&client_assertion=a.b.c&client_assertion=x", 400, "invalid_request"],
    ["a key that is too short", REFRESH, 400, "invalid_request", { ...FORM, "idempotency-key": "0123456789abcde" }],
    ["a key that is too long", REFRESH, 400, "invalid_request", { ...FORM, "idempotency-key": "k".repeat(256) }],
    ["a key with a space", REFRESH, 400, "invalid_request", { ...FORM, "idempotency-key": "0123456789 abcdef" }],
  ];
  for (const [what, body, status, error, headers] of rows) {
    const answer = await post(app, "/token", body, headers);
    t.equal(answer.status, status, what);
    t.equal(errorOf(answer), error, what);
    t.equal(answer.headers["cache-control"], "no-store", what);
    t.equal(answer.headers["www-authenticate"], undefined, what);
  }
  t.same(issuer.calls, []);
  t.equal((await post(app, "/token", REFRESH)).status, 200, "the next good request works");
});

t.test("a key of 16 and of 255 visible characters is taken; with client credentials it means nothing", async (t) => {
  const { app, issuer } = edge();
  for (const key of ["!".repeat(16), "~".repeat(255)]) {
    t.equal((await post(app, "/token", REFRESH, { ...FORM, "idempotency-key": key })).status, 200);
    t.match(issuer.calls.at(-1), ["refresh", { idempotencyKey: key }]);
  }
  t.equal(
    (await post(app, "/token", "grant_type=client_credentials", { ...FORM, authorization: BASIC, "idempotency-key": "short" })).status,
    200,
  );
});

t.test("who used the Authorization header is challenged there (RFC 6749 §5.2)", async (t) => {
  const { app } = edge();
  for (const authorization of [
    "Basic ###",
    "Bearer x",
    BASIC.slice(0, -4),
    `Basic ${Buffer.from("service:wrong").toString("base64")}`,
    "Basic JXp6OiV6eg==",
  ]) {
    const answer = await post(app, "/token", "grant_type=client_credentials", { ...FORM, authorization });
    t.equal(answer.status, 401, authorization);
    t.equal(errorOf(answer), "invalid_client", authorization);
    t.match(answer.headers["www-authenticate"], /^Basic realm="[^"]+"/, authorization);
  }
  const two = await post(app, "/token", `grant_type=client_credentials&client_id=service&client_secret=${encodeURIComponent(SECRET)}`, {
    ...FORM,
    authorization: BASIC,
  });
  t.equal(two.status, 400);
  t.equal(errorOf(two), "invalid_request");
});

t.test("what belongs into the body is refused in the URL (RFC 6749 §2.3.1), another parameter is not", async (t) => {
  const { app, issuer } = edge();
  for (const name of [...Object.keys(REFRESH_BODY), "client_secret", "password", "token", "access_token"])
    for (const url of ["/token", "/revoke", "/introspect"]) {
      const answer = await post(app, `${url}?${name}=x`, REFRESH);
      t.equal(answer.status, 400, `${url} ${name}`);
      t.equal(errorOf(answer), "invalid_request", `${url} ${name}`);
      t.notMatch(answer.body, "=x");
    }
  t.same(issuer.calls, []);
  t.equal((await post(app, "/token?trace=1", REFRESH)).status, 200);
});

t.test("each refusal has the status of its RFC, and no description breaks out of its characters", async (t) => {
  const expected: Record<RefusalCode, number> = {
    invalid_request: 400,
    invalid_client: 401,
    invalid_grant: 400,
    unauthorized_client: 400,
    unsupported_grant_type: 400,
    invalid_scope: 400,
    invalid_target: 400,
    unsupported_token_type: 400,
    invalid_token: 401,
    insufficient_scope: 403,
    invalid_credentials: 401,
    slow_down: 429,
    temporarily_unavailable: 503,
  };
  t.same(Object.keys(REFUSAL_STATUS).sort(), Object.keys(expected).sort());
  for (const [code, status] of Object.entries(expected) as [RefusalCode, number][]) {
    const { app } = edge({ refresh: async () => refusal(code, 'a "quoted" \\ text\r\n', 2.5) });
    const answer = await injectedAnywhere(app, "POST", "/token", FORM, REFRESH);
    t.equal(answer.status, status, code);
    t.equal(errorOf(answer), code);
    t.equal(answer.headers["retry-after"], status === 429 || status === 503 ? "3" : undefined, code);
  }
});
