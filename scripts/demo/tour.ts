/** The steps of the tour, in their order. Each shows what happens and checks that it is what should happen. */

import { pause, until } from "../figures/support/wait.ts";
import { callApi, errorOf, introspect, jwks, logIn, refresh, revoke, type Tokens, tokensOf } from "./client.ts";
import { API_CLIENT_ID, type DemoIssuer, RETRY_WINDOW_SECONDS, STAGE_SECONDS } from "./issuer.ts";
import type { LossyProxy } from "./lossy-proxy.ts";
import { check, fact, generationOf, kidOf, must, short, showAccessToken, showRefreshToken, step, tell } from "./paper.ts";
import type { ResourceServer } from "./resource-server.ts";

export interface World {
  readonly issuer: DemoIssuer;
  readonly api: ResourceServer;
  readonly network: LossyProxy;
}

const USER = "ada";
const PASSWORD = "a password for one tour";
const FOLLOW_MILLIS_MAX = 10_000;

export async function tour(world: World): Promise<void> {
  const first = await logInOnce(world);
  await callOnce(world, first);
  const second = await refreshOnce(world, first);
  const third = await loseAnAnswer(world, second);
  const fourth = await rotateTheKey(world, third);
  await revokeTheSession(world, fourth);
  await catchAThief(world);
}

async function logInOnce({ issuer }: World): Promise<Tokens> {
  step("Ada logs in");
  await issuer.command(["users", "add", USER, "--password-stdin"], `${PASSWORD}\n`);
  const tokens = tokensOf(await logIn(issuer.url, USER, PASSWORD, "laptop"), "the login");
  showAccessToken(tokens.accessToken);
  showRefreshToken(tokens.refreshToken);
  check(
    `the access token is good for ${tokens.expiresInSeconds / 60} minutes, the session starts at generation 1`,
    generationOf(tokens.refreshToken) === 1,
  );
  return tokens;
}

async function callOnce({ api }: World, { accessToken }: Tokens): Promise<void> {
  step("She calls the resource server, which verifies by itself");
  const { status, body } = await callApi(api.url, accessToken);
  fact("GET /report", `${status} ${JSON.stringify(body)}`);
  check("it fetched the JWK Set once and asked the issuer nothing about this token", status === 200 && api.jwksFetches() === 1);
  check("without a token: 401", (await callApi(api.url, undefined)).status === 401);
  const forged = await callApi(api.url, withAnotherSubject(accessToken));
  check(`with another subject written into the token: 401 ${String(forged.body["error_description"])}`, forged.status === 401);
}

/** The same header and signature over changed claims. */
function withAnotherSubject(token: string): string {
  const [header = "", payload = "", signature = ""] = token.split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as object;
  return [header, Buffer.from(JSON.stringify({ ...claims, sub: "mallory" })).toString("base64url"), signature].join(".");
}

async function refreshOnce({ issuer, api }: World, before: Tokens): Promise<Tokens> {
  step("She refreshes: a new access token, and the refresh token rotates");
  const tokens = tokensOf(await refresh(issuer.url, before.refreshToken), "the refresh");
  showAccessToken(tokens.accessToken, before.accessToken);
  showRefreshToken(tokens.refreshToken);
  check("same session, generation 2", tokens.sid === before.sid && generationOf(tokens.refreshToken) === 2);
  check("the new access token works", (await callApi(api.url, tokens.accessToken)).status === 200);
  return tokens;
}

async function loseAnAnswer({ issuer, network }: World, before: Tokens): Promise<Tokens> {
  step("An answer is lost: the issuer has rotated, the client never hears of it");
  network.loseNextAnswer();
  const lost = await refresh(network.url, before.refreshToken).then(
    () => false,
    () => true,
  );
  check("the connection broke after the issuer had answered", lost && network.lost() === 1);
  const retried = tokensOf(await refresh(network.url, before.refreshToken), "the retry");
  showAccessToken(retried.accessToken, before.accessToken);
  showRefreshToken(retried.refreshToken);
  check("she sends the same refresh token again: generation 3, no logout", generationOf(retried.refreshToken) === 3);
  const again = await Promise.all([1, 2, 3, 4].map(() => refresh(issuer.url, before.refreshToken)));
  const successors = new Set(again.map((answer) => tokensOf(answer, "each retry").refreshToken));
  check("and four times more, at once: always the same successor", successors.size === 1 && successors.has(retried.refreshToken));
  return retried;
}

async function rotateTheKey({ issuer, api }: World, before: Tokens): Promise<Tokens> {
  step("The operator rotates the signing key");
  const oldKid = kidOf(before.accessToken);
  const known = (await jwks(issuer.url)).filter(({ alg }) => alg === "ES256").map(({ kid }) => kid);
  const nextKid = must(
    known.find((kid) => kid !== oldKid),
    "the next key is in the JWK Set before it signs",
  );
  fact("in the JWK Set", `${short(oldKid)} signs; ${short(nextKid)} is staged since the start, so that caches know it`);
  for (const line of await issuer.command(["keys", "rotate", "--alg", "ES256"])) fact("keys rotate", line);

  let tokens = before;
  const isFollowed = async (): Promise<boolean> => {
    tokens = tokensOf(await refresh(issuer.url, tokens.refreshToken), "a refresh while the key rotates");
    if (kidOf(tokens.accessToken) === nextKid) return true;
    await pause(200);
    return false;
  };
  await until("the running server follows the new ring", isFollowed, FOLLOW_MILLIS_MAX + STAGE_SECONDS * 1_000);
  showAccessToken(tokens.accessToken, before.accessToken);
  check(`new tokens carry ${short(nextKid)}`, kidOf(tokens.accessToken) === nextKid);
  const [withNew, withOld] = [await callApi(api.url, tokens.accessToken), await callApi(api.url, before.accessToken)];
  check("the resource server accepts them with the JWK Set it has: no second fetch", withNew.status === 200 && api.jwksFetches() === 1);
  check(`tokens of ${short(oldKid)} still verify until they expire`, withOld.status === 200);
  const now = (await jwks(issuer.url)).filter(({ alg }) => alg === "ES256").map(({ kid }) => kid);
  const staged = must(
    now.find((kid) => !known.includes(kid)),
    "a new key is staged behind it",
  );
  check(`${short(staged)} is staged behind it, for the next rotation or an emergency`, now.includes(oldKid) && now.includes(nextKid));
  return tokens;
}

async function revokeTheSession({ issuer, api }: World, tokens: Tokens): Promise<void> {
  step("She logs out: the session is revoked");
  const ask = () => introspect(issuer.url, tokens.accessToken, API_CLIENT_ID, issuer.apiSecret);
  check("before: introspection says active", (await ask()).body["active"] === true);
  check("POST /revoke: 200", (await revoke(issuer.url, tokens.refreshToken)).status === 200);
  check("after: introspection says inactive", (await ask()).body["active"] === false);
  const refused = await refresh(issuer.url, tokens.refreshToken);
  check(`a refresh is refused: ${refused.status} ${errorOf(refused)}`, errorOf(refused) === "invalid_grant");
  const { status } = await callApi(api.url, tokens.accessToken);
  check("a resource server that asks nobody accepts the access token until it expires: hence the short lifetime", status === 200);
}

async function catchAThief({ issuer }: World): Promise<void> {
  step("Somebody steals a refresh token");
  const phone = tokensOf(await logIn(issuer.url, USER, PASSWORD, "phone"), "the login on the phone");
  const tablet = tokensOf(await logIn(issuer.url, USER, PASSWORD, "tablet"), "the login on the tablet");
  const stolen = phone.refreshToken;
  fact(
    "two sessions",
    `phone ${short(phone.sid)}, tablet ${short(tablet.sid)}; the phone's token of generation ${generationOf(stolen)} is copied`,
  );
  const newest = tokensOf(await refresh(issuer.url, stolen), "the phone's refresh");
  tell(`the phone refreshes; ${RETRY_WINDOW_SECONDS} s later the window is over, and the thief presents the copy …`);
  await pause(RETRY_WINDOW_SECONDS * 1_000 + 300);
  const theft = await refresh(issuer.url, stolen);
  check(`the thief gets ${theft.status} ${errorOf(theft)}`, errorOf(theft) === "invalid_grant");
  const replay = (): object | undefined => issuer.events().find((one) => one["outcome"] === "replayed" && one["sid"] === phone.sid);
  // The line may be on its way through the pipe yet.
  await until("the audit log has the replay", async () => replay() !== undefined, 10_000);
  fact("audit log", JSON.stringify(must(replay(), "the audit log has the replay")));
  const owner = await refresh(issuer.url, newest.refreshToken);
  check("the phone's session is over, for the thief and for Ada: she logs in again", errorOf(owner) === "invalid_grant");
  const other = await refresh(issuer.url, tablet.refreshToken);
  check("her tablet goes on", tokensOf(other, "the tablet's refresh").sid === tablet.sid);
}
