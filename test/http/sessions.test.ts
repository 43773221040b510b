import t from "tap";
import { refusal } from "../../src/domain/refusal.ts";
import { edge, errorOf, injected } from "./support.ts";

const BEARER = { authorization: "Bearer aaa.bbb.ccc" };
const ROUTES = [
  ["POST", "/logout"],
  ["GET", "/sessions"],
  ["DELETE", "/sessions"],
  ["DELETE", "/sessions/other-session"],
] as const;

t.test("logout hands over the access token and answers 204", async (t) => {
  const { app, issuer } = edge();
  const answer = await injected(app, "POST", "/logout", BEARER);
  t.equal(answer.status, 204);
  t.equal(answer.body, "");
  t.equal(answer.headers["cache-control"], "no-store");
  t.match(issuer.calls, [["logOut", { clientId: "app", sid: "of aaa.bbb.ccc" }]]);
  t.equal(issuer.calls.length, 1);
});

t.test("the list has INTERFACE's members, times in seconds", async (t) => {
  const listing = {
    clientId: "app",
    createdAt: 1_700_000_000_999,
    lastUsedAt: 1_700_000_001_000,
    expiresAt: 1_702_592_000_000,
    scope: "read sessions",
    userAgent: "Firefox",
  };
  const { app } = edge({
    listSessions: async () => [
      { ...listing, sid: "mine" },
      { ...listing, sid: "theirs" },
    ],
  });
  const answer = await injected(app, "GET", "/sessions", BEARER);
  t.equal(answer.status, 200);
  const common = {
    client_id: "app",
    created_at: 1_700_000_000,
    last_used_at: 1_700_000_001,
    expires_at: 1_702_592_000,
    scope: "read sessions",
    user_agent: "Firefox",
  };
  t.same(JSON.parse(answer.body), {
    sessions: [
      { sid: "mine", ...common, current: true },
      { sid: "theirs", ...common, current: false },
    ],
  });
  const head = await injected(app, "HEAD", "/sessions", BEARER);
  t.equal(head.status, 200);
  t.equal(head.body, "");
});

t.test("one session is ended, or it is not there", async (t) => {
  const { app, issuer } = edge();
  t.equal((await injected(app, "DELETE", "/sessions/other-session", BEARER)).status, 204);
  t.same(issuer.calls.at(-1), ["endSession", { sub: "alice", sid: "mine", clientId: "app" }, "other-session"]);
  const missing = await injected(app, "DELETE", "/sessions/nope", BEARER);
  t.equal(missing.status, 404);
  t.equal(errorOf(missing), "not_found");
});

t.test("all sessions are ended, or all but the current one; a wrong word ends none", async (t) => {
  const { app, issuer } = edge();
  t.equal((await injected(app, "DELETE", "/sessions", BEARER)).status, 204);
  t.same(issuer.calls.at(-1), ["endSessions", { sub: "alice", sid: "mine", clientId: "app" }, "none"]);
  t.equal((await injected(app, "DELETE", "/sessions?except=current", BEARER)).status, 204);
  t.same(issuer.calls.at(-1), ["endSessions", { sub: "alice", sid: "mine", clientId: "app" }, "current"]);
  const ended = (): number => issuer.calls.filter(([name]) => name === "endSessions").length;
  for (const query of [
    "except=",
    "except=Current",
    "except=mine",
    "except=current&except=current",
    "exept=current",
    "except=current&x=1",
  ]) {
    const answer = await injected(app, "DELETE", `/sessions?${query}`, BEARER);
    t.equal(answer.status, 400, query);
    t.equal(errorOf(answer), "invalid_request", query);
  }
  t.equal(ended(), 2);
});

t.test("without credentials the challenge names no error; with bad ones it does (RFC 6750 §3)", async (t) => {
  const { app, issuer } = edge();
  for (const [method, url] of ROUTES) {
    const without = await injected(app, method, url);
    t.equal(without.status, 401, `${method} ${url}`);
    t.equal(errorOf(without), "invalid_token");
    t.equal(without.headers["www-authenticate"], 'Bearer realm="mintmark"');
    for (const authorization of ["Basic YTpi", "Bearer", "Bearer a b", 'Bearer "a"', "aaa.bbb.ccc"]) {
      const bad = await injected(app, method, url, { authorization });
      t.equal(bad.status, 401, authorization);
      t.match(bad.headers["www-authenticate"], /^Bearer realm="mintmark", error="invalid_token", error_description="[^"]+"$/);
    }
    const inUrl = await injected(app, method, `${url}?access_token=aaa.bbb.ccc`);
    t.equal(inUrl.status, 400);
  }
  t.same(issuer.calls, []);
});

t.test("an access token without the scope is 403 insufficient_scope", async (t) => {
  const { app, issuer } = edge({
    authorizeSessions: async () => refusal("insufficient_scope", "the scope sessions is needed"),
    sessionOfAccessToken: () => refusal("invalid_token", "the session is over"),
  });
  for (const [method, url] of ROUTES.slice(1)) {
    const answer = await injected(app, method, url, BEARER);
    t.equal(answer.status, 403);
    t.equal(errorOf(answer), "insufficient_scope");
    t.match(answer.headers["www-authenticate"], /error="insufficient_scope"/);
  }
  t.same(new Set(issuer.calls.map(([name]) => name)), new Set(["authorizeSessions"]));
  t.equal((await injected(app, "POST", "/logout", BEARER)).status, 401);
});
