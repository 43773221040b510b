/** What anyone may read: the JWK Set and the metadata, with what caches need; and health. */

import t from "tap";
import { call, membersOf } from "../support/http-call.ts";
import type { HttpAnswer } from "../support/http-call.ts";
import { Home } from "../support/issuer-process.ts";
import { until } from "../support/wait.ts";

const JWKS = "/.well-known/jwks.json";
/** RFC 7518 §6: members that only a private key has. */
const PRIVATE = ["d", "p", "q", "dp", "dq", "qi", "k", "oth"];

const home = await Home.make(t);
const issuer = await home.start();

function maxAge(answer: HttpAnswer): number {
  return Number(/^public, max-age=(\d+)$/.exec(answer.headers["cache-control"] ?? "")?.[1]);
}

t.test("the JWK Set is public, complete, and says how long it may be kept", async (t) => {
  const answer = await issuer.send(JWKS);
  t.equal(answer.status, 200);
  t.equal(answer.headers["content-type"], "application/jwk-set+json");
  t.equal(answer.headers["access-control-allow-origin"], "*");
  t.equal(maxAge(answer), 600);
  t.ok(answer.headers["x-request-id"]);
  const { keys } = membersOf(answer) as { keys: Record<string, unknown>[] };
  t.equal(new Set(keys.map(({ kid }) => kid)).size, 6);
  for (const key of keys) {
    t.same(
      PRIVATE.filter((name) => name in key),
      [],
    );
    t.match(key, { kid: /^[\w-]{43}$/, use: "sig", kty: key["alg"] === "ES256" ? "EC" : "OKP" });
  }
});

t.test("it is fetched again only where it changed: strong ETag, 304, HEAD", async (t) => {
  const first = await issuer.send(JWKS);
  const { etag = "" } = first.headers;
  t.match(etag, /^"[^"]+"$/, "a strong validator");
  const same = await issuer.send(JWKS, { headers: { "if-none-match": `"other", ${etag}` } });
  t.same([same.status, same.body, same.headers["etag"], maxAge(same)], [304, "", etag, 600]);
  const head = await issuer.send(JWKS, { method: "HEAD" });
  t.same([head.status, head.body, head.headers["etag"]], [200, "", etag]);
  t.equal(Number(head.headers["content-length"]), first.body.length);

  await home.must("keys", "stage", "--alg", "ES256");
  await until("the JWK Set changes", async () => (await issuer.send(JWKS)).headers["etag"] !== etag);
  const changed = await issuer.send(JWKS, { headers: { "if-none-match": etag } });
  t.equal(changed.status, 200, "an ETag of before a change gets the new set");
  const kids = (answer: HttpAnswer) => (membersOf(answer) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
  t.same(
    kids(first).filter((kid) => !kids(changed).includes(kid)),
    [],
    "the keys of before are in it",
  );
});

t.test("both metadata documents name this issuer's endpoints and nothing it can't do", async (t) => {
  for (const path of ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]) {
    const answer = await issuer.send(path, { headers: { "x-forwarded-host": "evil.example.com" } });
    t.equal(answer.headers["access-control-allow-origin"], "*");
    t.match(membersOf(answer), {
      issuer: home.issuer,
      jwks_uri: home.issuer + JWKS,
      token_endpoint: `${home.issuer}/token`,
      revocation_endpoint: `${home.issuer}/revoke`,
      introspection_endpoint: `${home.issuer}/introspect`,
      response_types_supported: [],
      grant_types_supported: ["refresh_token", "client_credentials"],
    });
    t.notMatch(answer.body, /"login"|evil/);
  }
  const openId = membersOf(await issuer.send("/.well-known/openid-configuration"));
  t.same(openId["subject_types_supported"], ["public"]);
});

t.test("health is on both listeners, metrics only on the one for operators", async (t) => {
  for (const base of [issuer.url, issuer.opsUrl]) {
    for (const path of ["/livez", "/readyz"]) t.equal((await call(base + path)).status, 200, path);
  }
  t.equal((await issuer.send("/metrics")).status, 404);
  const metrics = await call(`${issuer.opsUrl}/metrics`);
  t.match(metrics.headers["content-type"], /^text\/plain/);
  t.match(metrics.body, /^# TYPE mintmark_\w+ /m);
  // The issuer has read its ring at least.
  t.match(metrics.body, /^mintmark_store_seconds_count\{op="get"\} [1-9]/m);
});

t.test("what isn't there is an error in the same words as everything else", async (t) => {
  const missing = await issuer.send("/nothing");
  t.equal(missing.status, 404);
  t.same(Object.keys(membersOf(missing)), ["error", "error_description"]);
  const wrong = await issuer.send("/token", { method: "GET" });
  t.same([wrong.status, wrong.headers["allow"], wrong.headers["cache-control"]], [405, "OPTIONS, POST", "no-store"]);
});
