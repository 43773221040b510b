import t from "tap";
import { parseClaims } from "../../src/domain/claims.ts";

t.test("claims are a JSON object", async (t) => {
  t.same(parseClaims('{"roles":["a"],"email":"a@b.c"}'), { ok: true, claims: { roles: ["a"], email: "a@b.c" } });
  for (const text of ["", "{", "[]", "null", '"a"', "1", '{"a":1,"a":2}', '{"__proto__":1}', "{} {}", "\ufeff{}"])
    t.equal(parseClaims(text).ok, false, text);
});

t.test("no claim of the issuer's own can be set (RFC 9068 §2.2, RFC 7800 §3.1, RFC 8693 §4)", async (t) => {
  const issuers = ["iss", "sub", "aud", "client_id", "iat", "exp", "nbf", "jti", "scope", "sid", "auth_time"];
  for (const name of [...issuers, "cnf", "act", "may_act", "nonce", "active", "token_type"]) {
    const result = parseClaims(JSON.stringify({ roles: [], [name]: "canary" }));
    t.equal(result.ok, false, name);
    if (!result.ok) {
      t.ok(result.message.includes(name), "the name is said");
      t.notOk(result.message.includes("canary"), "the value is not");
    }
  }
});

t.test("claims have at most 4 KiB", async (t) => {
  const ofBytes = (bytes: number): string => JSON.stringify({ a: "x".repeat(bytes - '{"a":""}'.length) });
  t.equal(parseClaims(ofBytes(4096)).ok, true);
  t.equal(parseClaims(ofBytes(4097)).ok, false);
});
