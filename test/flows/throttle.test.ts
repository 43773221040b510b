/** Guessing is slowed: per account and address, and per address; an owner is never locked out by a stranger elsewhere. */

import { createHash } from "node:crypto";
import t from "tap";
import { logIn, mustLogIn } from "../support/client-calls.ts";
import type { Sender } from "../support/client-calls.ts";
import { outcomeOf } from "../support/http-call.ts";
import type { RunningIssuer } from "../support/issuer-process.ts";
import { pause, until } from "../support/wait.ts";
import { onBothStores } from "./stores.ts";

// Of the whole file, on a machine so slow that minutes are waited for.
t.setTimeout(900_000);

const PASSWORD = "the password that is guessed at";
/** Enough not to be met by the test of the first limit. */
const LIMITS = { login: { failuresPerMinute: 3, failuresPerMinutePerAddress: 8 } } as const;

/** Failures are written without waiting: the next guess may be on its way before the last one is counted elsewhere. */
async function guess(issuer: RunningIssuer, name: string, times: number): Promise<readonly string[]> {
  const outcomes: string[] = [];
  for (let time = 0; time < times; time += 1) {
    const password = createHash("sha256").update(`${name}${time}`).digest("hex");
    outcomes.push(outcomeOf(await logIn(issuer, name, password, {}, { "x-forwarded-for": `192.0.2.${time}` })));
  }
  return outcomes;
}

const WRONG = "401 invalid_credentials";
const SLOW = "429 slow_down";

/** For which failures are counted. */
const MINUTE_MILLIS = 60_000;
const ROUNDS_MAX = 3;
/** Until another process knows: well within it. */
const FOLLOW_MILLIS_MAX = 30_000;

/** What is seen within a minute of failures: where this machine took longer than that, all is tried again when it is over. */
async function withinAMinute<T>(look: () => Promise<T>): Promise<T> {
  for (let round = 1; round <= ROUNDS_MAX; round += 1) {
    const from = performance.now();
    const isInTime = () => performance.now() - from < MINUTE_MILLIS;
    try {
      const seen = await look();
      if (isInTime()) return seen;
    } catch (error) {
      if (isInTime()) throw error;
    }
    await pause(MINUTE_MILLIS);
  }
  throw new Error("this machine took longer than the minute for which failures are counted");
}

onBothStores("wrong passwords are counted per account, then per address, on all processes", { settings: LIMITS }, async (t, home) => {
  const issuer = await home.start();
  const second = await home.start({ MINTMARK_PORT: "0", MINTMARK_ISSUER: home.issuer, MINTMARK_OPS_PORT: "0" });
  for (const name of ["tina", "udo", "vito"]) await home.addUser(name, PASSWORD);
  const right = (at: Sender, name: string) => logIn(at, name, PASSWORD).then(outcomeOf);
  const elsewhere: Sender = { send: (path, options) => issuer.send(path, { ...options, from: "127.0.0.2" }) };

  const seen = await withinAMinute(async () => {
    const before = await guess(issuer, "tina", 2);
    const between = await right(issuer, "tina");
    const after = await guess(issuer, "tina", 3);
    const slow = await logIn(issuer, "tina", PASSWORD);
    const other = await right(issuer, "udo");
    await until("the other process slows it too", async () => (await right(second, "tina")) === SLOW, FOLLOW_MILLIS_MAX);
    // Five failures so far from this address, and three more are free.
    const unknown = await guess(issuer, "nobody", 3);
    const address = await right(issuer, "vito");
    const owner = process.platform === "linux" ? await right(elsewhere, "tina") : "200";
    await until("on the other process too", async () => (await right(second, "vito")) === SLOW, FOLLOW_MILLIS_MAX);
    return { before, between, after, slow, other, unknown, address, owner };
  });

  t.same([seen.before, seen.between], [[WRONG, WRONG], "200"]);
  t.same(seen.after, [WRONG, WRONG, WRONG], "a success cleared the account's count");
  t.equal(outcomeOf(seen.slow), SLOW, "the right password too");
  t.match(seen.slow.headers["retry-after"], /^[1-9]\d?$/);
  t.equal(seen.other, "200", "another account is not slowed");
  t.same(seen.unknown, [WRONG, WRONG, WRONG], "an unknown user is counted like any other");
  t.equal(seen.address, SLOW, "the address is slowed, whatever X-Forwarded-For says");
  t.equal(seen.owner, "200", "the owner elsewhere is not locked out");
});

onBothStores("the limits are 10 a minute per account and 100 per address where the configuration says nothing", {}, async (t, home) => {
  const issuer = await home.start();
  await home.addUser("wilma", PASSWORD);
  const session = await mustLogIn(issuer, "wilma", PASSWORD);
  const seen = await withinAMinute(async () => {
    const guesses = await guess(issuer, "wilma", 11);
    // Nine accounts with ten guesses each: the address's hundred is full.
    for (let index = 0; index < 9; index += 1) await guess(issuer, `guessed${index}`, 10);
    return [...guesses, outcomeOf(await logIn(issuer, "fresh", PASSWORD))];
  });
  t.same(seen, [...Array<string>(10).fill(WRONG), SLOW, SLOW]);
  t.ok(session.refreshToken, "a session that lives is none of it");
});

onBothStores(
  "behind a trusted proxy everyone is counted by their own address, in the log too",
  { settings: { trustedProxies: ["127.0.0.0/30", "10.0.0.0/8"], login: { failuresPerMinute: 100, failuresPerMinutePerAddress: 3 } } },
  async (t, home) => {
    const issuer = await home.start();
    await home.addUser("xenia", PASSWORD);
    const from = (forwarded: string, password = PASSWORD) =>
      logIn(issuer, "xenia", password, {}, { "x-forwarded-for": forwarded }).then(outcomeOf);
    for (let time = 0; time < 3; time += 1) t.equal(await from(`198.51.100.${time}, 203.0.113.7, 10.0.0.1`, "wrong"), WRONG);
    t.equal(await from("203.0.113.7"), SLOW, "what a client writes before it makes no other address of it");
    t.equal(await from("203.0.113.8"), "200", "the proxy's other clients are not slowed");
    const logged = () =>
      issuer
        .stdout()
        .split("\n")
        .filter((line) => line.includes('"event":"login"'));
    await until("the log has them", async () => logged().length >= 5);
    const addresses = logged().map((line) => (JSON.parse(line) as { address: string }).address);
    t.same(addresses, ["203.0.113.7", "203.0.113.7", "203.0.113.7", "203.0.113.7", "203.0.113.8"]);
  },
);
