import { chmod, mkdir, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { StoreError } from "../../src/domain/ports.ts";
import type { StoreFinding } from "../../src/domain/ports.ts";
import type { KeyListing, Operator } from "../../src/issuer/types.ts";
import { commandLine, type Ran, type RunOptions } from "../support/command-line.ts";
import { HOUR, NOW, sampleKeys } from "../support/fake-operator.ts";

const ISSUER = "http://127.0.0.1:3000";
const macKeys = (): KeyListing[] =>
  sampleKeys()
    .filter(({ alg }) => alg === "ES256")
    .map((key) => ({ ...key, alg: "HS256" }));
const listKeys = async (mac: boolean): Promise<KeyListing[]> => (mac ? macKeys() : sampleKeys());
const answering =
  (body: string, status = 200): typeof fetch =>
  async () =>
    new Response(body, { status });
const metadata = answering(JSON.stringify({ issuer: ISSUER }));

async function doctor(options: RunOptions = {}, ...argv: string[]): Promise<Ran & { findings: StoreFinding[] }> {
  const ran = await commandLine(["doctor", "--json", ...argv], {
    ...options,
    answers: { listKeys, ...options.answers },
    dependencies: { fetch: metadata, ...options.dependencies },
  });
  return { ...ran, findings: ran.stdout === "" ? [] : (JSON.parse(ran.stdout) as { findings: StoreFinding[] }).findings };
}

const about = ({ findings }: { findings: StoreFinding[] }, subject: string): StoreFinding | undefined =>
  findings.find((finding) => finding.subject === subject);

t.test("a healthy issuer is exit 0, and what was looked at is listed", async (t) => {
  const ran = await doctor();
  t.equal(ran.code, 0);
  t.notOk(ran.findings.some(({ severity }) => severity === "fault" || severity === "warning"));
  for (const subject of ["durability", "clock", "key ring, EdDSA", "issuer URL"]) t.equal(about(ran, subject)?.severity, "ok", subject);
  t.match(ran.stderr, /0 faults, 0 warnings/);
  t.same(ran.operator.calls.at(-1), ["close"]);
  const drawn = await commandLine(["doctor"], { answers: { listKeys }, dependencies: { fetch: metadata } });
  t.match(drawn.stdout, /^ok +durability: everything is on the disk$/m);
  t.match(drawn.stdout, /^hint +key folder: .*\n +→ a first start makes it$/m);
});

t.test("a fault of the store is exit 1 with its advice; warnings and hints are exit 0", async (t) => {
  const inspect = (severity: StoreFinding["severity"]): Partial<Operator> => ({
    inspect: async () => [{ severity, subject: "eviction", finding: "would lose sessions", advice: "set noeviction" }],
  });
  t.equal((await doctor({ answers: inspect("fault") })).code, 1);
  t.equal((await doctor({ answers: inspect("warning") })).code, 0);
  t.equal((await doctor({ answers: inspect("hint") })).code, 0);
});

t.test("a key custodian that can't be used is exit 1, and what to do is said", async (t) => {
  const fault: StoreFinding = { severity: "fault", subject: "key custodian", finding: "pkcs11:token=t: no such token", advice: "mend it" };
  const inspect = async () => [fault, { severity: "ok", subject: "key custodian", finding: "awskms: can be used from here" } as const];
  const ran = await doctor({ answers: { inspect } });
  t.equal(ran.code, 1);
  t.same(about(ran, "key custodian"), fault);
  const drawn = await commandLine(["doctor"], { answers: { listKeys, inspect }, dependencies: { fetch: metadata } });
  t.match(drawn.stdout, /^fault +key custodian: pkcs11:token=t: no such token\n +→ mend it\nok +key custodian: awskms/m);
});

t.test("a store that can't be opened or asked is a fault, and the rest is still looked at", async (t) => {
  const error = new StoreError("unavailable", "no connection");
  const closed = await doctor({ dependencies: { openOperator: () => Promise.reject(error) } });
  t.equal(closed.code, 1);
  t.match(about(closed, "store"), { severity: "fault", finding: /no connection/ });
  t.ok(about(closed, "issuer URL"));
  const mute = await doctor({ answers: { storeClock: () => Promise.reject(error) } });
  t.equal(mute.code, 1);
  t.same(mute.operator.calls.at(-1), ["close"]);
});

t.test("a clock that is further away than clockSkew (10 s) is a fault, more than a second a warning", async (t) => {
  const cases: [number, string][] = [
    [0, "ok"],
    [-900, "ok"],
    [1_500, "warning"],
    [-10_000, "warning"],
    [10_001, "fault"],
    [-86_400_000, "fault"],
  ];
  for (const [millis, severity] of cases)
    t.equal(about(await doctor({ answers: { storeClock: async () => NOW + millis } }), "clock")?.severity, severity, String(millis));
});

t.test("each algorithm needs an active and a staged key", async (t) => {
  const without = (state: string): Partial<Operator> => ({
    listKeys: async (mac) => (await listKeys(mac)).filter((key) => key.alg !== "ES256" || key.state !== state),
  });
  t.match(about(await doctor({ answers: without("active") }), "key ring, ES256"), { severity: "fault", finding: /no active key/ });
  t.match(about(await doctor({ answers: without("staged") }), "key ring, ES256"), { severity: "fault", finding: /no staged key/ });
  t.match(about(await doctor({ answers: { listKeys: async (mac) => (mac ? [] : sampleKeys()) } }), "key ring, MAC keys"), {
    severity: "fault",
  });
  const first = async (mac: boolean) =>
    (await listKeys(mac))
      .filter(({ alg, state }) => alg !== "ES256" || state === "staged")
      .map((key) => (key.alg === "ES256" ? { ...key, activeAt: NOW + 3 * HOUR } : key));
  t.match(about(await doctor({ answers: { listKeys: first } }), "key ring, ES256"), { severity: "hint", finding: /signs in 3 h/ });
  t.match(about(await doctor(), "key ring, ES256"), { severity: "hint", finding: /20 h/ }, "staged 4 hours ago, stageFor is 24 h");
  t.match(about(await doctor({ answers: { listKeys: async () => [] } }), "key ring"), { severity: "hint", finding: /no keys yet/ });
});

t.test("an active key past its planned end is a warning", async (t) => {
  const old = { publishedAt: NOW - 900 * HOUR, activeAt: NOW - 800 * HOUR };
  const answers: Partial<Operator> = {
    listKeys: async (mac) => (await listKeys(mac)).map((key) => (key.alg === "EdDSA" && key.state === "active" ? { ...key, ...old } : key)),
  };
  t.match(about(await doctor({ answers }), "key ring, EdDSA"), { severity: "warning", finding: /past its planned end/ });
});

t.test("private parts that others may use are a fault, the folder's own files are not", async (t) => {
  const directory = t.testdir({ keys: { "README.md": "", ".gitignore": "", "ring.json": "{}", "k.json": "{}" } });
  const keys = join(directory, "keys");
  for (const name of ["README.md", "ring.json"]) await chmod(join(keys, name), 0o644);
  await chmod(keys, 0o755);
  await chmod(join(keys, "k.json"), 0o600);
  const environment = { MINTMARK_KEYS: `file:${keys}` };
  t.match(about(await doctor({ environment }), "key folder"), { severity: "ok", finding: /^1 / });
  await chmod(join(keys, "k.json"), 0o640);
  const open = await doctor({ environment });
  t.equal(open.code, 1);
  t.match(about(open, "key folder"), { severity: "fault", finding: /k\.json/, advice: /0600/ });
  await chmod(join(keys, "k.json"), 0o600);
  await chmod(keys, 0o777);
  t.match(about(await doctor({ environment }), "key folder"), { severity: "fault", advice: /0700/ });
});

t.test("key files that no ring names are a hint, but not those that a command writes just now", async (t) => {
  const kids = [...(await listKeys(false)), ...(await listKeys(true))].map(({ kid }) => kid);
  const named = Object.fromEntries(kids.map((kid) => [`${kid}.json`, "{}"]));
  const directory = t.testdir({ keys: { ...named, "README.md": "", "ring.json": "{}", "left.json": "{}", "over.jwe": "" } });
  const keys = join(directory, "keys");
  for (const name of await readdir(keys)) {
    await chmod(join(keys, name), 0o600);
    await utimes(join(keys, name), new Date(NOW - 2 * HOUR), new Date(NOW - 2 * HOUR));
  }
  const environment = { MINTMARK_KEYS: `file:${keys}` };
  t.match(about(await doctor({ environment }), "key folder"), { severity: "hint", finding: /name left\.json, over\.jwe:/ });
  await utimes(join(keys, "left.json"), new Date(NOW), new Date(NOW));
  t.match(about(await doctor({ environment }), "key folder"), { severity: "hint", finding: /name over\.jwe:/ });
  await rm(join(keys, "over.jwe"));
  t.match(about(await doctor({ environment }), "key folder"), { severity: "ok" });
  const empty = await doctor({ environment, answers: { listKeys: async () => [] } });
  t.match(about(empty, "key folder"), { severity: "ok" }, "a ring that is yet to be adopted names none");
});

t.test("a key folder that is a file is a fault", async (t) => {
  const directory = t.testdir();
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "keys"), "");
  const ran = await doctor({ environment: { MINTMARK_KEYS: `file:${join(directory, "keys")}` } });
  t.match(about(ran, "key folder"), { severity: "fault" });
});

t.test("an issuer URL that nobody answers is a hint, one that somebody else answers a fault", async (t) => {
  const cases: [typeof fetch, string][] = [
    [metadata, "ok"],
    [() => Promise.reject(new TypeError("fetch failed")), "hint"],
    [answering("", 502), "fault"],
    [answering("<html>"), "fault"],
    [answering("null"), "fault"],
    [answering(JSON.stringify({ issuer: `${ISSUER}/` })), "fault"],
    [answering(`{"issuer":"x","issuer":"${ISSUER}"}`), "fault"],
  ];
  for (const [fetch, severity] of cases) t.equal(about(await doctor({ dependencies: { fetch } }), "issuer URL")?.severity, severity);
});

t.test("--accept-empty-store is asked for first; where it can't be done that is exit 1", async (t) => {
  const done = await doctor({}, "--accept-empty-store");
  t.equal(done.code, 0);
  t.same(done.operator.calls.slice(0, 2), [["acceptEmptyStore"], ["close"]]);
  const failed = await doctor(
    { answers: { acceptEmptyStore: async () => ({ failed: "the store is not empty" }) } },
    "--accept-empty-store",
  );
  t.same([failed.code, failed.stdout], [1, ""]);
  t.match(failed.stderr, /the store is not empty/);
  t.notOk((await doctor()).operator.calls.some(([name]) => name === "acceptEmptyStore"));
});
