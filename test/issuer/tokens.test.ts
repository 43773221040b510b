/** Tokens once they are out: resources and scopes, client credentials, revocation, introspection, logout, `/sessions`. */

import t from "tap";
import { KEYS } from "../../src/domain/documents.ts";
import { StoreError } from "../../src/domain/ports.ts";
import type { Introspection } from "../../src/issuer/index.ts";
import {
  API,
  claimsOf,
  client,
  DAY,
  given,
  headerOf,
  HOUR,
  ISSUER,
  MINUTE,
  type Node,
  policy,
  REPORTS,
  SECOND,
  SECRET,
  type SessionGrant,
  World,
} from "../support/issuer-world.ts";

const INVALID_GRANT = { refused: "invalid_grant" };

const AUDITOR = client("auditor", { type: "confidential", grants: ["client_credentials", "login", "refresh_token"], resources: [API] });
const POLICY = policy();
const WITH_AUDITOR = policy({}, [...POLICY.clients.values(), AUDITOR]);

async function worldWithSession(): Promise<{ world: World; node: Node; grant: SessionGrant; sub: string }> {
  const world = new World({ policy: WITH_AUDITOR });
  t.teardown(() => world.close());
  const node = await world.startedNode();
  const sub = await world.addUser("alice");
  const grant = await node.logIn("alice");
  node.link.forgetCalls();
  return { world, node, grant, sub };
}

async function introspect(node: Node, token: string, clientId = "auditor"): Promise<Introspection> {
  return given(await node.issuer.introspect({ client: node.client(clientId), token }));
}

const revoke = (node: Node, token: string, clientId = "app") => node.issuer.revoke({ client: node.client(clientId), token });

t.test("a refresh may ask for one of the session's resources, and for less of its scopes", async (t) => {
  const { world, node, grant } = await worldWithSession();
  const reports = await node.refresh(grant.refreshToken, { resource: REPORTS });
  t.match(claimsOf(reports.accessToken), { aud: REPORTS, scope: "read" });
  t.match(headerOf(reports.accessToken), { alg: "EdDSA" });
  const narrow = await node.refresh(reports.refreshToken, { scope: "read" });
  t.match(claimsOf(narrow.accessToken), { aud: API, scope: "read" });
  const own = await node.refresh(narrow.refreshToken, { resource: ISSUER });
  t.match(claimsOf(own.accessToken), { aud: ISSUER, scope: "sessions" });
  t.match(
    claimsOf((await node.refresh(own.refreshToken)).accessToken),
    { aud: API, scope: "read write" },
    "narrowing is for one access token",
  );
  await world.tick();
});

t.test("a session keeps the resources and scopes of its login", async (t) => {
  const { node } = await worldWithSession();
  const grant = await node.logIn("alice", { resources: [REPORTS] });
  t.match(claimsOf(grant.accessToken), { aud: REPORTS, scope: "read" });
  t.match(await node.tryRefresh(grant.refreshToken, { resource: API }), { refused: "invalid_target" });
  t.match(claimsOf((await node.refresh(grant.refreshToken, { resource: ISSUER })).accessToken), { scope: "sessions" });
  const readOnly = await node.logIn("alice", { scope: "read" });
  t.match(await node.tryRefresh(readOnly.refreshToken, { scope: "write" }), { refused: "invalid_scope" });
});

t.test("what the configuration takes from a client its living sessions don't get any more", async (t) => {
  const { world, node, grant } = await worldWithSession();
  const less = policy({}, [client("app", { resources: [API], scopes: ["read"] })]);
  const later = await world.startedNode({ policy: less });
  const next = await later.refresh(grant.refreshToken);
  t.equal(next.scope, "read");
  t.match(await later.tryRefresh(next.refreshToken, { resource: REPORTS }), { refused: "invalid_target" });
  t.ok(await node.refresh(next.refreshToken, { resource: REPORTS }), "with it given back they do");
});

t.test("client credentials give a token of the client's own and no session", async (t) => {
  const { world, node } = await worldWithSession();
  const service = given(await node.issuer.authenticateClient({ method: "post", clientId: "service", secret: SECRET }));
  const grant = given(await node.issuer.clientCredentials({ client: service }));
  t.same(Object.keys(grant).sort(), ["accessToken", "expiresInSeconds", "scope"]);
  const claims = claimsOf(grant.accessToken);
  t.match(claims, { sub: "service", client_id: "service", aud: API, scope: "read" });
  t.notOk("sid" in claims || "auth_time" in claims);
  t.match(await node.issuer.clientCredentials({ client: service, scope: "write" }), { refused: "invalid_scope" });
  t.match(await node.issuer.clientCredentials({ client: service, resource: REPORTS }), { refused: "invalid_target" });
  t.match(node.eventsOf("client_credentials"), [{ clientId: "service" }]);
  t.same(node.link.calls, [], "the store is not asked");
  await world.tick();
});

t.test("a client proves who it is with its own secret by its own method", async (t) => {
  const { node } = await worldWithSession();
  const ask = node.issuer.authenticateClient;
  t.match(ask({ method: "basic", clientId: "service", secret: SECRET }), { id: "service" });
  t.match(ask({ method: "none", clientId: "app" }), { id: "app" });
  const wrong = [
    { method: "post", clientId: "service", secret: `${SECRET} ` },
    { method: "none", clientId: "service" },
    { method: "post", clientId: "app", secret: "" },
    { method: "post", clientId: "nobody", secret: SECRET },
    { method: "post", clientId: "auditor", secret: "" },
    { method: "none", clientId: "nobody" },
  ] as const;
  for (const credentials of wrong) t.match(ask(credentials), { refused: "invalid_client" });
});

t.test("revoking any refresh token or the access token of a session ends it", async (t) => {
  const { node, grant } = await worldWithSession();
  const second = await node.refresh(grant.refreshToken);
  t.same(await revoke(node, grant.refreshToken), { done: true }, "an old one");
  t.match(await node.tryRefresh(second.refreshToken), INVALID_GRANT);
  const another = await node.logIn("alice");
  t.same(await revoke(node, another.accessToken), { done: true });
  t.match(await node.tryRefresh(another.refreshToken), INVALID_GRANT);
  t.match(node.eventsOf("sessions_ended"), [
    { reason: "revoked", sids: [grant.sid] },
    { reason: "revoked", sids: [another.sid] },
  ]);
});

t.test("what a node with a faster clock has just issued is known to the slower ones", async (t) => {
  const { world, node } = await worldWithSession();
  const fast = await world.startedNode();
  fast.clockOffset = 9 * SECOND;
  await world.tick();
  const [first, second] = [await fast.logIn("alice"), await fast.logIn("alice")];
  const own = await fast.refresh(second.refreshToken, { resource: ISSUER });
  t.match(await introspect(node, first.accessToken), { active: true });
  t.same(await revoke(node, first.accessToken), { done: true });
  t.match(await fast.tryRefresh(first.refreshToken), INVALID_GRANT, "the revocation was no empty word");
  t.match(await node.issuer.authorizeSessions(own.accessToken), { sid: second.sid });
  t.same(await node.logOut(own.accessToken), { done: true });
  t.match(await fast.tryRefresh(own.refreshToken), INVALID_GRANT);
});

t.test("an end is logged first, then marked, then acknowledged", async (t) => {
  const { node, grant, world, sub } = await worldWithSession();
  await revoke(node, grant.refreshToken);
  t.same(
    node.link.executed.filter(({ op }) => op !== "get").map(({ op, key }) => `${op} ${key.slice(0, 1)}`),
    ["append e", "compareAndSet s"],
  );
  t.match((await world.subject(sub))?.marks, [{ sid: grant.sid, reason: "revoked" }]);
});

t.test("a revocation that was not logged or not marked is not acknowledged, and its repeat is", async (t) => {
  for (const kind of ["unavailable", "lost", "done"] as const) {
    for (const [op, prefix] of [
      ["append", "ends"],
      ["compareAndSet", KEYS.subjectPrefix],
    ] as const) {
      const { node, grant } = await worldWithSession();
      node.link.failNext(op, prefix, kind);
      await t.rejects(revoke(node, grant.refreshToken), StoreError, `${op} ${kind}`);
      t.same(await revoke(node, grant.refreshToken), { done: true });
      t.match(await node.tryRefresh(grant.refreshToken), INVALID_GRANT);
    }
  }
});

t.test("a repeated revocation writes and waits again", async (t) => {
  const { node, grant } = await worldWithSession();
  await revoke(node, grant.refreshToken);
  node.link.forgetCalls();
  t.same(await revoke(node, grant.refreshToken), { done: true });
  t.same(
    node.link.executed.filter(({ op }) => op !== "get").map(({ op }) => op),
    ["append", "compareAndSet"],
  );
  node.link.failNext("append", "ends", "unavailable");
  await t.rejects(revoke(node, grant.refreshToken), StoreError);
});

t.test("a session that is over stays over, whatever happens to its document", async (t) => {
  const { world, node, grant } = await worldWithSession();
  await revoke(node, grant.refreshToken);
  await node.logIn("alice");
  await world.advance(HOUR);
  await node.logIn("alice");
  t.match(await node.tryRefresh(grant.refreshToken), INVALID_GRANT, "after its mark was pruned too");
});

t.test("another client's token is not revoked for it", async (t) => {
  const { node, grant } = await worldWithSession();
  t.match(await revoke(node, grant.refreshToken, "other"), INVALID_GRANT);
  t.match(await revoke(node, grant.accessToken, "other"), INVALID_GRANT);
  t.ok(await node.refresh(grant.refreshToken));
});

t.test("an access token without a session can't be revoked, and what is no token needs no revocation", async (t) => {
  const { node } = await worldWithSession();
  const own = given(await node.issuer.clientCredentials({ client: node.client("service") }));
  t.match(await revoke(node, own.accessToken, "service"), { refused: "unsupported_token_type" });
  t.same(await revoke(node, "mmr_not-a-token"), { done: true });
  t.same(node.link.calls, []);
});

t.test("introspection of an access token says its claims while the session lives", async (t) => {
  const { node, grant, sub } = await worldWithSession();
  t.match(await introspect(node, grant.accessToken), {
    active: true,
    token_type: "Bearer",
    iss: ISSUER,
    sub,
    aud: API,
    client_id: "app",
    sid: grant.sid,
    scope: "read write",
  });
  await revoke(node, grant.refreshToken);
  t.same(await introspect(node, grant.accessToken), { active: false });
});

t.test("a client's own refresh token is active while it is the current one of a living session", async (t) => {
  const { node, world } = await worldWithSession();
  const grant = await node.logIn("alice", { clientId: "auditor" });
  const now = Math.floor(world.now / 1_000);
  t.match(await introspect(node, grant.refreshToken), {
    active: true,
    client_id: "auditor",
    sid: grant.sid,
    iat: now,
    exp: now + 30 * 86_400,
  });
  const next = await node.refresh(grant.refreshToken, { clientId: "auditor" });
  t.same(await introspect(node, grant.refreshToken), { active: false });
  t.match(await introspect(node, next.refreshToken), { active: true });
});

t.test("everything else is exactly { active: false }", async (t) => {
  const { world, node, grant } = await worldWithSession();
  const operator = await world.operator();
  const inactive = { active: false };
  t.same(await introspect(node, "garbage"), inactive, "no token");
  t.same(await introspect(node, grant.refreshToken), inactive, "another client's refresh token");
  t.same(await introspect(node, grant.accessToken.replace(/.$/, "")), inactive, "a signature that is cut");
  const reports = await node.refresh(grant.refreshToken, { resource: REPORTS });
  t.same(await introspect(node, reports.accessToken), inactive, "an audience that is not the caller's");
  const over = await node.logIn("alice", { clientId: "auditor" });
  await node.logOut(over.accessToken);
  t.same(await introspect(node, over.refreshToken), inactive, "a session that is over");
  const ownToken = given(await node.issuer.clientCredentials({ client: node.client("service") })).accessToken;
  t.match(await introspect(node, ownToken), { active: true }, "a token without a session is good until it expires");
  const beforeRevocation = await node.logIn("alice");
  const [active] = (await operator.listKeys(false)).filter(({ alg, state }) => alg === "ES256" && state === "active");
  await world.advance(SECOND);
  await operator.revokeKeys([active?.kid ?? ""], "stolen", true);
  t.same(await introspect(node, beforeRevocation.accessToken), inactive, "a token under a revoked key");
  t.same(await introspect(node, ownToken), inactive, "with or without a session");
  const late = await node.logIn("alice");
  await world.advance(10 * MINUTE);
  t.same(await introspect(node, late.accessToken), inactive, "an expired one");
});

t.test("absence proves nothing in a store that was emptied", async (t) => {
  const { world, node, grant } = await worldWithSession();
  const own = await node.refresh(grant.refreshToken, { resource: ISSUER });
  await world.goBackTo(new Map());
  await t.rejects(introspect(node, grant.accessToken), { name: "UnavailableError" });
  await t.rejects(node.issuer.authorizeSessions(own.accessToken), { name: "UnavailableError" });
});

t.test("an access token logs its session out, once or twice", async (t) => {
  const { node, grant } = await worldWithSession();
  t.same(await node.logOut(grant.accessToken), { done: true });
  t.same(await node.logOut(grant.accessToken), { done: true });
  t.match(await node.tryRefresh(grant.refreshToken), INVALID_GRANT);
  t.match(await node.logOut(grant.refreshToken), { refused: "invalid_token" });
  const own = given(await node.issuer.clientCredentials({ client: node.client("service") }));
  t.match(await node.logOut(own.accessToken), { refused: "invalid_token" });
});

t.test("a logout that the store did not take is an error", async (t) => {
  const { node, grant } = await worldWithSession();
  node.link.failNext("append", "ends", "lost");
  await t.rejects(node.logOut(grant.accessToken), StoreError);
  t.ok(await node.refresh(grant.refreshToken));
});

t.test("a subject lists its sessions and ends one or all of them", async (t) => {
  const { world, node, grant, sub } = await worldWithSession();
  await world.advance(SECOND);
  const tablet = await node.logIn("alice", { clientId: "other" });
  const current = await node.refresh(grant.refreshToken, { resource: ISSUER });
  const owner = given(await node.issuer.authorizeSessions(current.accessToken));
  t.same(owner, { sub, sid: grant.sid, clientId: "app" });
  const listed = await node.issuer.listSessions(owner);
  t.match(listed, [
    {
      sid: grant.sid,
      clientId: "app",
      createdAt: world.now - SECOND,
      lastUsedAt: world.now,
      expiresAt: world.now + 30 * DAY,
      scope: "read write sessions",
    },
    { sid: tablet.sid, clientId: "other", lastUsedAt: world.now },
  ]);
  t.equal(await node.issuer.endSession(owner, "AAAAAAAAAAAAAAAAAAAAAA"), false);
  t.equal(await node.issuer.endSession(owner, tablet.sid), true);
  t.match(await node.tryRefresh(tablet.refreshToken, { clientId: "other" }), INVALID_GRANT);
  t.match(await node.issuer.listSessions(owner), [{ sid: grant.sid }]);

  const phone = await node.logIn("alice");
  await node.issuer.endSessions(owner, "current");
  t.match(await node.tryRefresh(phone.refreshToken), INVALID_GRANT);
  const still = await node.refresh(current.refreshToken);
  await node.issuer.endSessions(owner, "none");
  t.match(await node.tryRefresh(still.refreshToken), INVALID_GRANT);
  t.match(await node.issuer.authorizeSessions(current.accessToken), { refused: "invalid_token" }, "its own token too");
});

t.test("one subject neither sees nor ends another's sessions", async (t) => {
  const { world, node, grant } = await worldWithSession();
  const sub = await world.addUser("mallory");
  const own = await node.logIn("mallory");
  const owner = { sub, sid: own.sid };
  t.match(await node.issuer.listSessions(owner), [{ sid: own.sid }]);
  t.equal(await node.issuer.endSession(owner, grant.sid), false);
  t.ok(await node.refresh(grant.refreshToken));
});

t.test("/sessions is open to an access token of the issuer's own resource with its scope only", async (t) => {
  const { node, grant } = await worldWithSession();
  t.match(await node.issuer.authorizeSessions(grant.accessToken), { refused: "invalid_token" }, "it is for the API");
  t.match(await node.issuer.authorizeSessions("garbage"), { refused: "invalid_token" });
  t.match(await node.issuer.authorizeSessions(grant.refreshToken), { refused: "invalid_token" });
});
