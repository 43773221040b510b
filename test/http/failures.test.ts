import t from "tap";
import { FormatError } from "../../src/domain/bytes.ts";
import { KeyError, QueueFullError, StoreError } from "../../src/domain/ports.ts";
import type { HttpFailure } from "../../src/http/failures.ts";
import { UnavailableError } from "../../src/issuer/types.ts";
import { fakeIssuer, POLICY } from "../support/fake-issuer.ts";
import { edge, errorOf, FORM, injected, post, REFRESH } from "./support.ts";

t.test("an unknown path is 404, a known one with another method 405 with Allow", async (t) => {
  const { app } = edge();
  for (const path of ["/", "/Token", "/token/", "//token", "/tokens", "/sessions/a/b", "/sessions/"]) {
    const answer = await injected(app, "GET", path);
    t.equal(answer.status, 404, path);
    t.equal(errorOf(answer), "not_found", path);
  }
  for (const [method, path, allow] of [
    ["GET", "/token", "OPTIONS, POST"],
    ["HEAD", "/token", "OPTIONS, POST"],
    ["PUT", "/token?x=y", "OPTIONS, POST"],
    ["DELETE", "/login", "OPTIONS, POST"],
    ["POST", "/sessions", "DELETE, GET, HEAD, OPTIONS"],
    ["GET", "/sessions/abc", "DELETE, OPTIONS"],
    ["POST", "/livez", "GET, HEAD"],
    ["OPTIONS", "/introspect", "POST"],
  ] as const) {
    const answer = await injected(app, method, path, method === "PUT" ? FORM : {}, method === "PUT" ? REFRESH : undefined);
    t.equal(answer.status, 405, path);
    t.equal(answer.headers.allow, allow, path);
    t.equal(answer.headers["cache-control"], "no-store", path);
    if (method !== "HEAD") t.equal(errorOf(answer), "invalid_request", path);
  }
});

t.test("a URL that can't be decoded, and a parameter that is too long, are refused in our words", async (t) => {
  const { app } = edge();
  for (const [path, status] of [
    ["/sessions/%zz", 400],
    [`/sessions/${"a".repeat(500)}`, 414],
  ] as const) {
    const answer = await injected(app, "DELETE", path);
    t.equal(answer.status, status, path);
    t.equal(errorOf(answer), "invalid_request");
    t.equal(answer.headers["cache-control"], "no-store");
    t.match(answer.headers["x-request-id"], /^[\w-]{22}$/);
    t.notMatch(answer.body, /%zz|aaa/);
  }
});

t.test("a body over the limit is 413 and reaches no flow", async (t) => {
  const { app, issuer } = edge();
  t.equal((await post(app, "/token", `${REFRESH}&x=${"a".repeat(60_000)}`)).status, 200);
  const answer = await post(app, "/token", `${REFRESH}&x=${"a".repeat(65_536)}`);
  t.equal(answer.status, 413);
  t.equal(errorOf(answer), "invalid_request");
  t.equal(issuer.calls.length, 1);
});

t.test("what can't be decided now is 503 with Retry-After, never a refusal", async (t) => {
  const failures = [
    new StoreError("unavailable", "down"),
    new StoreError("unknown", "timed out"),
    new QueueFullError("full"),
    new FormatError("format 9"),
    new KeyError("no key"),
    new UnavailableError("not yet", 7),
  ];
  for (const failure of failures) {
    const logged: HttpFailure[] = [];
    const fail = async (): Promise<never> => {
      throw failure;
    };
    const { app } = edge({ refresh: fail, revoke: fail, logOut: fail, readiness: fail }, { log: (event) => logged.push(event) });
    for (const answer of [
      await post(app, "/token", REFRESH),
      await post(app, "/revoke", "token=x&client_id=app"),
      await injected(app, "POST", "/logout", { authorization: "Bearer x" }),
      await injected(app, "GET", "/readyz"),
    ]) {
      t.equal(answer.status, 503, failure.name);
      t.equal(errorOf(answer), "temporarily_unavailable");
      t.equal(answer.headers["retry-after"], failure instanceof UnavailableError ? "7" : "1");
      t.equal(answer.headers["cache-control"], "no-store");
      t.equal(answer.headers["set-cookie"], undefined);
    }
    t.same(logged, []);
  }
});

t.test("a fault of ours is 500, logged without the message, which may quote a secret", async (t) => {
  const logged: HttpFailure[] = [];
  const secret = "mmr_CANARY";
  const faults: unknown[] = [Object.assign(new TypeError(`${secret}\n    ${secret}`), { code: "ERR_X" }), secret, { statusCode: 400 }];
  for (const fault of faults) {
    const { app } = edge(
      {
        refresh: async () => {
          throw fault;
        },
      },
      { log: (event) => logged.push(event) },
    );
    const answer = await post(app, "/token", REFRESH);
    t.equal(answer.status, 500);
    t.equal(errorOf(answer), "server_error");
    t.notMatch(answer.body, secret);
    t.equal(logged.at(-1)?.requestId, answer.headers["x-request-id"]);
  }
  t.equal(logged.length, faults.length);
  t.notMatch(JSON.stringify(logged), secret);
  t.match(logged[0], { event: "http.failure", method: "POST", route: "/token", error: "TypeError ERR_X" });
  t.ok(logged[0]?.at.some((line) => line.includes("failures.test.ts")));
});

t.test("every answer has a request id of ours, and HSTS where the issuer is https", async (t) => {
  const { app } = edge();
  const ids = new Set<string>();
  for (const path of ["/livez", "/nothing", "/.well-known/jwks.json", "/token"]) {
    const answer = await injected(app, "GET", path, { "x-request-id": "theirs" });
    t.match(answer.headers["x-request-id"], /^[\w-]{22}$/, path);
    t.equal(answer.headers["x-content-type-options"], "nosniff", path);
    t.match(answer.headers["strict-transport-security"], /^max-age=\d+/, path);
    ids.add(answer.headers["x-request-id"] ?? "");
  }
  t.equal(ids.size, 4);
  const plain = edge({}, { issuer: { ...fakeIssuer(), policy: { ...POLICY, issuer: "http://127.0.0.1:3000" } } });
  t.equal((await injected(plain.app, "GET", "/livez")).headers["strict-transport-security"], undefined);
});

t.test("readiness is 503 with what is missing", async (t) => {
  const { app } = edge({ readiness: async () => ({ ready: false, missing: ["store: not reachable", 'no "active" key'] }) });
  const answer = await injected(app, "GET", "/readyz");
  t.equal(answer.status, 503);
  t.equal(errorOf(answer), "temporarily_unavailable");
  t.match(answer.body, "store: not reachable");
  t.equal((await injected(app, "GET", "/livez")).status, 200);
  t.equal((await injected(app, "HEAD", "/livez")).status, 200);
  t.equal((await injected(edge().app, "HEAD", "/readyz")).status, 200);
});

t.test("each answer is reported by route pattern and status", async (t) => {
  const seen: [string, number][] = [];
  const { app } = edge(
    {},
    {
      onResponse: (route, status) => seen.push([route, status]),
    },
  );
  await post(app, "/token", REFRESH);
  await post(app, "/token", "grant_type=x");
  await injected(app, "DELETE", "/sessions/abc", { authorization: "Bearer x" });
  await injected(app, "GET", "/secret-path");
  await injected(app, "PUT", "/token");
  t.same(seen, [
    ["/token", 200],
    ["/token", 400],
    ["/sessions/:sid", 404],
    ["unknown", 404],
    ["unknown", 405],
  ]);
});
