import { symlinkSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { KeyListing, Operator } from "../../src/issuer/types.ts";
import { commandLine } from "../support/command-line.ts";
import { HOUR, NOW, sampleKeys } from "../support/fake-operator.ts";

const KID = "K".repeat(43);
const risk = "verifiers may not know it yet";

t.test("keys list --json has exactly the promised members, times RFC 3339 or null", async (t) => {
  const { code, stdout } = await commandLine(["keys", "list", "--json"]);
  t.equal(code, 0);
  const { keys } = JSON.parse(stdout) as { keys: Record<string, unknown>[] };
  t.equal(keys.length, sampleKeys().length);
  t.same(keys[1], {
    kid: "B".repeat(43),
    alg: "ES256",
    state: "active",
    publishedAt: "2026-11-20T02:00:00.000Z",
    activeAt: "2026-11-21T07:59:00.000Z",
    retiringAt: null,
    retiredAt: null,
    revokedAt: null,
  });
});

t.test("keys list is a timeline: one line per key with state, age and what happens next", async (t) => {
  const { code, stdout, stderr } = await commandLine(["keys", "list"]);
  t.equal(code, 0);
  t.equal(stderr, "");
  const lines = stdout.split("\n");
  const lineOf = (kid: string): string => lines.find((line) => line.startsWith(kid)) ?? "";
  t.match(lines[0], /KID +ALG +STATE +AGE +NEXT +.*▼/);
  t.match(lineOf("A".repeat(43)), /ES256 +retiring +12 d 3 h +retired in 3 h 20 m +█+▒/);
  t.match(lineOf("B".repeat(43)), /ES256 +active +1 d 6 h +rotates in 29 d 23 h +░+█/);
  t.match(lineOf("C".repeat(43)), /ES256 +staged +4 h +ready in 20 h +░/);
  t.match(lineOf("E".repeat(43)), /EdDSA +staged +1 d 1 h +active in 1 h +░+█/);
  t.match(lineOf("-".repeat(43)), /EdDSA +revoked +12 d 3 h +since 2 h +░+×/);
  t.notOk(stdout.includes("\u001b"), "no colour where stdout is no terminal");
});

t.test("the timeline says where keys are as soon as one is elsewhere than in a file", async (t) => {
  const keys = sampleKeys().map((key, index) => (index === 1 ? { ...key, custody: "pkcs11" } : key));
  const { stdout } = await commandLine(["keys", "list"], { answers: { listKeys: async () => keys } });
  t.match(stdout, /^KID +ALG +STATE +IN +AGE +NEXT/);
  t.match(stdout, /^A{43} +ES256 +retiring +file +12 d/m);
  t.match(stdout, /^B{43} +ES256 +active +pkcs11 +1 d/m);
  const narrow = await commandLine(["keys", "list"], { terminal: true, columns: 80, answers: { listKeys: async () => keys } });
  for (const line of narrow.stdout.replaceAll(/\u001b\[\d+m/g, "").split("\n")) t.ok(line.length <= 80, line);
  const json = await commandLine(["keys", "list", "--json"], { answers: { listKeys: async () => keys } });
  t.notMatch(json.stdout, /custody/, "the members of --json are those that are promised");
});

t.test("at a terminal no line is wider than it, and colour can be switched off", async (t) => {
  const { stdout, stderr } = await commandLine(["keys", "list"], { terminal: true, columns: 90, environment: { NO_COLOR: "1" } });
  for (const line of stdout.split("\n")) t.ok(line.length <= 90, line);
  t.notOk(stdout.includes("\u001b"));
  t.match(stdout, /^A{10}… /m);
  t.match(stderr, /--json/, "says where whole kids are");
  t.ok((await commandLine(["keys", "list"], { terminal: true })).stdout.includes("\u001b[32m"));
  t.match(
    (await commandLine(["keys", "list"], { terminal: true, columns: 160 })).stdout,
    new RegExp("A".repeat(43)),
    "whole kids where there is room",
  );
});

t.test("keys that were all made this moment can be drawn too", async (t) => {
  const times = { publishedAt: NOW, activeAt: NOW, retiringAt: undefined, retiredAt: undefined, revokedAt: undefined };
  const key: KeyListing = { kid: KID, alg: "ES256", state: "active", custody: "file", ...times };
  const { code, stdout } = await commandLine(["keys", "list"], { answers: { listKeys: async () => [key] } });
  t.equal(code, 0);
  t.match(stdout, /active +0 s +rotates in 30 d +█{48}/);
});

t.test("--mac lists MAC keys; no keys at all is said on stderr", async (t) => {
  const { code, stdout, stderr, operator } = await commandLine(["keys", "list", "--mac"]);
  t.same([code, stdout], [0, ""]);
  t.match(stderr, /no keys yet/);
  t.same(operator.calls[0], ["listKeys", true]);
});

t.test("stage and rotate take all signing keys, one algorithm or the MAC keys", async (t) => {
  const cases: [string[], unknown[]][] = [
    [["stage"], ["stageKeys", ["ES256", "EdDSA"]]],
    [
      ["stage", "--alg", "ES256"],
      ["stageKeys", ["ES256"]],
    ],
    [["rotate"], ["rotateKeys", ["ES256", "EdDSA"], { dryRun: false }]],
    [
      ["rotate", "--alg", "EdDSA", "--dry-run"],
      ["rotateKeys", ["EdDSA"], { dryRun: true }],
    ],
    [
      ["rotate", "--mac"],
      ["rotateKeys", ["HS256"], { dryRun: false }],
    ],
  ];
  for (const [argv, call] of cases) {
    const { code, operator } = await commandLine(["keys", ...argv]);
    t.equal(code, 0);
    t.same(operator.calls[1], call, argv.join(" "));
  }
});

t.test("an algorithm that the configuration doesn't have is exit 2", async (t) => {
  const { code, operator } = await commandLine(["keys", "stage", "--alg", "EdDSA"], { answers: { ringAlgorithms: () => [] } });
  t.equal(code, 2);
  t.notOk(operator.calls.some(([name]) => name === "stageKeys"));
});

t.test("steps are data; where nothing was due that is said and is exit 0", async (t) => {
  const steps = ["ES256: B signs from now"];
  const planned = await commandLine(["keys", "rotate"], { answers: { rotateKeys: async () => ({ keys: [], steps }) } });
  t.same([planned.code, planned.stdout, planned.stderr], [0, `${steps[0]}\n`, ""]);
  const idle = await commandLine(["keys", "rotate", "--dry-run"]);
  t.same([idle.code, idle.stdout], [0, ""]);
  t.match(idle.stderr, /nothing was due\ndry run/);
});

t.test("promote asks for the kid it was given; what is unsafe is exit 3 with the risk", async (t) => {
  const { code, operator } = await commandLine(["keys", "promote", KID]);
  t.equal(code, 0);
  t.same(operator.calls[0], ["promoteKey", KID, { force: false, reason: undefined }]);
  const unsafe = await commandLine(["keys", "promote", KID], { answers: { promoteKey: async () => ({ unsafe: true, risk }) } });
  t.same([unsafe.code, unsafe.stdout], [3, ""]);
  t.ok(unsafe.stderr.includes(risk));
  t.match(unsafe.stderr, /--force --reason/);
  const forced = await commandLine(["keys", "promote", KID, "--force", "--reason", "leak"]);
  t.same(forced.operator.calls[0], ["promoteKey", KID, { force: true, reason: "leak" }]);
});

t.test("an unknown kid is exit 1, one with odd characters exit 2 before anything is opened", async (t) => {
  for (const [command, name] of [
    ["promote", "promoteKey"],
    ["revoke", "revokeKeys"],
  ] as const) {
    const answers = { [name]: async () => ({ failed: "there is no such key" }) };
    const unknown = await commandLine(["keys", command, KID, "--reason", "leak"], { answers });
    t.equal(unknown.code, 1);
    t.match(unknown.stderr, /no such key/);
    for (const kid of ["../../etc/passwd", "", "a b", "a\u0000", "é", "k".repeat(129), "..", "/"]) {
      const odd = await commandLine(["keys", command, kid, "--reason", "leak"]);
      t.same([odd.code, odd.opened], [2, 0], JSON.stringify(kid));
    }
  }
});

t.test("a kid that begins with a hyphen is a kid", async (t) => {
  const kid = `-${"a".repeat(42)}`;
  const promoted = await commandLine(["keys", "promote", kid, "--force", "--reason", "leak"]);
  t.same(promoted.operator.calls[0], ["promoteKey", kid, { force: true, reason: "leak" }]);
  const revoked = await commandLine(["keys", "revoke", "--reason", kid, kid]);
  t.same(revoked.operator.calls[0], ["revokeKeys", [kid], kid, false]);
});

t.test("--force without --reason is exit 2, and so is a revoke without", async (t) => {
  t.match((await commandLine(["keys", "revoke", KID])).stderr, /--reason "…" is required: it goes into the line .* stderr/);
  const wrong = [
    ["promote", KID, "--force"],
    ["revoke", KID],
    ["revoke", KID, "--force"],
    ["revoke", KID, "--reason", ""],
    ["revoke", KID, "--reason", "a\nb"],
    ["revoke", KID, "--reason", "r".repeat(257)],
    ["revoke", "--reason", "leak"],
    ["revoke", KID, "--all", "--reason", "leak"],
  ];
  for (const argv of wrong) {
    const { code, opened } = await commandLine(["keys", ...argv]);
    t.same([code, opened], [2, 0], argv.join(" "));
  }
});

t.test("revoke says how long others may still accept the key", async (t) => {
  const { code, stdout, stderr, operator } = await commandLine(["keys", "revoke", "--all", "--reason", "leak", "--force"]);
  t.same([code, stdout], [0, "revoked\n"]);
  t.same(operator.calls[0], ["revokeKeys", "signing", "leak", true]);
  const withMac = await commandLine(["keys", "revoke", "--all", "--mac", "--reason", "leak", "--force"]);
  t.same(withMac.operator.calls[0], ["revokeKeys", "all", "leak", true]);
  t.equal((await commandLine(["keys", "revoke", KID, "--mac", "--reason", "leak"])).code, 2);
  t.match(stderr, /10 m more \(keys\.jwksMaxAge\)/);
  t.match(stderr, /10 minutes/);
  const unsafe = await commandLine(["keys", "revoke", KID, "--reason", "leak"], {
    answers: { revokeKeys: async () => ({ unsafe: true, risk }) },
  });
  t.equal(unsafe.code, 3);
  t.notMatch(unsafe.stderr, /jwksMaxAge/);
});

t.test("prune prints the kids, export the JWK Set", async (t) => {
  t.equal((await commandLine(["keys", "prune"])).stdout, `${"A".repeat(43)}\n`);
  const pruned = async (erased: readonly string[], coming: readonly number[]): Promise<string> => {
    const { code, stdout, stderr } = await commandLine(["keys", "prune"], { answers: { pruneKeys: async () => ({ erased, coming }) } });
    t.same([code, stdout], [0, erased.map((kid) => `${kid}\n`).join("")]);
    return stderr;
  };
  t.equal(await pruned([], []), "nothing to erase\n");
  t.equal(await pruned([], [NOW + HOUR, NOW]), "nothing to erase yet; 2 retired keys are erased from 2026-11-21T08:00:00Z on\n");
  t.equal(await pruned([KID], [NOW]), "private parts erased: 1; 1 retired key is erased from 2026-11-21T08:00:00Z on\n");
  t.equal((await commandLine(["keys", "export"])).stdout, '{"keys":[]}\n');
});

t.test("keys import takes a file, stdin, the URI of a key in a custodian, or all that is in a place", async (t) => {
  const file = join(t.testdir({ "key.pem": "the text" }), "key.pem");
  const asked = async (argv: readonly string[], options: Parameters<typeof commandLine>[1] = {}): Promise<unknown> => {
    const { code, stderr, operator } = await commandLine(["keys", "import", ...argv], options);
    t.equal(code, 0, stderr);
    return operator.calls.find(([name]) => name === "importKey" || name === "moveKeys");
  };
  t.same(await asked([file]), ["importKey", { from: "text", text: "the text", edName: "EdDSA" }]);
  t.same(await asked(["-"], { stdin: "typed" }), ["importKey", { from: "text", text: "typed", edName: "EdDSA" }]);
  const uri = "awskms:key-id=1";
  t.same(await asked([uri]), ["importKey", { from: "custodian", uri, algorithm: "ES256" }]);
  t.same(await asked([uri, "--alg", "EdDSA"]), ["importKey", { from: "custodian", uri, algorithm: "EdDSA" }]);
  t.same(await asked(["shared"]), ["moveKeys", "shared"]);
  t.same(await asked(["file:./keys"]), ["moveKeys", "file"]);
});

t.test("keys import says what it can't take, and asks for nothing then", async (t) => {
  const big = t.testdir({ big: "x".repeat(70_000) });
  const loop = join(big, "loop");
  symlinkSync(loop, loop);
  for (const [argv, code, message] of [
    [["file:./elsewhere"], 2, /not the folder of the keys/],
    [["key.pem", "--alg", "EdDSA"], 2, /--alg is for a key in a custodian/],
    [["no/such/file"], 1, /^error: no\/such\/file: there is no such file$/m],
    [[join(big, "big")], 1, /\/big: is too large for a key$/m],
    [[big], 1, new RegExp(`^error: ${big}: is a folder; .*name its file$`, "m")],
    [[loop], 1, /\/loop: can't be read \(ELOOP\)/],
    [["/dev/null"], 1, /^error: \/dev\/null: is no file; "-" reads a key from stdin$/m],
    [["foo:bar"], 1, /^error: foo:bar: is neither a file nor the URI of a key in a custodian \(pkcs11:, awskms:, vault:\)$/m],
    [["http://x/y"], 1, /^error: http:\/\/x\/y: nothing is fetched from a URL/m],
    [["a\u001b[31m"], 1, /^error: a\uFFFD\[31m: there is no such file$/m],
    [[], 2, /missing required argument/],
  ] as const) {
    const result = await commandLine(["keys", "import", ...argv]);
    t.equal(result.code, code);
    t.match(result.stderr, message);
    t.same(
      result.operator.calls.filter(([name]) => name === "importKey" || name === "moveKeys"),
      [],
    );
  }
});

t.test("keys rewrap says how many private parts were sealed, and what to do then", async (t) => {
  const environment = { MINTMARK_KEY_ENCRYPTION_KEY: "A".repeat(43) };
  const { code, stderr } = await commandLine(["keys", "rewrap"], { environment });
  t.equal(code, 0);
  t.match(stderr, /2 in the ring, 1 files on this machine/);
  t.match(stderr, /oldEncryptionKeyFile/);
  const answers: Partial<Operator> = { rewrapKeys: async () => ({ failed: "nothing" }) };
  t.equal((await commandLine(["keys", "rewrap"], { environment, answers })).code, 1);
  const without = await commandLine(["keys", "rewrap"]);
  t.same([without.code, without.opened], [2, 0]);
  t.match(without.stderr, /no key-encryption key.*\n.*keys\.encryptionKeyFile/);
});
