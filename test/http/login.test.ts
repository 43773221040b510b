import t from "tap";
import { Compile } from "typebox/compile";
import fc, { runs } from "../support/fast-check.ts";
import { refusal } from "../../src/domain/refusal.ts";
import { isLoginBody, LoginBody } from "../../src/http/routes/login.ts";
import { POLICY, SECRET } from "../support/fake-issuer.ts";
import { type Answer, edge, errorOf, injectedAnywhere, post } from "./support.ts";

const JSON_TYPE = { "content-type": "application/json" };
const GOOD = { username: "alice", password: "correct horse battery", client_id: "app" };

t.test("a login is handed to the issuer with address and user agent", async (t) => {
  const { app, issuer } = edge();
  const body = { ...GOOD, scope: "read", resource: "https://api.example.com", later: { extension: true } };
  const answer = await post(app, "/login", JSON.stringify(body), {
    "content-type": "application/json; charset=utf-8",
    "user-agent": "test/1",
    "x-forwarded-for": "203.0.113.9",
  });
  t.equal(answer.status, 200);
  t.match(JSON.parse(answer.body), { token_type: "Bearer", sid: "abcdefghijklmnopqrstuv" });
  t.equal(answer.headers["cache-control"], "no-store");
  t.same(issuer.calls, [
    [
      "logIn",
      {
        client: POLICY.clients.get("app"),
        username: "alice",
        password: "correct horse battery",
        scope: "read",
        resources: ["https://api.example.com"],
        address: "127.0.0.1",
        network: "127.0.0.1",
        userAgent: "test/1",
      },
    ],
  ]);
  await post(app, "/login", JSON.stringify({ ...GOOD, resource: ["a", "b"], scope: "" }), JSON_TYPE);
  t.match(issuer.calls.at(-1), ["logIn", { resources: ["a", "b"], scope: undefined }]);
});

t.test("malformed logins reach no flow and reflect nothing", async (t) => {
  const { app, issuer } = edge();
  const rows: [what: string, body: string | Buffer, status: number, error: string, headers?: Record<string, string>][] = [
    ["a password object", '{"username":"u","password":{"$ne":null},"client_id":"app"}', 400, "invalid_request"],
    ["a number as a user name", '{"username":1,"password":"p","client_id":"app"}', 400, "invalid_request"],
    ["an array as a user name", '{"username":["u"],"password":"p","client_id":"app"}', 400, "invalid_request"],
    ["a repeated member", '{"username":"victim","username":"attacker","password":"p","client_id":"app"}', 400, "invalid_request"],
    ["__proto__", '{"__proto__":{"admin":true},"username":"u","password":"p","client_id":"app"}', 400, "invalid_request"],
    ["null", "null", 400, "invalid_request"],
    ["an array", "[]", 400, "invalid_request"],
    ["nothing", "", 400, "invalid_request"],
    ["no JSON", "{", 400, "invalid_request"],
    ["a byte order mark", `\ufeff${JSON.stringify(GOOD)}`, 400, "invalid_request"],
    [
      "bytes that are not UTF-8",
      Buffer.concat([Buffer.from('{"username":"'), Buffer.from([0xff]), Buffer.from('"}')]),
      400,
      "invalid_request",
    ],
    ["depth", "[".repeat(30_000), 400, "invalid_request"],
    ["an empty user name", JSON.stringify({ ...GOOD, username: "" }), 400, "invalid_request"],
    ["a long user name", JSON.stringify({ ...GOOD, username: "u".repeat(257) }), 400, "invalid_request"],
    ["a password of 1025 bytes", JSON.stringify({ ...GOOD, password: `${"é".repeat(512)}x` }), 400, "invalid_request"],
    ["a resource object", JSON.stringify({ ...GOOD, resource: { a: 1 } }), 400, "invalid_request"],
    ["a number among the resources", JSON.stringify({ ...GOOD, resource: ["a", 1] }), 400, "invalid_request"],
    ["no client", JSON.stringify({ ...GOOD, client_id: undefined }), 401, "invalid_client"],
    ["an unknown client", JSON.stringify({ ...GOOD, client_id: "nope" }), 401, "invalid_client"],
    ["a client without the grant", JSON.stringify({ ...GOOD, client_id: "other" }), 400, "unauthorized_client"],
    ["text/plain", JSON.stringify(GOOD), 415, "invalid_request", { "content-type": "text/plain" }],
    ["a form", "username=u&password=p&client_id=app", 415, "invalid_request", { "content-type": "application/x-www-form-urlencoded" }],
    ["another charset", JSON.stringify(GOOD), 415, "invalid_request", { "content-type": "application/json; charset=utf-16" }],
  ];
  for (const [what, body, status, error, headers = JSON_TYPE] of rows) {
    const answer = await post(app, "/login", body, headers);
    t.equal(answer.status, status, what);
    t.equal(errorOf(answer), error, what);
    t.equal(answer.headers["cache-control"], "no-store", what);
    t.notMatch(answer.body, "attacker");
  }
  const inUrl = await post(app, "/login?username=u&password=p", JSON.stringify(GOOD), JSON_TYPE);
  t.equal(inUrl.status, 400);
  t.same(issuer.calls, []);
});

t.test("odd names and passwords are for the issuer to refuse, whole", async (t) => {
  const { app, issuer } = edge({ logIn: async () => refusal("invalid_credentials", "wrong user name or password") });
  const answers: Answer[] = [];
  for (const body of [
    { ...GOOD, username: 'a\r\n{"level":50}\u001b[31m' },
    { ...GOOD, password: "p\u0000x" },
    { ...GOOD, password: "é".repeat(512) },
    { ...GOOD, username: "u".repeat(256) },
  ]) {
    answers.push(await post(app, "/login", JSON.stringify(body), JSON_TYPE));
    t.match(issuer.calls.at(-1), ["logIn", { username: body.username, password: body.password }]);
  }
  for (const answer of answers) {
    t.equal(answer.status, 401);
    t.equal(errorOf(answer), "invalid_credentials");
    t.equal(answer.body, answers[0]?.body);
  }
});

t.test("too many failures are 429 with Retry-After", async (t) => {
  const { app } = edge({ logIn: async () => refusal("slow_down", "too many failed logins", 42) });
  const answer = await post(app, "/login", JSON.stringify(GOOD), JSON_TYPE);
  t.equal(answer.status, 429);
  t.equal(errorOf(answer), "slow_down");
  t.equal(answer.headers["retry-after"], "42");
});

t.test("a confidential client shows its secret in the Authorization header", async (t) => {
  const { app } = edge();
  const authorization = `Basic ${Buffer.from(`service:${encodeURIComponent(SECRET)}`).toString("base64")}`;
  const answer = await post(app, "/login", JSON.stringify({ ...GOOD, client_id: "service" }), { ...JSON_TYPE, authorization });
  t.equal(errorOf(answer), "unauthorized_client", "known, but without the grant");
  const inBody = { ...GOOD, client_id: "service", client_secret: SECRET };
  t.equal(errorOf(await post(app, "/login", JSON.stringify(inBody), JSON_TYPE)), "unauthorized_client", "or in the body");
  t.equal(errorOf(await post(app, "/login", JSON.stringify(inBody), { ...JSON_TYPE, authorization })), "invalid_request", "not both");
});

t.test("the check by hand and the schema say the same", async (t) => {
  const schema = Compile(LoginBody);
  const text = fc.oneof(
    fc.string({ maxLength: 5 }),
    fc.constant(""),
    fc.constantFrom(
      "x".repeat(256),
      "x".repeat(257),
      "x".repeat(1024),
      "x".repeat(4096),
      "x".repeat(4097),
      "x".repeat(8192),
      "x".repeat(8193),
    ),
  );
  const value = fc.oneof(
    text,
    fc.constantFrom(null, 1, true, {}, Array<string>(64).fill("a"), Array<string>(65).fill("a")),
    fc.array(text, { maxLength: 2 }),
  );
  const names = [
    "username",
    "password",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "scope",
    "resource",
    "more",
  ];
  const body = fc.record(Object.fromEntries(names.map((name) => [name, value])), { requiredKeys: [] });
  const almost = fc.tuple(fc.constantFrom(...names), value).map(([name, odd]) => ({ ...GOOD, [name]: odd }));
  let agreed = 0;
  fc.assert(
    fc.property(fc.oneof(body, almost, value), (candidate) => {
      const accepted = isLoginBody(candidate);
      if (accepted) agreed += 1;
      return accepted === schema.Check(candidate);
    }),
    { numRuns: runs(2000) },
  );
  t.ok(agreed > 0, "some were accepted");
});

t.test("where login.enabled is false there is no /login", async (t) => {
  const { app } = edge({ policy: { ...POLICY, login: { ...POLICY.login, enabled: false } } });
  t.equal((await injectedAnywhere(app, "POST", "/login", JSON_TYPE, JSON.stringify(GOOD))).status, 404);
});
