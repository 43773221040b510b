import t from "tap";
import { commandLine } from "../support/command-line.ts";

const password = "correct horse battery";

t.test("users add reads one line of stdin and prints name and subject", async (t) => {
  for (const stdin of [`${password}\n`, `${password}\r\n`, password, `${password}\nsecond line\n`]) {
    const { code, stdout, stderr, operator } = await commandLine(["users", "add", "alice", "--password-stdin"], { stdin });
    t.equal(code, 0);
    t.same(operator.calls[0], ["addAccount", { name: "alice", password, sub: undefined, claims: undefined }]);
    t.match(stdout, /^name {2}alice\nsub {3}S{22}\n$/);
    t.equal(stderr, "");
  }
});

t.test("name and password are stored in composed form", async (t) => {
  const { operator } = await commandLine(["users", "add", "Rene\u0301", "--password-stdin"], { stdin: "cafe\u0301 creme brulee" });
  t.match(operator.calls[0]?.[1], { name: "Ren\u00e9", password: "caf\u00e9 creme brulee" });
});

t.test("subject and claims are handed on", async (t) => {
  const argv = ["users", "add", "alice", "--password-stdin", "--sub", "u-1", "--claims", '{"roles":["a"]}'];
  const { code, operator } = await commandLine(argv, { stdin: password });
  t.equal(code, 0);
  t.match(operator.calls[0]?.[1], { sub: "u-1", claims: { roles: ["a"] } });
});

t.test("nothing is asked where stdin is no terminal", async (t) => {
  for (const command of ["add", "passwd"]) {
    const { code, stdout, stderr, opened } = await commandLine(["users", command, "alice"]);
    t.same([code, stdout, opened], [2, "", 0]);
    t.match(stderr, /--password-stdin/);
    t.notMatch(stderr, /password: /);
  }
});

t.test("at a terminal the password is asked for twice and never shown", async (t) => {
  const { code, stdout, stderr, operator } = await commandLine(["users", "add", "alice"], { typed: [`${password}\r`, `${password}\r`] });
  t.equal(code, 0);
  t.match(operator.calls[0]?.[1], { password });
  t.equal(stderr, "password: \nonce more: \n");
  t.notOk(stdout.includes(password));
});

t.test("two different passwords are exit 1, ^C ends it", async (t) => {
  const differ = await commandLine(["users", "add", "alice"], { typed: [`${password}\r`, `${password}!\r`] });
  t.same([differ.code, differ.opened], [1, 0]);
  const ended = await commandLine(["users", "add", "alice"], { typed: ["\u0003"] });
  t.not(ended.code, 0);
  t.equal(ended.opened, 0);
});

t.test("wrong names, passwords, subjects and claims are exit 2 and touch nothing", async (t) => {
  const add = (name: string, ...rest: string[]): string[] => ["users", "add", name, "--password-stdin", ...rest];
  const wrong: [string[], string | Buffer][] = [
    [add(""), password],
    [add("a".repeat(257)), password],
    [add("a\u001b[2J"), password],
    [add("alice"), "fourteen chars"],
    [add("alice"), ""],
    [add("alice"), "\n"],
    [add("alice"), `\n${password}`],
    [add("alice"), "a".repeat(1025)],
    [add("alice"), `${password}\u0000`],
    [add("alice"), Buffer.from([...Buffer.from(password), 0xff])],
    [add("alice"), "a".repeat(100_000)],
    [add("alice", "--sub", ""), password],
    [add("alice", "--sub", "a".repeat(256)), password],
    [add("alice", "--sub", "app"), password],
    [add("alice", "--claims", "{"), password],
    [add("alice", "--claims", "[]"), password],
    [add("alice", "--claims", '{"a":1,"a":2}'), password],
    [add("alice", "--claims", '{"iss":"x"}'), password],
    [add("alice", "--claims", JSON.stringify({ a: "x".repeat(5000) })), password],
  ];
  for (const [argv, stdin] of wrong) {
    const { code, stdout, stderr, opened } = await commandLine(argv, { stdin });
    t.same([code, stdout, opened], [2, "", 0], argv.join(" ").slice(0, 60));
    t.match(stderr, /^error: /);
    t.notOk(stderr.includes(password));
  }
});

t.test("a name that is taken or unknown is exit 1", async (t) => {
  const no = async (): Promise<{ failed: string }> => ({ failed: "not possible" });
  const answers = { addAccount: no, changePassword: no, disableAccount: no, enableAccount: no, removeAccount: no };
  for (const argv of [
    ["add", "alice", "--password-stdin"],
    ["passwd", "alice", "--password-stdin"],
    ["disable", "alice"],
    ["enable", "alice"],
    ["remove", "alice"],
  ]) {
    const { code, stdout, stderr } = await commandLine(["users", ...argv], { stdin: password, answers });
    t.same([code, stdout, stderr], [1, "", "error: not possible\n"], argv.join(" "));
  }
});

t.test("passwd, disable, enable and remove change the account that was named", async (t) => {
  const cases: [string[], unknown[]][] = [
    [
      ["passwd", "alice", "--password-stdin"],
      ["changePassword", "alice", password],
    ],
    [
      ["disable", "alice"],
      ["disableAccount", "alice"],
    ],
    [
      ["enable", "alice"],
      ["enableAccount", "alice"],
    ],
    [
      ["remove", "alice"],
      ["removeAccount", "alice"],
    ],
  ];
  for (const [argv, call] of cases) {
    const { code, stdout, operator } = await commandLine(["users", ...argv], { stdin: password });
    t.same([code, stdout], [0, ""]);
    t.same(operator.calls, [call, ["close"]]);
  }
});

t.test("users list is a table or JSON, by name", async (t) => {
  const { code, stdout } = await commandLine(["users", "list"]);
  t.equal(code, 0);
  t.match(stdout, /^NAME +SUB +STATE +CREATED\nalice +S{22} +enabled +2026-11-21T07:00:00Z\nbob +S{22} +disabled /);
  const { users } = JSON.parse((await commandLine(["users", "list", "--json"])).stdout) as { users: unknown[] };
  t.same(users[1], { name: "bob", sub: "S".repeat(22), disabled: true, createdAt: "2026-11-21T07:00:00.000Z" });
});

t.test("no users at all: what to do is said on stderr, JSON is an empty list", async (t) => {
  const answers = { listAccounts: async function* () {} };
  const { code, stdout, stderr } = await commandLine(["users", "list"], { answers });
  t.same([code, stdout, stderr], [0, "", "no users yet: npx mintmark users add NAME\n"]);
  t.same(JSON.parse((await commandLine(["users", "list", "--json"], { answers })).stdout), { users: [] });
});
