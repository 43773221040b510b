/** A running issuer follows what the command line changes beside it: sessions of many subjects, and keys. */

import t from "tap";
import { RING_LAG_MILLIS } from "../../src/domain/ring.ts";
import { form, isActive, mustLogIn, mustRefresh, partOf, refresh, tokensOf } from "../support/client-calls.ts";
import { membersOf, outcomeOf } from "../support/http-call.ts";
import { API, ED_API } from "../support/issuer-process.ts";
import type { Home, RunningIssuer } from "../support/issuer-process.ts";
import { pause, until } from "../support/wait.ts";
import { onBothStores } from "./stores.ts";

// Commands that revoke wait until no node can have the old view.
t.jobs = 4;

const PASSWORD = "the password beside the command line";
const JWKS = "/.well-known/jwks.json";

onBothStores("sessions revoke ends a client's sessions, and all; it is in force when the command returns", {}, async (t, home) => {
  const issuer = await home.start();
  await home.addUser("anton", PASSWORD);
  const mine = await mustLogIn(issuer, "anton", PASSWORD);
  const others = await mustLogIn(issuer, "anton", PASSWORD, { client_id: "other" });
  t.equal(await home.must("sessions", "revoke", "--client", "other"), "1 session ended\n");
  t.equal(outcomeOf(await refresh(issuer, others.refreshToken, { client_id: "other" })), "400 invalid_grant");
  const kept = await mustRefresh(issuer, mine.refreshToken);

  await home.must("sessions", "revoke", "--all");
  t.equal(outcomeOf(await refresh(issuer, kept.refreshToken)), "400 invalid_grant");
  t.equal(await isActive(issuer, kept.accessToken), false);
  const after = await mustLogIn(issuer, "anton", PASSWORD);
  // A node that did not know of the command yet would have begun a session that is over as soon as it does.
  await pause(1_300);
  t.equal((await refresh(issuer, after.refreshToken)).status, 200, "logins after the command stand");
});

onBothStores("sessions revoke --sub --sid ends one session", {}, async (t, home) => {
  const issuer = await home.start();
  await home.addUser("agnes", PASSWORD);
  const [one, two] = [await mustLogIn(issuer, "agnes", PASSWORD), await mustLogIn(issuer, "agnes", PASSWORD)];
  await home.must("sessions", "revoke", "--sub", "sub-agnes", "--sid", one.sid);
  t.equal(outcomeOf(await refresh(issuer, one.refreshToken)), "400 invalid_grant");
  t.equal((await refresh(issuer, two.refreshToken)).status, 200);
});

interface ListedKey {
  readonly kid: string;
  readonly alg: string;
  readonly state: string;
}

async function kidsOf(home: Home, alg: string, state: string): Promise<readonly string[]> {
  const { keys } = JSON.parse(await home.must("keys", "list", "--json")) as { keys: ListedKey[] };
  return keys.filter((key) => key.alg === alg && key.state === state).map(({ kid }) => kid);
}

async function published(issuer: RunningIssuer): Promise<readonly string[]> {
  return (membersOf(await issuer.send(JWKS))["keys"] as ListedKey[]).map(({ kid }) => kid);
}

/** A session of which each refresh is asked for a resource. */
async function tokensFrom(issuer: RunningIssuer, name: string): Promise<(resource: string) => Promise<string>> {
  let { refreshToken } = await mustLogIn(issuer, name, PASSWORD);
  return async (resource) => {
    const tokens = tokensOf(await refresh(issuer, refreshToken, { resource }));
    ({ refreshToken } = tokens);
    return tokens.accessToken;
  };
}

const kidOf = (token: string): string => String(partOf(token, 0)["kid"]);

onBothStores("keys stage, promote and revoke are followed; what is young is refused without --force", {}, async (t, home) => {
  const issuer = await home.start();
  await home.addUser("kurt", PASSWORD);
  const token = await tokensFrom(issuer, "kurt");
  const [[active = ""], [staged = ""]] = [await kidsOf(home, "ES256", "active"), await kidsOf(home, "ES256", "staged")];
  t.equal(kidOf(await token(API)), active);
  t.equal((await published(issuer)).length, 6, "an active and a staged key of each alg in use");

  await home.must("keys", "stage", "--alg", "EdDSA");
  const edStaged = await kidsOf(home, "EdDSA", "staged");
  t.equal(edStaged.length, 2);
  await until("the new key is published", async () => {
    const kids = await published(issuer);
    return edStaged.every((kid) => kids.includes(kid));
  });

  const young = await home.command(["keys", "promote", staged]);
  t.equal(young.code, 3);
  t.match(young.stderr, /--force --reason/);
  t.equal(kidOf(await token(API)), active, "refused: nothing changed");
  await home.must("keys", "promote", staged, "--force", "--reason", "a drill");
  await until("the promoted key signs", async () => kidOf(await token(API)) === staged);
  t.ok((await published(issuer)).includes(active), "the key before is still published");

  const revoked = await token(API);
  t.equal(await isActive(issuer, revoked), true);
  t.equal((await home.command(["keys", "revoke", staged, "--reason", "a drill"])).code, 3, "the heir is young");
  await home.must("keys", "revoke", staged, "--force", "--reason", "a drill");
  t.equal(await isActive(issuer, revoked), false, "at once");
  t.notOk((await published(issuer)).includes(staged));
  const heir = kidOf(await token(API));
  t.notOk([active, staged].includes(heir));
  t.ok((await published(issuer)).includes(heir));
  t.equal((await kidsOf(home, "ES256", "staged")).length, 1, "there is always a staged key");
  t.equal((await kidsOf(home, "EdDSA", "active")).length, 1);
  const sessions = await form(issuer, "/revoke", { token: revoked, client_id: "app" });
  t.equal(sessions.status, 200, "a token under a revoked key is unknown");
  t.equal(kidOf(await token(ED_API)), (await kidsOf(home, "EdDSA", "active"))[0]);
});

const QUICK = { keys: { stageFor: "2s", jwksMaxAge: "1s" } } as const;

onBothStores("keys rotate changes over without --force, on a key that was published in time", { settings: QUICK }, async (t, home) => {
  const issuer = await home.start();
  await home.addUser("rosa", PASSWORD);
  const token = await tokensFrom(issuer, "rosa");
  const [active = ""] = await kidsOf(home, "ES256", "active");
  const [staged = ""] = await kidsOf(home, "ES256", "staged");
  const before = await token(API);
  // From then on the staged key may sign; a change-over that is planned ahead is another test's.
  await pause(2_100 + RING_LAG_MILLIS);
  t.match(await home.must("keys", "rotate", "--alg", "ES256", "--dry-run"), new RegExp(`activate ${staged}`));
  t.same(await kidsOf(home, "ES256", "active"), [active], "a dry run changes nothing");

  await home.must("keys", "rotate", "--alg", "ES256");
  await until("the staged key signs", async () => kidOf(await token(API)) === staged);
  t.ok((await published(issuer)).includes(staged));
  t.equal(await isActive(issuer, before), true, "tokens of the key before are good");
  t.same(await kidsOf(home, "ES256", "retiring"), [active]);
  t.equal((await kidsOf(home, "ES256", "staged")).length, 1);
  t.equal((await kidsOf(home, "EdDSA", "active")).length, 1);

  const macBefore = await home.must("keys", "list", "--mac", "--json");
  await home.must("keys", "rotate", "--mac");
  t.not(await home.must("keys", "list", "--mac", "--json"), macBefore);
  await token(API);
  t.pass("refresh tokens made with the MAC key before are good");
});
