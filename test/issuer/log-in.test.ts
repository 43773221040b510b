/** The built-in login. */

import t from "tap";
import { KEYS } from "../../src/domain/documents.ts";
import { QueueFullError, StoreError } from "../../src/domain/ports.ts";
import { API, claimsOf, client, headerOf, ISSUER, MINUTE, policy, REPORTS, SECOND, type Node, World } from "../support/issuer-world.ts";

const WRONG = { refused: "invalid_credentials", description: "user name or password is wrong" };

async function worldWithUser(
  options: ConstructorParameters<typeof World>[0] = {},
  claims?: Record<string, unknown>,
): Promise<{ world: World; node: Node; sub: string }> {
  const world = new World(options);
  t.teardown(() => world.close());
  const node = await world.startedNode();
  const sub = await world.addUser("alice", claims === undefined ? {} : { claims });
  node.link.forgetCalls();
  return { world, node, sub };
}

t.test("a login begins a session with all resources of the client and the account's claims", async (t) => {
  const { world, node, sub } = await worldWithUser({}, { plan: "gold" });
  const grant = await node.logIn("alice", { userAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" });
  t.match(grant, { scope: "read write", expiresInSeconds: 600, refreshTokenExpiresInSeconds: 30 * 86_400 });
  const now = Math.floor(world.now / 1_000);
  t.match(claimsOf(grant.accessToken), {
    iss: ISSUER,
    sub,
    aud: API,
    client_id: "app",
    iat: now,
    exp: now + 600,
    scope: "read write",
    sid: grant.sid,
    auth_time: now,
    plan: "gold",
  });
  t.match(headerOf(grant.accessToken), { alg: "ES256", typ: "at+jwt" });
  const document = await world.subject(sub);
  t.match(document?.sessions, [
    { sid: grant.sid, clientId: "app", generation: 1, resources: [{ id: API }, { id: REPORTS }, { id: ISSUER, scopes: ["sessions"] }] },
  ]);
  t.match(node.eventsOf("login"), [{ outcome: "granted", sub, sid: grant.sid, address: "192.0.2.1" }]);
});

t.test("a name typed in another Unicode form is the same name", async (t) => {
  const { world, node } = await worldWithUser();
  const sub = await world.addUser("jos\u00e9");
  t.equal(claimsOf((await node.logIn("jose\u0301")).accessToken)["sub"], sub);
});

t.test("what a client may not have is refused before any password is looked at", async (t) => {
  const { world, node } = await worldWithUser();
  t.match(await node.tryLogIn("alice", { clientId: "service" }), { refused: "unauthorized_client" });
  t.match(await node.tryLogIn("alice", { resources: ["https://elsewhere.example.com"] }), { refused: "invalid_target" });
  t.match(await node.tryLogIn("alice", { scope: "everything" }), { refused: "invalid_scope" });
  t.match(await node.tryLogIn("alice", { scope: "read  write" }), { refused: "invalid_scope" });
  t.same(world.passwords.verified, []);
  t.same(node.link.calls, []);
  t.match(node.eventsOf("login"), [{ outcome: "refused" }, { outcome: "refused" }, { outcome: "refused" }, { outcome: "refused" }]);
});

t.test("unknown user, wrong password and disabled account get the same answer for the same work", async (t) => {
  const { world, node } = await worldWithUser();
  await world.addUser("bob");
  await (await world.operator()).disableAccount("bob");
  const work: string[][] = [];
  for (const attempt of [{ name: "nobody" }, { name: "alice", password: "not the password of alice" }, { name: "bob" }]) {
    node.link.forgetCalls();
    world.passwords.verified = [];
    const { name, ...rest } = attempt;
    t.same(await node.tryLogIn(name, rest), WRONG);
    await node.idle();
    t.equal(world.passwords.verified.length, 1, "one verification each");
    work.push(node.link.calls.map(({ op, key }) => `${op} ${key.slice(0, 1)}`));
  }
  t.same(work[1], work[0], "a wrong password costs what an unknown user costs");
  t.same(work[2], work[0], "so does a disabled account");
});

t.test("where the password hasher has no room the login is to be tried later and is no failure", async (t) => {
  const { world, node } = await worldWithUser();
  world.passwords.afterVerify = async () => {
    throw new QueueFullError("full");
  };
  t.match(await node.tryLogIn("alice"), { refused: "temporarily_unavailable", retryAfterSeconds: 5 });
  await node.idle();
  t.notOk(
    node.link.calls.some(({ op }) => op === "compareAndSet"),
    "nothing was counted",
  );
  t.match(node.eventsOf("login"), [{ outcome: "unavailable" }]);
});

t.test("one session too many: the one idle longest gives way, with an audit event", async (t) => {
  const { world, node, sub } = await worldWithUser({ policy: policy({ maxSessionsPerSubjectAndClient: 3 }) });
  const grants = [];
  for (let device = 0; device < 3; device += 1) {
    grants.push(await node.logIn("alice"));
    await world.advance(SECOND);
  }
  const elsewhere = await node.logIn("alice", { clientId: "other" });
  const [oldest, second, third] = grants;
  const used = await node.refresh(oldest!.refreshToken);
  await world.advance(SECOND);
  const fourth = await node.logIn("alice");
  t.match(node.eventsOf("sessions_ended"), [{ reason: "too_many", sub, sids: [second!.sid] }]);
  t.match(await node.tryRefresh(second!.refreshToken), { refused: "invalid_grant" });
  for (const alive of [used, third!, fourth]) t.ok(await node.refresh(alive.refreshToken));
  t.ok(await node.refresh(elsewhere.refreshToken, { clientId: "other" }), "another client's sessions don't count");
});

t.test("a login that loses its swap tries again, without hashing again", async (t) => {
  const { world, node, sub } = await worldWithUser();
  const other = await world.startedNode();
  node.link.beforeNext("compareAndSet", KEYS.subjectPrefix, async () => void (await other.logIn("alice")));
  world.passwords.verified = [];
  t.ok(await node.logIn("alice"));
  t.equal(world.passwords.verified.length, 2, "one for each login");
  t.equal((await world.subject(sub))?.sessions.length, 2);
});

const changes = {
  "its password was changed": async (world: World) => (await world.operator()).changePassword("alice", "another long password"),
  "it was disabled": async (world: World) => (await world.operator()).disableAccount("alice"),
  "it was removed": async (world: World) => (await world.operator()).removeAccount("alice"),
};

for (const [name, change] of Object.entries(changes)) {
  for (const place of ["before the password is verified", "while the password is verified", "before the session is stored"] as const) {
    t.test(`a login of an account begins no session when ${name} ${place}`, async (t) => {
      const { world, node, sub } = await worldWithUser();
      const interfere = async (): Promise<void> => void (await change(world));
      if (place === "while the password is verified") world.passwords.afterVerify = interfere;
      else if (place === "before the session is stored") node.link.beforeNext("compareAndSet", KEYS.subjectPrefix, interfere);
      else node.link.beforeNext("get", KEYS.subjectPrefix, interfere);
      t.same(await node.tryLogIn("alice"), WRONG);
      t.same((await world.subject(sub))?.sessions ?? [], []);
    });
  }
}

t.test("a session begun right before its password was changed is over", async (t) => {
  const { world, node } = await worldWithUser();
  const grant = await node.logIn("alice");
  await (await world.operator()).changePassword("alice", "another long password");
  t.match(await node.tryRefresh(grant.refreshToken), { refused: "invalid_grant" });
  t.ok(await node.logIn("alice", { password: "another long password" }), "in the same millisecond");
});

t.test("a login after everything was ended by a faster clock is not covered by that end", async (t) => {
  const { world, node } = await worldWithUser();
  const fast = await world.startedNode();
  fast.clockOffset = 9 * SECOND;
  const before = await node.logIn("alice");
  await fast.issuer.endSessions({ sub: claimsOf(before.accessToken)["sub"] as string, sid: before.sid }, "none");
  const after = await node.logIn("alice");
  t.match(await node.tryRefresh(before.refreshToken), { refused: "invalid_grant" });
  t.ok(await node.refresh(after.refreshToken));
});

t.test("a store that did not confirm gives no tokens", async (t) => {
  const { node } = await worldWithUser();
  node.link.failNext("compareAndSet", KEYS.subjectPrefix, "done");
  await t.rejects(node.tryLogIn("alice"), StoreError);
  node.link.failNext("get", KEYS.accountPrefix, "unavailable");
  await t.rejects(node.tryLogIn("alice"), StoreError);
});

t.test("a client without refresh tokens gets a session and no refresh token", async (t) => {
  const { node } = await worldWithUser({ policy: policy({}, [client("app", { grants: ["login"] })]) });
  const grant = await node.tryLogIn("alice");
  t.match(grant, { accessToken: String, sid: String });
  t.notOk("refreshToken" in grant);
});

t.test("a login is confirmed by the store before it is answered", async (t) => {
  const { world, node } = await worldWithUser();
  const confirmed: boolean[] = [];
  const { compareAndSet } = node.link.store;
  Object.assign(node.link.store, {
    compareAndSet: (...args: Parameters<typeof compareAndSet>) => {
      if (args[0].startsWith(KEYS.subjectPrefix)) confirmed.push(args[3].confirmed);
      return compareAndSet(...args);
    },
  });
  const grant = await node.logIn("alice");
  await node.refresh(grant.refreshToken);
  await node.issuer.revoke({ client: node.client("app"), token: grant.refreshToken });
  t.same(confirmed, [true, false, true], "login and end are, a rotation need not be");
  await world.tick();
});

t.test("too many failures of an account from an address are refused until their minute is over", async (t) => {
  const { world, node } = await worldWithUser({
    policy: policy({ login: { enabled: true, minPasswordLength: 15, failuresPerMinute: 3, failuresPerMinutePerAddress: 5 } }),
  });
  const other = await world.startedNode();
  for (let attempt = 0; attempt < 3; attempt += 1) t.same(await node.tryLogIn("alice", { password: "wrong" }), WRONG);
  await node.idle();
  world.passwords.verified = [];
  t.match(await node.tryLogIn("alice"), { refused: "slow_down", retryAfterSeconds: 60 });
  t.match(await other.tryLogIn("alice"), { refused: "slow_down" }, "on every node");
  t.same(world.passwords.verified, [], "without any work");
  t.ok(await other.tryLogIn("alice", { address: "192.0.2.2" }), "not from another address");
  await world.advance(MINUTE);
  t.ok(await node.logIn("alice"));
});

t.test("failures of many accounts from one address count together; a success clears its own account only", async (t) => {
  const { world, node } = await worldWithUser({
    policy: policy({ login: { enabled: true, minPasswordLength: 15, failuresPerMinute: 3, failuresPerMinutePerAddress: 5 } }),
  });
  for (const name of ["alice", "alice"]) await node.tryLogIn(name, { password: "wrong" });
  await node.logIn("alice");
  await node.idle();
  for (const name of ["alice", "alice"]) t.same(await node.tryLogIn(name, { password: "wrong" }), WRONG, "the account's count began anew");
  t.same(await node.tryLogIn("nobody", { password: "wrong" }), WRONG);
  await node.idle();
  t.match(await node.tryLogIn("alice"), { refused: "slow_down" }, "five from this address");
  t.ok(await node.logIn("alice", { address: "192.0.2.9" }));
  await world.tick();
});

t.test("a burst of guesses is counted one by one", async (t) => {
  const { node } = await worldWithUser({
    policy: policy({ login: { enabled: true, minPasswordLength: 15, failuresPerMinute: 4, failuresPerMinutePerAddress: 100 } }),
  });
  const answers = await Promise.all(Array.from({ length: 20 }, () => node.tryLogIn("alice", { password: "wrong" })));
  const refused = answers.map((answer) => ("refused" in answer ? answer.refused : "granted"));
  t.equal(refused.filter((word) => word === "invalid_credentials").length, 4);
  t.equal(refused.filter((word) => word === "slow_down").length, 16);
});
