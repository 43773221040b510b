/** Cookie delivery and CORS on the wire. The issuer behind it grants everything. */

import { randomBytes } from "node:crypto";
import t from "tap";
import { refusal } from "../../src/domain/refusal.ts";
import { StoreError } from "../../src/domain/ports.ts";
import { buildApp } from "../../src/http/app.ts";
import { ADMIN, fakeIssuer, GRANT, POLICY, SECRET, SPA, WEB } from "../support/fake-issuer.ts";
import { edge, errorOf, FORM, injected, listen, post, raw, requestText } from "./support.ts";

const COOKIE = "__Host-mintmark-web=mmr_abc";
const REFRESH = "grant_type=refresh_token&client_id=web";
const JSON_TYPE = { "content-type": "application/json" };
const LOGIN = JSON.stringify({ username: "alice", password: "correct horse", client_id: "web" });
const from = (origin: string, more: Record<string, string> = {}) => ({ ...FORM, origin, ...more });
const carried = from(WEB, { cookie: COOKIE });

/** Set-Cookie in its parts, attribute names in lower case. */
function setCookie(headers: Record<string, string>): Record<string, string> | undefined {
  const value = headers["set-cookie"];
  if (value === undefined) return undefined;
  const [pair = "", ...attributes] = value.split("; ");
  const split = (text: string) => [text.split("=")[0] ?? "", text.split("=").slice(1).join("=")] as const;
  const [name, token] = split(pair);
  return { name, token, ...Object.fromEntries(attributes.map(split).map(([key, rest]) => [key.toLowerCase(), rest])) };
}

const CLEARED = { name: "__Host-mintmark-web", token: "", "max-age": "0", path: "/", httponly: "", secure: "", samesite: "Strict" };

t.test("the cookie has the name and attributes promised, and the body no refresh token", async (t) => {
  const { app, issuer } = edge();
  const answers = [
    await post(app, "/login", LOGIN, { ...JSON_TYPE, origin: WEB }),
    await post(app, "/token", REFRESH, carried),
    await post(
      app,
      "/token",
      `client_id=web&grant_type=${encodeURIComponent("urn:ietf:params:oauth:grant-type:jwt-bearer")}&assertion=a`,
      from(WEB),
    ),
  ];
  for (const answer of answers) {
    t.equal(answer.status, 200);
    t.same(setCookie(answer.headers), {
      name: "__Host-mintmark-web",
      token: "mmr_abc",
      "max-age": String(GRANT.refreshTokenExpiresInSeconds),
      path: "/",
      httponly: "",
      secure: "",
      samesite: "Strict",
    });
    t.ok((answer.headers["set-cookie"] ?? "").length <= 4096);
    t.notMatch(answer.body, /mmr_/);
    t.notOk("refresh_token" in JSON.parse(answer.body));
    t.equal((JSON.parse(answer.body) as Record<string, unknown>)["refresh_token_expires_in"], GRANT.refreshTokenExpiresInSeconds);
    t.equal(answer.headers["cache-control"], "no-store");
  }
  t.match(issuer.calls[1], ["refresh", { refreshToken: "mmr_abc" }]);
});

t.test("an http: issuer, for development, has a cookie without prefix and Secure", async (t) => {
  const { app } = edge({ policy: { ...POLICY, issuer: "http://127.0.0.1:3000" } });
  const answer = await post(app, "/login", LOGIN, { ...JSON_TYPE, origin: WEB });
  t.match(setCookie(answer.headers), { name: "mintmark-web", httponly: "", samesite: "Strict", path: "/" });
  t.notOk(setCookie(answer.headers)?.["secure"]);
  t.equal((await post(app, "/token", REFRESH, from(WEB, { cookie: "mintmark-web=mmr_abc" }))).status, 200);
  t.equal((await post(app, "/token", REFRESH, carried)).status, 400, "the other name is no cookie of ours then");
});

t.test(
  "a request that carries the cookie or could set it comes from one of the client's pages, else 403 and nothing changes",
  async (t) => {
    const { app, issuer } = edge();
    const assertion = `client_id=web&grant_type=${encodeURIComponent("urn:ietf:params:oauth:grant-type:jwt-bearer")}&assertion=a`;
    const requests: [string, string, Record<string, string>][] = [
      ["/token", REFRESH, { ...FORM, cookie: COOKIE }],
      ["/token", REFRESH, FORM],
      ["/token", assertion, FORM],
      ["/login", LOGIN, JSON_TYPE],
      ["/logout", "client_id=web", { ...FORM, cookie: COOKIE }],
      ["/logout", "client_id=web", FORM],
      ["/revoke", "client_id=web&token=x", { ...FORM, cookie: COOKIE }],
      ["/revoke", "", { cookie: COOKIE }],
      ["/token", "{}", { ...JSON_TYPE, cookie: COOKIE }],
    ];
    const sources: Record<string, string>[] = [
      {},
      { origin: "null" },
      { origin: "https://evil.example.org" },
      { origin: "https://other.example.com" },
      { origin: `${WEB}.evil.example.org` },
      { origin: `${WEB}/` },
      { origin: WEB.replace("https:", "http:") },
      { origin: `${WEB}, ${WEB}` },
      { origin: WEB, "sec-fetch-site": "cross-site" },
      { origin: WEB, "sec-fetch-site": "none" },
      { "sec-fetch-site": "same-origin" },
      { referer: `${WEB}/` },
    ];
    for (const [url, body, headers] of requests) {
      for (const source of sources) {
        const answer = await post(app, url, body, { ...headers, ...source });
        const what = `${url} ${JSON.stringify(source)}`;
        t.equal(answer.status, 403, what);
        t.equal(errorOf(answer), "invalid_request", what);
        t.equal(answer.headers["set-cookie"], undefined, what);
      }
    }
    t.same(issuer.calls, []);
  },
);

t.test("another client's page is not one of the client's own", async (t) => {
  const { app, issuer } = edge();
  for (const origin of [SPA, ADMIN]) {
    const answer = await post(app, "/token", REFRESH, from(origin, { cookie: COOKIE }));
    t.equal(answer.status, 403, origin);
    t.equal(answer.headers["access-control-allow-origin"], undefined, "nor may it read why");
  }
  t.same(issuer.calls, []);
});

t.test("browsers on one site are let in, whatever they say about the fetch", async (t) => {
  const { app } = edge();
  for (const more of [{}, { "sec-fetch-site": "same-site" }, { "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors" }])
    t.equal((await post(app, "/token", REFRESH, { ...carried, ...more })).status, 200);
});

t.test("a cookie that comes twice is refused on the raw header, before anything is read from it", async (t) => {
  const { app, issuer } = edge();
  for (const cookie of [
    `${COOKIE}; __Host-mintmark-web=mmr_def`,
    `${COOKIE};__Host-mintmark-web=`,
    `a=b; ${COOKIE}; c=d;\t${COOKIE}`,
    `${COOKIE}; __Host-mintmark-admin=x; __Host-mintmark-admin=y`,
  ]) {
    const answer = await post(app, "/token", REFRESH, from(WEB, { cookie }));
    t.equal(answer.status, 400, cookie);
    t.equal(errorOf(answer), "invalid_request");
  }
  t.same(issuer.calls, []);
});

t.test("a header that says where a request is from comes once, on a real socket", async (t) => {
  const issuer = fakeIssuer();
  const app = buildApp({ issuer, random: randomBytes });
  t.teardown(() => app.close());
  const port = await listen(app);
  const head = ["Content-Type: application/x-www-form-urlencoded", `Origin: ${WEB}`, `Cookie: ${COOKIE}`];
  t.match(await raw(port, requestText("POST", "/token", head, REFRESH)), /^HTTP\/1.1 200 /);
  for (const more of [
    "Cookie: __Host-mintmark-web=mmr_def",
    "Cookie: other=1",
    `Origin: ${WEB}`,
    "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site",
  ])
    t.match(await raw(port, requestText("POST", "/token", [...head, more], REFRESH)), /^HTTP\/1.1 400 /, more);
  t.equal(issuer.calls.length, 1);
});

t.test("only the exact name is the cookie: no kinder reading of the header", async (t) => {
  const { app, issuer } = edge();
  for (const cookie of [
    "=__Host-mintmark-web=mmr_evil",
    "__host-mintmark-web=mmr_evil",
    "__Host-mintmark-web =mmr_evil",
    "\u00a0__Host-mintmark-web=mmr_evil",
    "__Host-mintmark-web",
    "__Host-mintmark-web=",
    "mintmark-web=mmr_evil",
    "__Host-mintmark-we=mmr_evil",
    "__Host-mintmark-web2=mmr_evil",
    "%5f_Host-mintmark-web=mmr_evil",
    'a="x; mintmark-web=mmr_evil"',
  ]) {
    const answer = await post(app, "/token", REFRESH, from(WEB, { cookie }));
    t.equal(answer.status, 400, cookie);
    t.equal(
      (await post(app, "/token", REFRESH, from(WEB, { cookie: `${cookie}; ${COOKIE}` }))).status,
      cookie === "__Host-mintmark-web=" ? 400 : 200,
      `${cookie} beside the real one`,
    );
    t.notMatch(answer.body, /evil/);
  }
  for (const [, request] of issuer.calls) t.match(request, { refreshToken: "mmr_abc" });
});

t.test("one way to send a refresh token per client", async (t) => {
  const { app, issuer } = edge();
  const both = await post(app, "/token", `${REFRESH}&refresh_token=mmr_def`, carried);
  t.equal(both.status, 400);
  t.equal(errorOf(both), "invalid_request");
  t.equal((await post(app, "/token", `${REFRESH}&refresh_token=mmr_abc`, from(WEB))).status, 400, "in the body alone");
  t.equal((await post(app, "/token", REFRESH, from(WEB))).status, 400, "nowhere");
  t.same(issuer.calls, []);
  const body = await post(app, "/token", "grant_type=refresh_token&client_id=spa&refresh_token=mmr_abc", from(SPA));
  t.equal(body.status, 200);
  t.match(body.body, /mmr_abc/);
  t.equal(body.headers["set-cookie"], undefined, "a body client gets no cookie");
});

t.test("a refused refresh clears the cookie only where its session is over; 503 never does", async (t) => {
  const rows = [
    [{ ...refusal("invalid_grant", "over"), isSessionOver: true as const }, true],
    [refusal("invalid_grant", "another client's"), false],
    [refusal("invalid_scope", "too much"), false],
    [refusal("invalid_target", "not yours"), false],
    [refusal("temporarily_unavailable", "busy"), false],
  ] as const;
  for (const [refused, isCleared] of rows) {
    const { app } = edge({ refresh: async () => refused });
    const answer = await post(app, "/token", REFRESH, carried);
    t.same(setCookie(answer.headers), isCleared ? CLEARED : undefined, refused.description);
    t.notMatch(answer.body, /isSessionOver/);
  }
  const { app } = edge({ refresh: () => Promise.reject(new StoreError("unknown", "timed out")) });
  const answer = await post(app, "/token", REFRESH, carried);
  t.equal(answer.status, 503);
  t.equal(answer.headers["set-cookie"], undefined);
  t.ok(answer.headers["retry-after"]);
  t.equal(answer.headers["access-control-allow-origin"], WEB, "the page can read that it may try again");
});

t.test("a login says which session it replaces: that of the same client's cookie", async (t) => {
  const { app, issuer } = edge();
  const cookie = `__Host-mintmark-admin=mmr_admin; ${COOKIE}`;
  await post(app, "/login", LOGIN, { ...JSON_TYPE, origin: WEB, cookie });
  await post(app, "/login", LOGIN.replace('"web"', '"spa"'), { ...JSON_TYPE, origin: SPA });
  t.match(issuer.calls[0], ["logIn", { replaces: "mmr_abc" }]);
  t.match(issuer.calls[1], ["logIn", { replaces: undefined }]);
});

t.test("logout by cookie ends the named client's session, clears its cookie and no other", async (t) => {
  const { app, issuer } = edge();
  const cookie = `__Host-mintmark-admin=mmr_admin; ${COOKIE}`;
  const answer = await post(app, "/logout", "client_id=web", from(WEB, { cookie }));
  t.equal(answer.status, 204);
  t.same(setCookie(answer.headers), CLEARED);
  t.match(issuer.calls, [["logOut", { clientId: "web", sid: "of mmr_abc" }]]);
  const again = await post(app, "/logout", "client_id=web", from(WEB));
  t.equal(again.status, 204, "a tab that was logged out by another is logged out");
  t.same(setCookie(again.headers), CLEARED);
  t.equal(issuer.calls.length, 1);
});

t.test("logout by access token clears the cookie of that session, not of a newer one", async (t) => {
  const ofWeb = { clientId: "web", sid: "of mmr_abc", subjectKey: new Uint8Array(16) };
  const { app, issuer } = edge({ sessionOfAccessToken: () => ofWeb });
  const bearer = { authorization: "Bearer aaa.bbb.ccc" };
  const same = await injected(app, "POST", "/logout", { ...bearer, origin: WEB, cookie: COOKIE });
  t.same(setCookie(same.headers), CLEARED);
  const newer = await injected(app, "POST", "/logout", { ...bearer, origin: WEB, cookie: "__Host-mintmark-web=mmr_new" });
  t.equal(newer.status, 204);
  t.equal(setCookie(newer.headers), undefined);
  t.same(
    issuer.calls.map(([, session]) => (session as { sid: string }).sid),
    ["of mmr_abc", "of mmr_abc"],
  );
  const both = await post(app, "/logout", "client_id=web", { ...FORM, ...bearer, origin: WEB, cookie: "__Host-mintmark-web=mmr_new" });
  t.same(setCookie(both.headers), CLEARED);
  t.same(
    issuer.calls.slice(2).map(([, session]) => (session as { sid: string }).sid),
    ["of mmr_abc", "of mmr_new"],
    "asked for both",
  );
  t.equal((await injected(app, "POST", "/logout", bearer)).status, 403, "it could clear a cookie, so it comes from a page");
  t.equal((await post(app, "/logout", "client_id=admin", { ...FORM, ...bearer, origin: ADMIN })).status, 400, "one client per request");
  t.equal(issuer.calls.length, 4);
});

t.test("a logout that can't be done now keeps the cookie", async (t) => {
  const { app } = edge({ logOut: () => Promise.reject(new StoreError("unavailable", "down")) });
  const answer = await post(app, "/logout", "client_id=web", carried);
  t.equal(answer.status, 503);
  t.equal(answer.headers["set-cookie"], undefined);
});

t.test("a confidential cookie client proves itself to log out", async (t) => {
  const confidential = { ...POLICY.clients.get("web")!, type: "confidential" as const };
  const { app, issuer } = edge({ policy: { ...POLICY, clients: new Map([["web", confidential]]) } });
  const authorization = `Basic ${Buffer.from(`web:${encodeURIComponent(SECRET)}`).toString("base64")}`;
  const headers = { origin: WEB, cookie: COOKIE, authorization };
  t.equal((await post(app, "/logout", "", { ...FORM, ...headers })).status, 204);
  t.equal((await post(app, "/logout", "client_id=web", carried)).status, 401);
  t.equal(issuer.calls.length, 1);
});

t.test("a body client logs out with an access token, not by its name", async (t) => {
  const { app, issuer } = edge();
  t.equal((await post(app, "/logout", "client_id=spa", from(SPA))).status, 401);
  t.equal((await post(app, "/logout", "", from(WEB, { cookie: COOKIE }))).status, 401, "a cookie without a client id names nobody");
  t.same(issuer.calls, []);
});

t.test("logout by cookie does not fail for an access token that is over, nor for a form in another charset silently", async (t) => {
  const { app, issuer } = edge({ sessionOfAccessToken: () => refusal("invalid_token", "over") });
  const both = await post(app, "/logout", "client_id=web", { ...carried, authorization: "Bearer aaa.bbb.ccc" });
  t.equal(both.status, 204);
  t.same(setCookie(both.headers), CLEARED);
  t.match(issuer.calls, [["logOut", { sid: "of mmr_abc" }]]);
  const charset = { ...carried, "content-type": "application/x-www-form-urlencoded; charset=iso-8859-1" };
  t.equal((await post(app, "/logout", "client_id=web", charset)).status, 415);
});

t.test("what ends sessions and carries a cookie comes from a page of ours; a GET of the issuer's own origin says none", async (t) => {
  const { app, issuer } = edge();
  const bearer = { authorization: "Bearer aaa.bbb.ccc", cookie: COOKIE };
  for (const origin of [undefined, "https://evil.example.org"])
    t.equal((await injected(app, "DELETE", "/sessions", { ...bearer, ...(origin && { origin }) })).status, 403);
  t.same(issuer.calls, []);
  t.equal((await injected(app, "DELETE", "/sessions", { ...bearer, origin: WEB })).status, 204);
  t.equal((await injected(app, "GET", "/sessions", bearer)).status, 200);
});

t.test("CORS on /sessions is that of the access token's client", async (t) => {
  const read = async (clientId: string, origin: string) => {
    const { app } = edge({ authorizeSessions: async () => ({ sub: "alice", sid: "mine", clientId }) });
    const { headers } = await injected(app, "GET", "/sessions", { authorization: "Bearer aaa.bbb.ccc", origin });
    return [headers["access-control-allow-origin"], headers["access-control-allow-credentials"]];
  };
  t.same(await read("web", WEB), [WEB, "true"]);
  t.same(await read("spa", SPA), [SPA, undefined]);
  t.same(await read("spa", WEB), [undefined, undefined]);
});

const PAGE_ROUTES = ["/login", "/token", "/revoke", "/logout", "/sessions"] as const;

t.test("CORS echoes a client's origin on answers and errors alike", async (t) => {
  const { app } = edge();
  for (const url of PAGE_ROUTES) {
    const method = url === "/sessions" ? "GET" : "POST";
    for (const [origin, credentials] of [
      [SPA, undefined],
      [WEB, "true"],
    ] as const) {
      const { headers, status } = await injected(app, method, url, { origin });
      t.ok(status >= 400, `${url} ${status}`);
      t.equal(headers["access-control-allow-origin"], origin);
      t.equal(headers["access-control-allow-credentials"], credentials);
      t.equal(headers.vary, "Origin");
      t.equal(headers["access-control-expose-headers"], "Retry-After, X-Request-Id");
    }
    for (const origin of [undefined, "https://evil.example.org", "null"]) {
      const { headers } = await injected(app, method, url, origin === undefined ? {} : { origin });
      t.equal(headers["access-control-allow-origin"], undefined);
      t.equal(headers["access-control-allow-credentials"], undefined);
      t.equal(headers.vary, "Origin", "caches must know that it depends on it");
    }
  }
});

t.test("a wrong method is an error that a page can read as well", async (t) => {
  const { app } = edge();
  for (const url of PAGE_ROUTES) {
    const { status, headers } = await injected(app, "PUT", url, { origin: WEB });
    t.same([status, headers["access-control-allow-origin"], headers.vary], [405, WEB, "Origin"], url);
  }
  t.equal((await injected(app, "PUT", "/introspect", { origin: WEB })).headers["access-control-allow-origin"], undefined);
});

t.test("CORS is each client's own: nobody reads an answer to another's client", async (t) => {
  const { app } = edge();
  const body = "grant_type=refresh_token&refresh_token=mmr_abc&client_id=";
  const read = async (client: string, origin: string) => {
    const { headers } = await post(app, "/token", body + client, from(origin));
    return [headers["access-control-allow-origin"], headers["access-control-allow-credentials"]];
  };
  t.same(await read("spa", SPA), [SPA, undefined]);
  t.same(await read("spa", WEB), [undefined, undefined]);
  t.same(await read("app", SPA), [undefined, undefined]);
  const admin = await post(app, "/token", "grant_type=refresh_token&client_id=admin", from(WEB, { cookie: "__Host-mintmark-admin=x" }));
  t.equal(admin.headers["access-control-allow-credentials"], "true");
});

t.test("preflights are answered for the clients' origins", async (t) => {
  const { app, issuer } = edge();
  for (const [url, methods] of [
    ...PAGE_ROUTES.slice(0, 4).map((one) => [one, "POST"] as const),
    ["/sessions", "GET, DELETE"],
    ["/sessions/abc", "DELETE"],
  ] as const) {
    const asked = { "access-control-request-method": methods.split(", ")[0] ?? "", "access-control-request-headers": "content-type" };
    const { status, headers, body } = await injected(app, "OPTIONS", url, { origin: WEB, ...asked });
    t.equal(status, 204);
    t.equal(body, "");
    t.match(headers, {
      "access-control-allow-origin": WEB,
      "access-control-allow-credentials": "true",
      "access-control-allow-methods": methods,
      "access-control-allow-headers": "Content-Type, Authorization, Idempotency-Key",
    });
    t.match(headers.vary, /^Origin\b/);
    const evil = await injected(app, "OPTIONS", url, { origin: "https://evil.example.org", ...asked });
    t.same(
      Object.keys(evil.headers).filter((name) => name.startsWith("access-control-")),
      [],
    );
  }
  t.same(issuer.calls, []);
});
