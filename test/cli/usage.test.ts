import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { CustodianError, KeyError, StoreError } from "../../src/domain/ports.ts";
import { commandLine } from "../support/command-line.ts";

const KID = "K".repeat(43);

t.test("wrong use is exit 2 with the usage on stderr and nothing on stdout", async (t) => {
  const wrong: string[][] = [
    [],
    ["keys"],
    ["users"],
    ["frobnicate"],
    ["keys", "frobnicate"],
    ["keys", "rotate", "--foo"],
    ["keys", "rotate", "extra"],
    ["keys", "rotate", "--alg"],
    ["keys", "rotate", "--alg", "RS256"],
    ["keys", "rotate", "--alg", "ES256", "--mac"],
    ["keys", "promote"],
    ["keys", "promote", KID, KID],
    ["users", "add"],
    ["users", "add", "a", "b"],
    ["sessions", "list"],
    ["sessions", "list", "--sub"],
    ["config", "check", "extra"],
    ["serve", "extra"],
  ];
  for (const argv of wrong) {
    const { code, stdout, stderr, opened } = await commandLine(argv);
    t.equal(code, 2, argv.join(" "));
    t.equal(stdout, "");
    t.match(stderr, /usage: mintmark/i);
    t.equal(opened, 0, "nothing was opened");
  }
});

t.test("what was typed in the wrong place is not repeated", async (t) => {
  const wrong = [
    ["users", "add", "alice", "canary"],
    ["users", "add", "alice", "--password=canary"],
    ["users", "passwd", "alice", "-pcanary"],
  ];
  for (const argv of wrong) {
    const { code, stderr } = await commandLine(argv);
    t.equal(code, 2);
    t.notOk(stderr.includes("canary"), argv.join(" "));
  }
});

t.test("help that was asked for is data", async (t) => {
  for (const argv of [["--help"], ["keys", "--help"], ["keys", "rotate", "-h"], ["help", "users"]]) {
    const { code, stdout, stderr } = await commandLine(argv);
    t.equal(code, 0);
    t.match(stdout, /^Usage: mintmark/);
    t.equal(stderr, "");
  }
  t.equal((await commandLine(["--version"])).stdout, "1.2.3\n");
});

t.test("an option that takes a value is given once", async (t) => {
  for (const argv of [
    ["sessions", "revoke", "--sub", "canary-a", "--sub", "canary-b"],
    ["keys", "rotate", "--alg", "ES256", "--alg", "EdDSA"],
    ["sessions", "list", "--sub", "canary-a", "--sub=canary-b"],
  ]) {
    const { code, stdout, stderr, opened } = await commandLine(argv);
    t.equal(code, 2, argv.join(" "));
    t.match(stderr, /^error: option '--(?:sub|alg) <.>' is given twice\n/);
    t.notMatch(stdout + stderr, /canary/);
    t.equal(opened, 0);
  }
  t.equal((await commandLine(["keys", "list", "--json", "--json"])).code, 0, "a switch may be");
  t.equal((await commandLine(["keys", "rotate", "--alg", "RS256"])).code, 2);
});

t.test("every fault of the configuration is listed with its path, by every command that needs one", async (t) => {
  const environment = { MINTMARK_PORT: "many", MINTMARK_STORE: "gopher://x" };
  for (const argv of [["config", "check"], ["keys", "list"], ["users", "list"], ["doctor"], ["serve"], ["sessions", "revoke", "--all"]]) {
    const { code, stdout, stderr, opened } = await commandLine(argv, { environment });
    t.equal(code, 2, argv.join(" "));
    t.equal(stdout, "");
    t.match(stderr, /MINTMARK_PORT: /);
    t.match(stderr, /MINTMARK_STORE: /);
    t.match(stderr, /2 faults/);
    t.equal(opened, 0);
  }
});

t.test("a MINTMARK_CONFIG that names no file is exit 2", async (t) => {
  const { code, stderr } = await commandLine(["config", "check"], { environment: { MINTMARK_CONFIG: "absent.json" } });
  t.equal(code, 2);
  t.match(stderr, /MINTMARK_CONFIG: /);
});

t.test("config check says what it found and prints warnings on stderr", async (t) => {
  const { code, stdout } = await commandLine(["config", "check"]);
  t.equal(code, 0);
  for (const line of stdout.trimEnd().split("\n")) t.match(line, /^ok {2}/);
  t.match(stdout, /http:\/\/127\.0\.0\.1:3000/);
});

t.test("a password in the store's URL is not shown", async (t) => {
  const { code, stdout, stderr } = await commandLine(["config", "check"], {
    environment: { MINTMARK_STORE: "redis://:canary@127.0.0.1:6379" },
  });
  t.equal(code, 0);
  t.match(stdout, /Redis/);
  t.notOk(`${stdout}${stderr}`.includes("canary"));
});

t.test("a store or key that can't be used is one line and exit 1", async (t) => {
  const errors = [
    new StoreError("unavailable", "no connection"),
    new StoreError("unknown", "timed out"),
    new KeyError("bad\nfile"),
    new Error("disk"),
  ];
  for (const error of errors) {
    const { code, stdout, stderr } = await commandLine(["keys", "list"], { dependencies: { openOperator: () => Promise.reject(error) } });
    t.equal(code, 1);
    t.equal(stdout, "");
    t.match(stderr, /^error: [^\n]+\n$/);
    const failing = await commandLine(["keys", "list"], { answers: { listKeys: () => Promise.reject(error) } });
    t.equal(failing.code, 1);
    t.same(failing.operator.calls.at(-1), ["close"], "what was opened is closed");
  }
});

t.test("a key that can't be used by how things are set up is exit 2: another run would end the same way", async (t) => {
  for (const Kind of [KeyError, CustodianError]) {
    const error = new Kind("no PIN is given", { isSetup: true });
    for (const options of [
      { dependencies: { openOperator: () => Promise.reject(error) } },
      { answers: { rotateKeys: () => Promise.reject(error) } },
    ]) {
      const { code, stdout, stderr } = await commandLine(["keys", "rotate"], options);
      t.same([code, stdout, stderr], [2, "", "error: no PIN is given\n"]);
    }
    const outage = new Kind("no answer within 1000 ms");
    t.equal((await commandLine(["keys", "rotate"], { answers: { rotateKeys: () => Promise.reject(outage) } })).code, 1);
  }
});

t.test("an error that nobody expected is one line without its message", async (t) => {
  const error = new SyntaxError("canary is not valid JSON");
  const { code, stderr } = await commandLine(["keys", "list"], { answers: { listKeys: () => Promise.reject(error) } });
  t.equal(code, 1);
  t.match(stderr, /^unexpected error: SyntaxError [^\n]+\n$/);
  t.notOk(stderr.includes("canary"));
});

t.test("a client secret is 32 bytes, and its digest is of its text", async (t) => {
  // 32 bytes 0x07; the digest is sha256sum's.
  const secret = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
  const secretSha256 = "dc4bf80c77473d130fa0de86ba4018fe98bb214005e6a5891d12ba91446f9e81";
  const { code, stdout, opened } = await commandLine(["clients", "secret"], { environment: { MINTMARK_PORT: "many" } });
  t.equal(code, 0, "no configuration is needed");
  t.equal(stdout, `secret        ${secret}\nsecretSha256  ${secretSha256}\n`);
  t.equal(opened, 0);
  t.same(JSON.parse((await commandLine(["clients", "secret", "--json"])).stdout), { secret, secretSha256 });
});

t.test("main asks for the Node.js line of .nvmrc", async (t) => {
  const root = join(import.meta.dirname, "..", "..");
  const wanted = readFileSync(join(root, ".nvmrc"), "utf8").trim();
  t.match(readFileSync(join(root, "src", "main.ts"), "utf8"), new RegExp(`^const NODE_MAJOR = ${Number.parseInt(wanted, 10)};$`, "m"));
});
