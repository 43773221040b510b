import t from "tap";
import { isRefusal } from "../../src/domain/refusal.ts";
import { ASSERTION_TYPE, readClientCredentials } from "../../src/http/client-credentials.ts";

const basic = (pair: string | Buffer): string => `Basic ${Buffer.from(pair as string).toString("base64")}`;

t.test("each method is read (RFC 6749 §2.3.1)", async (t) => {
  t.same(readClientCredentials(undefined, { clientId: "app" }), { method: "none", clientId: "app" });
  t.same(readClientCredentials(undefined, { clientId: "service", clientSecret: "s" }), {
    method: "post",
    clientId: "service",
    secret: "s",
  });
  // The two examples of RFC 6749 §2.3.1 and Appendix B.
  t.same(readClientCredentials("Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3", {}), {
    method: "basic",
    clientId: "s6BhdRkqt3",
    secret: "7Fjfp0ZBr1KtDRbnfVdmIw",
  });
  t.same(readClientCredentials(basic("a%3Ab:+%25%26%2B%C2%A3%E2%82%AC"), {}), { method: "basic", clientId: "a:b", secret: " %&+£€" });
  t.same(readClientCredentials(basic("service:a:b").replace("Basic", "bAsIc"), { clientId: "service" }), {
    method: "basic",
    clientId: "service",
    secret: "a:b",
  });
  t.same(readClientCredentials(basic("app:"), {}), { method: "basic", clientId: "app", secret: "" });
});

t.test("a header that is no proper Basic names no client", async (t) => {
  const headers = {
    "not base64": "Basic ###",
    "base64 with a spare bit": "Basic YTpi".replace("YTpi", "YTpiYR=="),
    "base64 without padding": "Basic YTpiYQ",
    base64url: "Basic _-_-",
    "no colon": basic("service"),
    "no client id": basic(":secret"),
    "malformed percent-encoding": basic("%zz:%zz"),
    "not UTF-8": basic(Buffer.from("613aff", "hex")),
    "a control character": basic("a:b%00"),
    "another scheme": "Bearer x",
    "nothing after the scheme": "Basic",
    "an empty header": "",
  };
  for (const [what, header] of Object.entries(headers)) {
    const credentials = readClientCredentials(header, {});
    t.equal(isRefusal(credentials) && credentials.refused, "invalid_client", what);
  }
});

const ASSERTION = { clientAssertion: "a.b.c", clientAssertionType: ASSERTION_TYPE };

t.test("an assertion names its client itself; client_id may repeat it (RFC 7521 §4.2)", async (t) => {
  for (const clientId of [undefined, "service"])
    t.same(readClientCredentials(undefined, { clientId, ...ASSERTION }), { method: "private_key_jwt", clientId, assertion: "a.b.c" });
});

t.test("a client uses one method and is one client", async (t) => {
  const header = basic("service:s");
  const refused = (...[authorization, body]: Parameters<typeof readClientCredentials>): unknown => {
    const credentials = readClientCredentials(authorization, body);
    return isRefusal(credentials) && credentials.refused;
  };
  t.equal(refused(header, { clientSecret: "s" }), "invalid_request");
  t.equal(refused(header, ASSERTION), "invalid_request");
  t.equal(refused(undefined, { clientId: "service", clientSecret: "s", ...ASSERTION }), "invalid_request");
  t.equal(refused(header, { clientId: "other" }), "invalid_request");
  t.equal(refused(undefined, { clientId: "service", clientAssertion: "a.b.c" }), "invalid_client", "without its type (RFC 7521 §4.2)");
  t.equal(refused(undefined, { clientAssertionType: ASSERTION_TYPE }), "invalid_client", "a type alone");
  t.equal(refused(undefined, { clientAssertion: "a.b.c", clientAssertionType: "urn:x" }), "invalid_client", "another type");
  t.equal(refused(undefined, { clientSecret: "s" }), "invalid_client");
  t.equal(refused(undefined, {}), "invalid_client");
});
