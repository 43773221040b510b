import t from "tap";
import type { Verifier } from "../../src/domain/fetches.ts";
import type { KeysStatus, KeyStatus } from "../../src/issuer/types.ts";
import { commandLine, type Ran } from "../support/command-line.ts";
import { createFakeOperator, defaultConfig, HOUR, NOW } from "../support/fake-operator.ts";

const KID = "K".repeat(43);
const FORCE = ["--force", "--reason", "drill"];

function verifier(userAgent: string, members: Partial<Verifier> = {}): Verifier {
  const times = { firstSeenAt: NOW - 48 * HOUR, lastFetchedAt: NOW - HOUR };
  return { address: "192.0.2.1", userAgent, version: 1, count: 12, unchanged: 3, ...times, ...members };
}

function key(members: Partial<KeyStatus> = {}): KeyStatus {
  return {
    kid: KID,
    alg: "ES256",
    state: "staged",
    custody: "file",
    activeAt: undefined,
    agedAt: NOW - HOUR,
    isAged: true,
    isSafe: true,
    have: [verifier("jose/6")],
    lack: [],
    quiet: [],
    ...members,
  };
}

const ACTIVE = key({ kid: "A".repeat(43), state: "active", activeAt: NOW - HOUR });

function status(keys: readonly KeyStatus[], members: Partial<KeysStatus> = {}, argv: readonly string[] = []): Promise<Ran> {
  return commandLine(["keys", "status", ...argv], {
    answers: { keyStatus: async () => ({ isCounted: true, isFull: false, keys, ...members }) },
  });
}

const lineOf = (text: string, start: string): string => text.split("\n").find((line) => line.startsWith(start)) ?? "";

t.test("keys status is a line per key with its verdict, and a line per verifier with what it lacks", async (t) => {
  const slow = verifier("slow/1", { address: "192.0.2.2", lastFetchedAt: NOW - 3 * HOUR });
  const gone = verifier("", { address: "2001:db8::3", lastFetchedAt: NOW - 50 * HOUR });
  const staged = key({ custody: "shared", isSafe: false, lack: [slow], quiet: [gone] });
  const { code, stdout, stderr } = await status([staged, { ...ACTIVE, have: [...ACTIVE.have, slow, gone] }]);
  t.equal(code, 0);
  t.match(lineOf(stdout, KID), /ES256 +staged +shared +1 +1 +1 +1 verifier has not fetched it: slow\/1 at 192\.0\.2\.2$/);
  t.match(lineOf(stdout, ACTIVE.kid), /ES256 +active +file +3 +0 +0 +signs$/);
  t.match(lineOf(stdout, "jose/6"), /192\.0\.2\.1 +1 h ago +-$/);
  t.match(lineOf(stdout, "slow/1"), /192\.0\.2\.2 +3 h ago +K{10}…$/);
  t.match(lineOf(stdout, "(no User-Agent)"), /2001:db8::3 +2 d 2 h ago, gone quiet +K{10}…$/);
  t.match(stderr, /half a minute/);
  t.match(stderr, /anyone can fetch/);
});

t.test("the verdict says when a key may sign, what is in the way, and when it will by itself", async (t) => {
  const verdictOf = async (members: Partial<KeyStatus>, counted = true): Promise<string> => {
    const { stdout } = await status([key(members)], { isCounted: counted });
    return lineOf(stdout, KID).split(/ {2,}/).slice(7).join("  ");
  };
  const many = Array.from({ length: 5 }, (_, index) => verifier(`v${index}`));
  t.equal(await verdictOf({}), "safe to promote");
  t.equal(await verdictOf({ agedAt: NOW + 3 * HOUR, isAged: false, isSafe: false }), "in 3 h");
  t.equal(
    await verdictOf({ agedAt: NOW + 3 * HOUR, isAged: false, isSafe: false, lack: many.slice(0, 2) }),
    "in 3 h at the earliest; 2 verifiers have not fetched it: v0 at 192.0.2.1, v1 at 192.0.2.1",
  );
  t.match(await verdictOf({ isSafe: false, lack: many }), /^5 verifiers have .*v2 at 192\.0\.2\.1 and 2 more$/);
  t.equal(await verdictOf({ activeAt: NOW + 2 * HOUR }), "safe to promote; signs by itself in 2 h");
  t.match(await verdictOf({ have: [] }), /no verifier is known/);
  t.equal(await verdictOf({ have: [] }, false), "safe to promote by its age");
});

t.test("--json has exactly the promised members, times RFC 3339 or null", async (t) => {
  const { code, stdout, stderr } = await status([key({ custody: "pkcs11", quiet: [verifier("gone")] })], {}, ["--json"]);
  t.same([code, stderr], [0, ""]);
  const promised = {
    address: "192.0.2.1",
    firstSeenAt: "2026-11-19T08:00:00.000Z",
    lastFetchedAt: "2026-11-21T07:00:00.000Z",
    fetches: 12,
    unchanged: 3,
  };
  t.same(JSON.parse(stdout), {
    counted: true,
    full: false,
    keys: [
      {
        kid: KID,
        alg: "ES256",
        state: "staged",
        custody: "pkcs11",
        activeAt: null,
        agedAt: "2026-11-21T07:00:00.000Z",
        aged: true,
        safe: true,
        have: [{ ...promised, userAgent: "jose/6" }],
        lack: [],
        quiet: [{ ...promised, userAgent: "gone" }],
      },
    ],
  });
});

t.test("a KID shows one key; one that is no staged or active signing key is exit 1, and odd characters exit 2", async (t) => {
  const one = await status([key(), ACTIVE], {}, [ACTIVE.kid]);
  t.equal(one.code, 0);
  t.notMatch(one.stdout, new RegExp(KID));
  t.equal((await status([key()], {}, ["X".repeat(43)])).code, 1);
  for (const kid of ["../../etc/passwd", "a b", ""]) {
    const odd = await status([key()], {}, [kid]);
    t.same([odd.code, odd.opened], [2, 0], JSON.stringify(kid));
  }
  const hyphen = `-${"a".repeat(42)}`;
  t.equal((await status([key({ kid: hyphen })], {}, [hyphen])).code, 0);
});

t.test("it is said where nothing is counted, where there is no room for more, and where there are no keys", async (t) => {
  const off = await status([key({ have: [] })], { isCounted: false });
  t.match(off.stderr, /keys\.countFetches is false/);
  t.match(lineOf(off.stdout, KID), /staged +file +- +- +- /);
  t.match((await status([key()], { isFull: true })).stderr, /there may be others/);
  t.match((await status([])).stderr, /no keys yet/);
});

t.test("what a verifier sent as its User-Agent steers no terminal", async (t) => {
  const { stdout } = await status([key({ lack: [verifier("x\u001b[31m\u202e")] })]);
  t.notMatch(stdout, /[\u001b\u202e]/);
});

t.test("promote waits for the names it was given, then promotes; what it waits for is said on stderr", async (t) => {
  const awaited = {
    unseen: [
      { name: "a", have: 0, lack: 0 },
      { name: "b", have: 1, lack: 2 },
    ],
    agedAt: NOW + HOUR,
  };
  const argv = ["keys", "promote", KID, "--wait-until-seen", "a", "b", "--deadline", "10m"];
  const { code, stdout, stderr, operator } = await commandLine(argv, {
    answers: {
      awaitSeen: async (_kid, _wait, tell) => {
        tell(awaited);
        return { done: true };
      },
    },
  });
  t.same([code, stdout], [0, "promoted\n"]);
  t.match(operator.calls[0], ["awaitSeen", KID, { names: ["a", "b"], deadlineMillis: 600_000, force: false }]);
  t.same(operator.calls[1], ["promoteKey", KID, { force: false, reason: undefined }]);
  t.match(stderr, /at most 10 m; .*half a minute/);
  t.match(stderr, /waiting for a \(not seen yet\), b \(1 of 3 have it\), the key to age, in 1 h/);

  const forced = await commandLine([...argv, ...FORCE]);
  t.match(forced.operator.calls, [
    ["awaitSeen", KID, { force: true }],
    ["promoteKey", KID, { force: true, reason: "drill" }],
  ]);
  const kidLast = await commandLine(["keys", "promote", "--wait-until-seen", "a", "--deadline", "10m", `-${"a".repeat(42)}`]);
  t.match(kidLast.operator.calls[0], ["awaitSeen", `-${"a".repeat(42)}`, { names: ["a"] }]);
});

t.test(
  "where the wait does not end well nothing is promoted: exit 1 at the deadline, exit 3 for a key that can't age by then",
  async (t) => {
    const argv = ["keys", "promote", KID, "--wait-until-seen", "a", "--deadline", "1m"];
    for (const [answer, expected, words] of [
      [{ failed: "not fetched by a" }, 1, /not fetched by a/],
      [{ unsafe: true as const, risk: "too young" }, 3, /too young/],
    ] as const) {
      const { code, stdout, stderr, operator } = await commandLine(argv, { answers: { awaitSeen: async () => answer } });
      t.same([code, stdout], [expected, ""]);
      t.match(stderr, words);
      t.notOk(operator.calls.some(([name]) => name === "promoteKey"));
    }
  },
);

t.test("--wait-until-seen and --deadline go together; names and durations that make no sense are exit 2", async (t) => {
  const wrong = [
    ["--wait-until-seen", "a"],
    ["--deadline", "10m"],
    ["--wait-until-seen", "--deadline", "10m"],
    ["--wait-until-seen", "a", "--deadline"],
    ["--wait-until-seen", "a", "--deadline", "10"],
    ["--wait-until-seen", "a", "--deadline", "-1m"],
    ["--wait-until-seen", "", "--deadline", "10m"],
    ["--wait-until-seen", "a\nb", "--deadline", "10m"],
    ["--wait-until-seen", "a".repeat(257), "--deadline", "10m"],
    ["--wait-until-seen", "a", "--deadline", "10m", "--force"],
    ["--wait-until-seen", "a", "--deadline", "10m", "--deadline", "20m"],
  ];
  for (const argv of wrong) {
    const { code, opened } = await commandLine(["keys", "promote", KID, ...argv]);
    t.same([code, opened], [2, 0], argv.join(" "));
  }
  const swallowed = await commandLine(["keys", "promote", "--deadline", "10m", "--wait-until-seen", "payments", KID]);
  t.equal(swallowed.code, 2);
  t.match(swallowed.stderr, /missing required argument[^]*^usage: .*promote <KID> \[options\]$[^]*^hint: put the KID first/m);
  t.notMatch((await commandLine(["keys", "promote"])).stderr, /hint/);
  const twice = await commandLine(["keys", "promote", KID, "--wait-until-seen", "a", "--wait-until-seen", "b", "--deadline", "0s"]);
  t.match(twice.operator.calls[0], ["awaitSeen", KID, { names: ["a", "b"], deadlineMillis: 0 }]);
});

t.test("where nothing is counted nobody is waited for: exit 2", async (t) => {
  const { policy } = createFakeOperator({}, defaultConfig({ keys: { countFetches: false } }));
  const argv = ["keys", "promote", KID, "--wait-until-seen", "a", "--deadline", "1m"];
  const { code, stderr, operator } = await commandLine(argv, { answers: { policy } });
  t.equal(code, 2);
  t.match(stderr, /keys\.countFetches is false/);
  t.same(
    operator.calls.filter(([name]) => name !== "close"),
    [],
  );
});
