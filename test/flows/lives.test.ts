/** Whole lives of sessions over HTTP: from the login to the end, by every way there is. */

import t, { type Test } from "tap";
import { bearer, isActive, logIn, mustLogIn, mustRefresh, ownerToken, partOf, form, refresh, tokensOf } from "../support/client-calls.ts";
import { membersOf, outcomeOf } from "../support/http-call.ts";
import { API, ED_API } from "../support/issuer-process.ts";
import type { RunningIssuer } from "../support/issuer-process.ts";
import { pause } from "../support/wait.ts";
import { onBothStores } from "./stores.ts";

// Of the whole file, on a machine that is slow and busy.
t.setTimeout(600_000);

const PASSWORD = "the password of a whole life";
const NEW_PASSWORD = "the password of another life";
const KEY = "an-idempotency-key-0001";

/** Short windows, so that a test can wait until they are over. */
const STRICT = { clockSkew: "0s", refreshToken: { retryWindow: "5s" } } as const;
const LATE_MILLIS = 5_300;

interface Listed {
  readonly sid: string;
  readonly current: boolean;
  readonly [name: string]: unknown;
}

async function listed(issuer: RunningIssuer, token: string): Promise<readonly Listed[]> {
  const answer = await issuer.send("/sessions", { headers: bearer(token) });
  if (answer.status !== 200) throw new Error(outcomeOf(answer));
  return membersOf(answer)["sessions"] as readonly Listed[];
}

onBothStores("a session lives from the login to the logout", { settings: STRICT }, async (t, home) => {
  const issuer = await home.start();
  await home.addUser("lena", PASSWORD, "--claims", '{"department":"research"}');

  const granted = await logIn(issuer, "lena", PASSWORD);
  const first = tokensOf(granted);
  t.match(membersOf(granted), { token_type: "Bearer", expires_in: 600, scope: "read write", refresh_token: /^mmr_[\w-]{84}$/ });
  t.equal(granted.headers["cache-control"], "no-store");
  t.match(partOf(first.accessToken, 1), { sub: "sub-lena", aud: API, sid: first.sid, department: "research", iss: home.issuer });
  t.equal(await isActive(issuer, first.accessToken), true, "its token can be used");

  const second = await mustRefresh(issuer, first.refreshToken);
  t.equal(second.sid, first.sid);
  t.not(second.refreshToken, first.refreshToken);
  t.equal((await mustRefresh(issuer, first.refreshToken)).refreshToken, second.refreshToken, "a lost response is asked for again");

  const keyed = { "idempotency-key": KEY };
  const third = tokensOf(await refresh(issuer, second.refreshToken, {}, keyed));
  await pause(LATE_MILLIS);
  t.equal(tokensOf(await refresh(issuer, second.refreshToken, {}, keyed)).refreshToken, third.refreshToken, "late, with its key");

  const fourth = await mustRefresh(issuer, third.refreshToken);
  t.equal((await issuer.send("/logout", { method: "POST", headers: bearer(fourth.accessToken) })).status, 204);
  for (const token of [first.accessToken, fourth.accessToken, fourth.refreshToken]) t.equal(await isActive(issuer, token), false);
  t.equal(outcomeOf(await refresh(issuer, fourth.refreshToken)), "400 invalid_grant");
  t.equal(await issuer.stop(), 0);
});

onBothStores("a thief outside the window ends the session and no other", { settings: STRICT }, async (t, home) => {
  const issuer = await home.start();
  await home.addUser("theo", PASSWORD);
  const robbed = await mustLogIn(issuer, "theo", PASSWORD);
  const untouched = await mustLogIn(issuer, "theo", PASSWORD);
  const owned = await mustRefresh(issuer, robbed.refreshToken);
  await pause(LATE_MILLIS);
  t.equal(outcomeOf(await refresh(issuer, robbed.refreshToken)), "400 invalid_grant");
  t.equal(outcomeOf(await refresh(issuer, owned.refreshToken)), "400 invalid_grant", "the thief and the owner are both out");
  t.equal(await isActive(issuer, owned.accessToken), false);
  t.equal((await refresh(issuer, untouched.refreshToken)).status, 200);
  t.match(issuer.stdout(), new RegExp(`"event":"refresh","outcome":"replayed"[^\\n]*"sid":"${robbed.sid}"`), "it is in the log");
});

onBothStores("a revoked refresh or access token ends its session", {}, async (t, home) => {
  const issuer = await home.start();
  await home.addUser("rita", PASSWORD);
  for (const name of ["accessToken", "refreshToken"] as const) {
    const tokens = await mustLogIn(issuer, "rita", PASSWORD);
    const foreign = await form(issuer, "/revoke", { token: tokens[name], client_id: "other" });
    t.equal(outcomeOf(foreign), "400 invalid_grant");
    t.equal(await isActive(issuer, tokens.accessToken), true, "another client's revoke changes nothing");
    for (const _ of ["once", "again"]) t.equal((await form(issuer, "/revoke", { token: tokens[name], client_id: "app" })).status, 200);
    t.equal(await isActive(issuer, tokens.accessToken), false);
    t.equal(outcomeOf(await refresh(issuer, tokens.refreshToken)), "400 invalid_grant");
  }
});

onBothStores("a subject sees its sessions and ends one, the others, all", {}, async (t, home) => {
  const issuer = await home.start();
  await home.addUser("sara", PASSWORD);
  await home.addUser("boris", PASSWORD);
  const stranger = await mustLogIn(issuer, "boris", PASSWORD);
  const [one, two, three] = [
    await mustLogIn(issuer, "sara", PASSWORD),
    await mustLogIn(issuer, "sara", PASSWORD),
    await mustLogIn(issuer, "sara", PASSWORD),
  ];
  const owner = await ownerToken(issuer, three.refreshToken);
  t.equal(owner.scope, "sessions");

  const all = await listed(issuer, owner.accessToken);
  t.same(
    all.map(({ sid, current }) => [sid, current]).sort(),
    [
      [one.sid, false],
      [two.sid, false],
      [three.sid, true],
    ].sort(),
  );
  t.same(Object.keys(all[0] ?? {}).sort(), [
    "client_id",
    "created_at",
    "current",
    "expires_at",
    "last_used_at",
    "scope",
    "sid",
    "user_agent",
  ]);

  const end = (path: string) => issuer.send(path, { method: "DELETE", headers: bearer(owner.accessToken) });
  t.equal((await end(`/sessions/${stranger.sid}`)).status, 404, "nobody ends a stranger's session");
  t.equal((await end(`/sessions/${one.sid}`)).status, 204);
  t.equal(outcomeOf(await refresh(issuer, one.refreshToken)), "400 invalid_grant");
  t.equal((await end("/sessions?except=current")).status, 204);
  t.same(
    (await listed(issuer, owner.accessToken)).map(({ sid }) => sid),
    [three.sid],
  );
  t.equal(outcomeOf(await refresh(issuer, two.refreshToken)), "400 invalid_grant");
  t.equal((await end("/sessions")).status, 204);
  t.equal((await issuer.send("/sessions", { headers: bearer(owner.accessToken) })).status, 401, "the token died with its session");
  t.equal(outcomeOf(await refresh(issuer, owner.refreshToken)), "400 invalid_grant");
  t.equal((await logIn(issuer, "sara", PASSWORD)).status, 200, "a new login stands");
  t.equal((await refresh(issuer, stranger.refreshToken)).status, 200);

  const wrongAudience = await issuer.send("/sessions", { headers: bearer(stranger.accessToken) });
  t.equal(outcomeOf(wrongAudience), "401 invalid_token");
});

async function isOver(t: Test, issuer: RunningIssuer, tokens: { accessToken: string; refreshToken: string }): Promise<void> {
  t.equal(await isActive(issuer, tokens.accessToken), false);
  t.equal(outcomeOf(await refresh(issuer, tokens.refreshToken)), "400 invalid_grant");
}

onBothStores("the command line changes a password and disables an account, and each ends all sessions", {}, async (t, home) => {
  const issuer = await home.start();
  await home.addUser("petra", PASSWORD);
  const before = await mustLogIn(issuer, "petra", PASSWORD);
  await home.changePassword("petra", NEW_PASSWORD);
  await isOver(t, issuer, before);
  t.equal(outcomeOf(await logIn(issuer, "petra", PASSWORD)), "401 invalid_credentials");
  const after = await mustLogIn(issuer, "petra", NEW_PASSWORD);
  const { sessions } = JSON.parse(await home.must("sessions", "list", "--sub", "sub-petra", "--json")) as { sessions: { sid: string }[] };
  t.same(
    sessions.map(({ sid }) => sid),
    [after.sid],
  );

  await home.must("users", "disable", "petra");
  await isOver(t, issuer, after);
  const refused = await logIn(issuer, "petra", NEW_PASSWORD);
  t.equal(refused.status, 401);
  t.equal(refused.body, (await logIn(issuer, "nobody", NEW_PASSWORD)).body, "a disabled account looks like one that isn't there");
  await home.must("users", "enable", "petra");
  t.equal((await logIn(issuer, "petra", NEW_PASSWORD)).status, 200);
});

onBothStores("resources and scopes narrow, and never widen", {}, async (t, home) => {
  const issuer = await home.start();
  await home.addUser("nora", PASSWORD);
  const whole = await mustLogIn(issuer, "nora", PASSWORD);
  let token = whole.refreshToken;
  const ask = async (more: Record<string, string>) => {
    const answer = await refresh(issuer, token, more);
    if (answer.status !== 200) return outcomeOf(answer);
    const tokens = tokensOf(answer);
    token = tokens.refreshToken;
    const { aud, scope } = partOf(tokens.accessToken, 1);
    t.equal(tokens.scope, scope);
    return `${String(aud)} ${String(scope)}`;
  };
  t.equal(await ask({}), `${API} read write`, "the first resource is the default");
  t.equal(await ask({ scope: "read" }), `${API} read`);
  t.equal(await ask({}), `${API} read write`, "narrowing is for one access token");
  t.equal(await ask({ resource: ED_API }), `${ED_API} read`);
  t.equal(await ask({ resource: ED_API, scope: "write" }), "400 invalid_scope");
  t.equal(await ask({ scope: "admin" }), "400 invalid_scope");
  t.equal(await ask({ resource: "https://elsewhere.example.com" }), "400 invalid_target");
  t.equal(await ask({}), `${API} read write`, "a refused request used nothing up");

  const narrow = await mustLogIn(issuer, "nora", PASSWORD, { resource: API, scope: "read" });
  token = narrow.refreshToken;
  t.equal(narrow.scope, "read");
  t.equal(await ask({ scope: "write" }), "400 invalid_scope");
  t.equal(await ask({ resource: ED_API }), "400 invalid_target");
  t.equal(await ask({ resource: issuer.url }), `${issuer.url} sessions`, "the issuer's own resource is in every session");
  t.equal(outcomeOf(await logIn(issuer, "nora", PASSWORD, { resource: "https://elsewhere.example.com" })), "400 invalid_target");
  t.equal(outcomeOf(await logIn(issuer, "nora", PASSWORD, { scope: "admin" })), "400 invalid_scope");
});
