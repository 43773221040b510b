import t from "tap";
import { serverMetadata } from "../../src/issuer/metadata.ts";
import { ISSUER, POLICY } from "../support/fake-issuer.ts";
import { edge, errorOf, injected } from "./support.ts";

const JWKS = "/.well-known/jwks.json";
const METADATA = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];

t.test("the JWK Set is sent as the issuer wrote it, for everyone to keep", async (t) => {
  const { app } = edge();
  for (const headers of [{}, { accept: "text/html" }, { origin: "https://anyone.example" }]) {
    const answer = await injected(app, "GET", JWKS, headers);
    t.equal(answer.status, 200);
    t.equal(answer.body, '{"keys":[]}');
    t.equal(answer.headers["content-type"], "application/jwk-set+json");
    t.equal(answer.headers["cache-control"], "public, max-age=600");
    t.equal(answer.headers.etag, '"v1"');
    t.equal(answer.headers["access-control-allow-origin"], "*");
    t.equal(answer.headers["access-control-allow-credentials"], undefined);
    t.equal(answer.headers.pragma, undefined);
  }
  const head = await injected(app, "HEAD", JWKS);
  t.equal(head.status, 200);
  t.equal(head.body, "");
  t.equal(head.headers["content-length"], "11");
  t.equal(head.headers.etag, '"v1"');
});

t.test("If-None-Match is a list, compared weakly (RFC 9110 §13.1.2)", async (t) => {
  const { app } = edge();
  for (const match of ['"v1"', 'W/"v1"', "*", '"v0", "v1"', '"v0",W/"v1"', '"a,b" , "v1"'])
    for (const method of ["GET", "HEAD"] as const) {
      const answer = await injected(app, method, JWKS, { "if-none-match": match });
      t.equal(answer.status, 304, match);
      t.equal(answer.body, "", match);
      t.equal(answer.headers.etag, '"v1"', match);
      t.equal(answer.headers["cache-control"], "public, max-age=600", match);
      t.equal(answer.headers["access-control-allow-origin"], "*", match);
    }
  for (const other of ['"v0"', "v1", '"V1"', '"v1', "", '"*"', '"xv1"'])
    t.equal((await injected(app, "GET", JWKS, { "if-none-match": other })).status, 200, other);
});

t.test("who was given the set is noted with the ring's version: by 200, and by 304 where its ETag was named", async (t) => {
  const { app, issuer } = edge();
  const noted = async (method: "GET" | "HEAD", headers: Record<string, string>): Promise<unknown[]> => {
    await injected(app, method, JWKS, { "user-agent": "jose/6", ...headers });
    return issuer.calls.splice(0).flat();
  };
  const fetch = { address: "127.0.0.1", userAgent: "jose/6", ringVersion: 7, isUnchanged: false };
  t.same(await noted("GET", {}), ["noteFetch", fetch]);
  t.same(await noted("GET", { "if-none-match": '"v0"' }), ["noteFetch", fetch], "it held another set");
  t.same(await noted("GET", { "if-none-match": 'W/"v0", "v1"' }), ["noteFetch", { ...fetch, isUnchanged: true }]);
  t.same(await noted("GET", { "if-none-match": "*" }), [], "it got none, and may have none");
  for (const headers of [{}, { "if-none-match": '"v1"' }]) t.same(await noted("HEAD", headers), [], "HEAD gives none");
});

t.test("X-Forwarded-For is believed of a trusted proxy about who fetches, and of nobody else", async (t) => {
  for (const isTrusted of [true, false]) {
    const { app, issuer } = edge({}, { isTrustedProxy: () => isTrusted });
    await injected(app, "GET", JWKS, { "x-forwarded-for": "203.0.113.9" });
    t.match(issuer.calls, [["noteFetch", { address: isTrusted ? "203.0.113.9" : "127.0.0.1" }]]);
  }
});

t.test("a set that can't be given is noted for nobody", async (t) => {
  const { app, issuer } = edge({ jwks: () => undefined });
  await injected(app, "GET", JWKS);
  t.same(issuer.calls, []);
});

t.test("without a ring there is no empty JWK Set but 503", async (t) => {
  const answer = await injected(edge({ jwks: () => undefined }).app, "GET", JWKS);
  t.equal(answer.status, 503);
  t.equal(errorOf(answer), "temporarily_unavailable");
  t.equal(answer.headers["cache-control"], "no-store");
  t.equal(answer.headers["retry-after"], "1");
});

t.test("other spellings of the path and other methods get no JWK Set", async (t) => {
  const { app } = edge();
  for (const path of ["/.well-known//jwks.json", "/.well-known/jwks.json/", "/.WELL-KNOWN/jwks.json"])
    t.equal((await injected(app, "GET", path)).status, 404, path);
  const post = await injected(app, "POST", JWKS, { "content-type": "application/json" }, "{}");
  t.equal(post.status, 405);
  t.equal(post.headers.allow, "GET, HEAD");
});

t.test("metadata is the configured issuer's, whatever the request's host is (RFC 8414 §3.3)", async (t) => {
  const { app } = edge();
  for (const url of METADATA) {
    const answer = await injected(app, "GET", url, { host: "evil.test", "x-forwarded-host": "evil.test" });
    t.equal(answer.status, 200);
    t.match(answer.headers["content-type"], /^application\/json/);
    t.match(answer.headers["cache-control"], /^public, max-age=\d+$/);
    t.equal(answer.headers["access-control-allow-origin"], "*");
    t.match(JSON.parse(answer.body), {
      issuer: ISSUER,
      jwks_uri: `${ISSUER}/.well-known/jwks.json`,
      token_endpoint: `${ISSUER}/token`,
      revocation_endpoint: `${ISSUER}/revoke`,
      introspection_endpoint: `${ISSUER}/introspect`,
      response_types_supported: [],
      subject_types_supported: ["public"],
      grant_types_supported: ["refresh_token", "client_credentials"],
      token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
      token_endpoint_auth_signing_alg_values_supported: ["ES256", "EdDSA", "Ed25519"],
      introspection_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post", "private_key_jwt"],
    });
    t.notMatch(answer.body, /evil|"login"/);
  }
  const openId = await injected(app, "GET", METADATA[1] ?? "");
  t.same((JSON.parse(openId.body) as Record<string, unknown>)["id_token_signing_alg_values_supported"], ["ES256", "Ed25519"]);
});

t.test("metadata lists only what some client may use (RFC 8414 §2)", async (t) => {
  const app = POLICY.clients.get("app")!;
  const metadata = serverMetadata({
    ...POLICY,
    clients: new Map([["app", { ...app, grants: ["login", "urn:ietf:params:oauth:grant-type:jwt-bearer"], sessions: false }]]),
  });
  t.same(metadata["grant_types_supported"], ["urn:ietf:params:oauth:grant-type:jwt-bearer"], "login is our own word");
  t.same(metadata["scopes_supported"], ["read", "write"]);
});
