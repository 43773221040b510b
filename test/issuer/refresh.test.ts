/** Presenting a refresh token: sign, swap, answer. */

import t from "tap";
import { KEYS } from "../../src/domain/documents.ts";
import { fromBase64url } from "../../src/domain/bytes.ts";
import { KeyError, StoreError } from "../../src/domain/ports.ts";
import { UnavailableError } from "../../src/issuer/index.ts";
import type { Link } from "../support/faulty-store.ts";
import { claimsOf, client, DAY, HOUR, MINUTE, policy, SECOND, type Node, type SessionGrant, World } from "../support/issuer-world.ts";

const REFUSED = { refused: "invalid_grant" };
const UNAVAILABLE = { name: "UnavailableError" };

async function worldWithSession(
  options: ConstructorParameters<typeof World>[0] = {},
): Promise<{ world: World; node: Node; link: Link; first: SessionGrant; sub: string }> {
  const world = new World(options);
  t.teardown(() => world.close());
  const node = await world.startedNode();
  const sub = await world.addUser("alice");
  const first = await node.logIn("alice");
  node.link.forgetCalls();
  return { world, node, link: node.link, first, sub };
}

const subjectCalls = (link: Link): string[] => link.calls.filter(({ key }) => key.startsWith(KEYS.subjectPrefix)).map(({ op }) => op);

/** The same token with one character of its bytes changed. */
function changed(token: string, index: number, byte: number): string {
  const bytes = Buffer.from(fromBase64url(token.slice(4)) ?? []);
  bytes[index] = byte;
  return `mmr_${bytes.toString("base64url")}`;
}

t.test("a refresh reads once and swaps once, and gives a new pair of the same session", async (t) => {
  const { node, link, first } = await worldWithSession();
  const second = await node.refresh(first.refreshToken);
  t.same(
    link.calls.map(({ op }) => op),
    ["get", "compareAndSet"],
  );
  t.not(second.refreshToken, first.refreshToken);
  t.not(second.accessToken, first.accessToken);
  t.equal(second.sid, first.sid);
  t.equal(claimsOf(second.accessToken)["sid"], first.sid);
  t.equal(claimsOf(second.accessToken)["auth_time"], claimsOf(first.accessToken)["auth_time"]);
  t.match(node.eventsOf("refresh"), [{ outcome: "rotated", sid: first.sid }]);
});

t.test("the same token within the retry window gives the same successor, and nothing is written", async (t) => {
  const { world, node, link, first } = await worldWithSession();
  const second = await node.refresh(first.refreshToken);
  await world.advance(30 * SECOND);
  link.forgetCalls();
  const again = await node.refresh(first.refreshToken);
  t.equal(again.refreshToken, second.refreshToken);
  t.not(claimsOf(again.accessToken)["jti"], claimsOf(second.accessToken)["jti"], "the access token is a new one");
  t.same(
    link.calls.map(({ op }) => op),
    ["get"],
  );
});

t.test("a retry after the successor was used gives the token that is current then", async (t) => {
  const { world, node, first } = await worldWithSession();
  const second = await node.refresh(first.refreshToken);
  await world.advance(5 * SECOND);
  const third = await node.refresh(second.refreshToken);
  await world.advance(5 * SECOND);
  t.equal((await node.refresh(first.refreshToken)).refreshToken, third.refreshToken);
});

t.test("with the key of the exchange it repeats a retry is good for the keyed window, and only then", async (t) => {
  const { world, node, first } = await worldWithSession();
  const idempotencyKey = "0123456789abcdef";
  const second = await node.refresh(first.refreshToken, { idempotencyKey });
  await world.advance(HOUR);
  t.equal((await node.refresh(first.refreshToken, { idempotencyKey })).refreshToken, second.refreshToken);
  t.match(await node.tryRefresh(first.refreshToken, { idempotencyKey: "another key of 16" }), REFUSED, "another key is another exchange");
  t.match(await node.tryRefresh(second.refreshToken), REFUSED, "which ended the session");
});

t.test("outside the window a second use ends that session and no other of the subject", async (t) => {
  const { world, node, link, first, sub } = await worldWithSession();
  const onTablet = await node.logIn("alice");
  const second = await node.refresh(first.refreshToken);
  await world.advance(41 * SECOND);
  link.forgetCalls();
  t.match(await node.tryRefresh(first.refreshToken), REFUSED);
  t.same(
    link.executed.map(({ op }) => op),
    ["get", "append", "compareAndSet"],
    "it is in the ends log before the mark",
  );
  t.match(node.eventsOf("sessions_ended"), [{ reason: "replayed", sids: [first.sid], sub }]);
  t.match(await node.tryRefresh(second.refreshToken), REFUSED, "the thief, or its victim, is out as well");
  t.ok(await node.refresh(onTablet.refreshToken));
});

t.test("a replay whose end can't be logged is not acknowledged as one, and the next use still is a replay", async (t) => {
  const { world, node, link, first } = await worldWithSession();
  await node.refresh(first.refreshToken);
  await world.advance(MINUTE);
  link.failNext("append", "ends", "unavailable");
  await t.rejects(node.tryRefresh(first.refreshToken), StoreError);
  t.match(await node.tryRefresh(first.refreshToken), REFUSED);
  t.equal(node.eventsOf("sessions_ended").length, 1);
});

t.test("time in which the store was out of reach does not count", async (t) => {
  const { world, node, link, first } = await worldWithSession();
  const second = await node.refresh(first.refreshToken);
  await world.advance(20 * SECOND);
  link.outage = "unavailable";
  await world.tick();
  await world.advance(5 * MINUTE);
  link.outage = undefined;
  await world.tick();
  await world.advance(9 * SECOND);
  t.equal((await node.refresh(first.refreshToken)).refreshToken, second.refreshToken, "29 s of 30 have passed");
  await world.advance(30 * SECOND);
  t.match(await node.tryRefresh(first.refreshToken), REFUSED, "59 s of 30, and of 10 for clocks");
});

t.test("a signer that fails leaves the session as it was", async (t) => {
  const { world, node, link, first, sub } = await worldWithSession();
  const before = await world.subject(sub);
  world.keys.refuseToSign = new KeyError("the key custodian refuses");
  await t.rejects(node.tryRefresh(first.refreshToken), { name: "KeyError" });
  t.same(await world.subject(sub), before);
  t.same(
    link.executed.map(({ op }) => op),
    ["get"],
    "nothing was swapped before it was signed",
  );
  world.keys.refuseToSign = undefined;
  await world.advance(HOUR);
  t.ok(await node.refresh(first.refreshToken), "so the token is still the current one");
});

t.test("who loses the swap decides again and gives the winner's successor", async (t) => {
  const { world, node, link, first } = await worldWithSession();
  const other = await world.startedNode();
  let won: SessionGrant | undefined;
  link.beforeNext("compareAndSet", KEYS.subjectPrefix, async () => {
    won = await other.refresh(first.refreshToken);
  });
  const lost = await node.refresh(first.refreshToken);
  t.equal(lost.refreshToken, won?.refreshToken);
  t.same(subjectCalls(link), ["get", "compareAndSet", "get"], "the second decision is a retry, which writes nothing");
});

t.test("who loses the swap to a revocation is refused", async (t) => {
  const { world, node, link, first } = await worldWithSession();
  const other = await world.startedNode();
  link.beforeNext("compareAndSet", KEYS.subjectPrefix, async () => {
    t.same(await other.issuer.revoke({ client: other.client("app"), token: first.refreshToken }), { done: true });
  });
  t.match(await node.tryRefresh(first.refreshToken), REFUSED);
});

for (const kind of ["lost", "done"] as const) {
  t.test(`a swap of unknown outcome (${kind}) is an error, and a retry gives the one successor`, async (t) => {
    const { world, node, link, first } = await worldWithSession();
    link.failNext("compareAndSet", KEYS.subjectPrefix, kind);
    await t.rejects(node.tryRefresh(first.refreshToken), { name: "StoreError", outcome: "unknown" });
    await world.advance(10 * SECOND);
    const second = await node.refresh(first.refreshToken);
    await world.advance(10 * SECOND);
    t.equal((await node.refresh(first.refreshToken)).refreshToken, second.refreshToken);
    t.ok(await node.refresh(second.refreshToken));
  });
}

t.test("what is no token of ours costs no store call", async (t) => {
  const { node, link, first } = await worldWithSession();
  const { refreshToken } = first;
  const garbage = [
    "",
    "mmr_",
    "x".repeat(88),
    `${refreshToken}A`,
    refreshToken.slice(0, -1),
    refreshToken.toUpperCase(),
    ` ${refreshToken.slice(1)}`,
    first.accessToken,
    changed(refreshToken, 44, 9),
    changed(refreshToken, 62, 0),
    changed(refreshToken, 20, 1),
  ];
  for (const token of garbage.filter((each) => each !== refreshToken)) t.match(await node.tryRefresh(token), REFUSED);
  t.same(link.calls, []);
  t.ok(node.eventsOf("refresh").every(({ outcome }) => outcome === "malformed"));
  t.ok(await node.refresh(refreshToken), "and the session was not disturbed");
});

t.test("a MAC key version that this node does not know is no reason to log anyone out", async (t) => {
  const { world, node, first, link } = await worldWithSession();
  const unknown = changed(first.refreshToken, 0, 77);
  await t.rejects(node.tryRefresh(unknown), UNAVAILABLE);
  await world.advance(2 * SECOND);
  link.forgetCalls();
  await t.rejects(node.tryRefresh(unknown), UNAVAILABLE);
  await t.rejects(node.tryRefresh(unknown), UNAVAILABLE);
  t.ok(link.calls.length <= 3, "strangers make it look no more often than it looks anyway");
});

t.test("a token of a MAC key that took over a moment ago on another node is good", async (t) => {
  const { world, node, first } = await worldWithSession();
  const operator = await world.operator();
  await world.advance(2 * DAY);
  const second = await node.refresh(first.refreshToken);
  await operator.rotateKeys(["HS256"], { dryRun: false });
  const other = await world.startedNode();
  const third = await other.refresh(second.refreshToken);
  t.not(third.refreshToken.slice(4, 6), second.refreshToken.slice(4, 6), "spelled with the new key");
  t.equal((await other.refresh(second.refreshToken)).refreshToken, third.refreshToken);
  t.equal((await node.refresh(third.refreshToken)).sid, first.sid, "the other node looks and finds the key");
});

t.test("a retry after the MAC key has changed spells the token that was spelled before", async (t) => {
  const { world, node, first } = await worldWithSession();
  await world.advance(2 * DAY);
  const idempotencyKey = "exchange number 1";
  const second = await node.refresh(first.refreshToken, { idempotencyKey });
  const operator = await world.operator();
  await operator.rotateKeys(["HS256"], { dryRun: false });
  await world.advance(2 * SECOND);
  t.equal((await node.refresh(first.refreshToken, { idempotencyKey })).refreshToken, second.refreshToken);
});

t.test("another client's token is refused and its session left alone", async (t) => {
  const { node, first } = await worldWithSession();
  t.match(await node.tryRefresh(first.refreshToken, { clientId: "other" }), REFUSED);
  t.match(node.eventsOf("refresh"), [{ outcome: "client_mismatch" }]);
  t.ok(await node.refresh(first.refreshToken));
});

t.test("idle and absolute lifetime end a session, and using it moves only the first", async (t) => {
  const short = client("app", { idleLifetimeMillis: HOUR, absoluteLifetimeMillis: 3 * HOUR });
  const { world, node, first } = await worldWithSession({ policy: policy({}, [short]) });
  t.equal(first.refreshTokenExpiresInSeconds, 3_600);
  let current = first;
  for (let step = 0; step < 3; step += 1) {
    await world.advance(HOUR - SECOND);
    current = await node.refresh(current.refreshToken);
  }
  t.equal(current.refreshTokenExpiresInSeconds, 3, "three seconds are left of three hours");
  await world.advance(3 * SECOND);
  t.match(await node.tryRefresh(current.refreshToken), REFUSED);
  t.match(node.eventsOf("refresh").at(-1), { outcome: "expired" });
  const idle = await node.logIn("alice");
  await world.advance(HOUR);
  t.match(await node.tryRefresh(idle.refreshToken), REFUSED);
});

t.test("a store without its marker was emptied: nobody is told that a session is over", async (t) => {
  const { world, node, first } = await worldWithSession();
  await world.goBackTo(new Map());
  const failed = await node.tryRefresh(first.refreshToken).catch((error: unknown) => error);
  t.ok(failed instanceof UnavailableError);
  t.equal(failed instanceof UnavailableError && failed.retryAfterSeconds, 60);
  t.equal(node.eventsOf("store_emptied").length, 1);
});

t.test("a token newer than the store's session heals it: the store went back", async (t) => {
  const { world, node, first } = await worldWithSession();
  const before = await world.snapshot();
  const second = await node.refresh(first.refreshToken);
  const third = await node.refresh(second.refreshToken);
  await world.goBackTo(before);
  const fourth = await node.refresh(third.refreshToken);
  t.match(node.eventsOf("refresh").at(-1), { outcome: "healed", sid: first.sid });
  t.equal((await node.refresh(third.refreshToken)).refreshToken, fourth.refreshToken, "a retry of it is a retry");
  t.ok(await node.refresh(fourth.refreshToken));
});

t.test("where healing is off a token newer than the session ends it", async (t) => {
  const { world, node, first } = await worldWithSession({ policy: policy({ heal: false }) });
  const before = await world.snapshot();
  const second = await node.refresh(first.refreshToken);
  await world.goBackTo(before);
  t.match(await node.tryRefresh(second.refreshToken), REFUSED);
  t.match(await node.tryRefresh(first.refreshToken), REFUSED);
});

t.test("a refused scope or resource rotates nothing", async (t) => {
  const { world, node, link, first } = await worldWithSession();
  t.match(await node.tryRefresh(first.refreshToken, { scope: "everything" }), { refused: "invalid_scope" });
  t.match(await node.tryRefresh(first.refreshToken, { resource: "https://elsewhere.example.com" }), { refused: "invalid_target" });
  t.same([...new Set(link.calls.map(({ op }) => op))], ["get"]);
  await world.advance(HOUR);
  t.ok(await node.refresh(first.refreshToken));
});

t.test("a view of the ring that is too old gives no grant and ends nothing", async (t) => {
  const { world, node, link, first } = await worldWithSession();
  world.now += 6 * SECOND;
  await t.rejects(node.tryRefresh(first.refreshToken), UNAVAILABLE);
  t.notOk(link.executed.some(({ op }) => op === "compareAndSet"));
  await world.tick();
  t.ok(await node.refresh(first.refreshToken));
});

t.test("a client without rotation keeps its token, however many use it at once, across a change of the MAC key", async (t) => {
  const clients = [client("app", { rotates: false })];
  const { world, node, link, first } = await worldWithSession({ policy: policy({}, clients) });
  const answers = await Promise.all(Array.from({ length: 8 }, () => node.refresh(first.refreshToken)));
  t.same([...new Set(answers.map(({ refreshToken }) => refreshToken))], [first.refreshToken]);
  t.equal(new Set(answers.map(({ accessToken }) => accessToken)).size, 8);
  t.match(node.eventsOf("refresh").at(-1), { outcome: "kept", sid: first.sid });
  await world.advance(25 * DAY);
  await (await world.operator()).rotateKeys((await world.operator()).ringAlgorithms("mac"), { dryRun: false });
  await world.advance(2 * DAY);
  t.equal((await node.refresh(first.refreshToken)).refreshToken, first.refreshToken, "its own MAC key still proves it");
  await world.advance(29 * DAY);
  t.equal((await node.refresh(first.refreshToken)).refreshToken, first.refreshToken, "each use began the idle lifetime anew");
  link.forgetCalls();
  await world.advance(30 * DAY);
  t.match(await node.tryRefresh(first.refreshToken), { ...REFUSED, isSessionOver: true });
});

t.test("a refusal says whether the session is over for good, and only then", async (t) => {
  const { world, node, first } = await worldWithSession();
  const second = await node.refresh(first.refreshToken);
  const lives = async (what: Promise<object>, message: string) => t.notOk("isSessionOver" in (await what), message);
  const over = async (what: Promise<object>, message: string) => t.match(await what, { ...REFUSED, isSessionOver: true }, message);
  await lives(node.tryRefresh(second.refreshToken, { clientId: "other" }), "another client's");
  await lives(node.tryRefresh(second.refreshToken, { scope: "admin" }), "too much scope");
  await lives(node.tryRefresh(second.refreshToken, { resource: "https://nowhere.example" }), "no such resource");
  await lives(node.tryRefresh(changed(second.refreshToken, 44, 1)), "what we did not make says nothing of a session");
  await world.advance(HOUR);
  await over(node.tryRefresh(first.refreshToken), "a replay has ended it");
  await over(node.tryRefresh(second.refreshToken), "so it is over");
  const third = await node.logIn("alice");
  await world.advance(30 * DAY);
  await over(node.tryRefresh(third.refreshToken), "idle for too long");
});

t.test("a retry that came in time is none too late because it had to wait", async (t) => {
  const { world, node, first } = await worldWithSession();
  const second = await node.refresh(first.refreshToken);
  // 39 s after it was superseded it comes; while the store reads, the window of 30 s and its clock skew go by.
  await world.advance(39 * SECOND);
  node.link.beforeNext("get", KEYS.subjectPrefix, async () => void (world.now += 3 * SECOND));
  t.equal((await node.refresh(first.refreshToken)).refreshToken, second.refreshToken);
});
