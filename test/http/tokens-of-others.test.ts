import t from "tap";
import { refusal } from "../../src/domain/refusal.ts";
import { POLICY, SECRET } from "../support/fake-issuer.ts";
import { edge, errorOf, FORM, injected, post } from "./support.ts";

const authorization = `Basic ${Buffer.from(`service:${encodeURIComponent(SECRET)}`).toString("base64")}`;

t.test("revoke answers 200 without a body; the hint changes nothing (RFC 7009 §2.2)", async (t) => {
  const { app, issuer } = edge();
  for (const hint of ["", "&token_type_hint=access_token", "&token_type_hint=nonsense"]) {
    const answer = await post(app, "/revoke", `token=abc&client_id=app${hint}`);
    t.equal(answer.status, 200);
    t.equal(answer.body, "");
    t.same(issuer.calls.at(-1), ["revoke", { client: POLICY.clients.get("app"), token: "abc" }]);
  }
});

t.test("revoke refuses what RFC 7009 refuses", async (t) => {
  const { app, issuer } = edge();
  for (const [body, status, error] of [
    ["client_id=app", 400, "invalid_request"],
    ["token=&client_id=app", 400, "invalid_request"],
    ["token=a&token=b&client_id=app", 400, "invalid_request"],
    ["token=a", 401, "invalid_client"],
    ["token=a&client_id=service", 401, "invalid_client"],
  ] as const) {
    const answer = await post(app, "/revoke", body);
    t.equal(answer.status, status, body);
    t.equal(errorOf(answer), error, body);
  }
  t.equal((await injected(app, "GET", "/revoke?token=a&client_id=app")).status, 405);
  t.same(issuer.calls, []);
  for (const code of ["invalid_grant", "unsupported_token_type"] as const) {
    const answer = await post(edge({ revoke: async () => refusal(code, "no") }).app, "/revoke", "token=a&client_id=app");
    t.equal(answer.status, 400);
    t.equal(errorOf(answer), code);
  }
});

t.test("introspection is for confidential clients (RFC 7662 §2.1)", async (t) => {
  const { app, issuer } = edge();
  for (const [body, headers, status, error] of [
    ["token=abc", FORM, 401, "invalid_client"],
    ["token=abc&client_id=app", FORM, 401, "invalid_client"],
    ["token=abc&client_id=service", FORM, 401, "invalid_client"],
    ["", { ...FORM, authorization }, 400, "invalid_request"],
    ["token=a&token=b", { ...FORM, authorization }, 400, "invalid_request"],
  ] as const) {
    const answer = await post(app, "/introspect", body, headers);
    t.equal(answer.status, status, body);
    t.equal(errorOf(answer), error, body);
  }
  t.equal((await injected(app, "GET", "/introspect", { authorization })).status, 405);
  t.same(issuer.calls, []);
});

t.test("introspection answers what the issuer says and no more", async (t) => {
  const inactive = await post(edge().app, "/introspect", "token=abc&token_type_hint=refresh_token", { ...FORM, authorization });
  t.equal(inactive.status, 200);
  t.equal(inactive.body, '{"active":false}');
  t.equal(inactive.headers["cache-control"], "no-store");
  const active = edge({ introspect: async () => ({ active: true, sub: "alice", exp: 1 }) });
  t.same(JSON.parse((await post(active.app, "/introspect", "token=abc", { ...FORM, authorization })).body), {
    active: true,
    sub: "alice",
    exp: 1,
  });
});
