import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { readConfig } from "../../src/config.ts";
import { accepted, listed } from "./support.ts";

const root = t.testdir({});
const KEY = Buffer.alloc(32, 7).toString("base64url");

/** A working directory with these files. */
function folderWith(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = mkdtempSync(join(root, "w-"));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content, { mode: 0o600 });
  return folder;
}

/** The faults of a file of this content. */
async function faultsIn(content: string | Uint8Array, environment: Readonly<Record<string, string>> = {}): Promise<string[]> {
  return listed(await readConfig(environment, folderWith({ "mintmark.config.json": content })));
}

t.test("the file in the working directory is read", async (t) => {
  const folder = folderWith({ "mintmark.config.json": '{ "listen": { "port": 4000 } }\n' });
  const config = accepted(await readConfig({}, folder));
  t.equal(config.listen.port, 4000);
  t.equal(config.source, join(folder, "mintmark.config.json"));
  t.equal(config.isDefault, false);
  t.equal(config.policy.clients.size, 0);
});

t.test("without a file the defaults are in force, and it says so", async (t) => {
  const config = accepted(await readConfig({}, folderWith({})));
  t.equal(config.isDefault, true);
  t.equal(config.source, undefined);
  t.ok(config.policy.clients.has("app"));
});

t.test("MINTMARK_CONFIG names the file; paths in it are relative to the working directory", async (t) => {
  const folder = folderWith({ "mintmark.config.json": "{ broken" });
  mkdirSync(join(folder, "etc"));
  writeFileSync(join(folder, "etc", "other.json"), '{ "store": "embedded:./there" }');
  const config = accepted(await readConfig({ MINTMARK_CONFIG: "etc/other.json" }, folder));
  t.same(config.store, { kind: "embedded", directory: join(folder, "there") });
});

t.test("MINTMARK_CONFIG naming no readable file is a fault", async (t) => {
  const folder = folderWith({});
  for (const name of ["missing.json", ".", "a\0b"]) {
    const faults = listed(await readConfig({ MINTMARK_CONFIG: name }, folder));
    t.equal(faults.length, 1);
    t.match(faults[0], /^MINTMARK_CONFIG: /);
  }
});

t.test("the file is strict JSON in UTF-8, and the place of the fault is said", async (t) => {
  const cases: readonly (readonly [string | Uint8Array, RegExp])[] = [
    ["", /ends too early/],
    ["{\n  // comment\n}", /line 2, column 3/],
    ['{ "issuer": "https://a", }', /line 1, column 26/],
    ['{ "issuer": "https://a", "issuer": "https://b" }', /twice/],
    ["\ufeff{}", /byte order mark/],
    ['{ "__proto__": {} }', /__proto__/],
    [new Uint8Array([0x7b, 0xff, 0x7d]), /UTF-8/],
    [new Uint8Array([0xff, 0xfe, 0x7b, 0, 0x7d, 0]), /UTF-8/],
  ];
  for (const [content, message] of cases) {
    const faults = await faultsIn(content);
    t.equal(faults.length, 1);
    t.match(faults[0], /^mintmark\.config\.json: /);
    t.match(faults[0], message);
  }
});

t.test("what the environment gets wrong is listed beside a broken file", async (t) => {
  const faults = await faultsIn("{", { MINTMARK_PORT: "x", MINTMARK_NOPE: "1", NODE_ENV: "production", MINTMARK_HOST: "0.0.0.0" });
  t.same(
    faults.map((fault) => fault.split(":")[0]),
    ["mintmark.config.json", "MINTMARK_NOPE", "MINTMARK_PORT"],
  );
});

t.test("the key-encryption key is read from its file, with or without a newline at its end", async (t) => {
  for (const end of ["", "\n", "\r\n"]) {
    const folder = folderWith({ "mintmark.config.json": '{ "keys": { "encryptionKeyFile": "kek" } }', kek: KEY + end });
    const config = accepted(await readConfig({ NODE_ENV: "production" }, folder));
    t.same(config.keys.encryptionKey, new Uint8Array(32).fill(7));
  }
});

t.test("the key-encryption key of the environment wins, and the file is not opened", async (t) => {
  const folder = folderWith({ "mintmark.config.json": '{ "keys": { "encryptionKeyFile": "missing" } }' });
  const config = accepted(await readConfig({ MINTMARK_KEY_ENCRYPTION_KEY: KEY }, folder));
  t.same(config.keys.encryptionKey, new Uint8Array(32).fill(7));
});

t.test("a key-encryption key that is not exactly 32 bytes in base64url is refused and not shown", async (t) => {
  const spare = `${KEY.slice(0, -1)}d`;
  for (const text of [
    "",
    "abc",
    `${KEY}=`,
    KEY.slice(1),
    `${KEY}A`,
    ` ${KEY}`,
    `${KEY}\n\n`,
    spare,
    Buffer.alloc(32, 255).toString("base64"),
  ]) {
    const folder = folderWith({ "mintmark.config.json": '{ "keys": { "encryptionKeyFile": "kek" } }', kek: text });
    const fromFile = listed(await readConfig({}, folder));
    t.equal(fromFile.length, 1, JSON.stringify(text));
    t.match(fromFile[0], /^keys\.encryptionKeyFile: .*32 bytes in base64url/);
    if (text !== "")
      t.match(
        listed(await readConfig({ MINTMARK_KEY_ENCRYPTION_KEY: text }, folder))[0],
        /^MINTMARK_KEY_ENCRYPTION_KEY: expected 32 bytes/,
      );
  }
});

t.test("a key-encryption key that others may open is refused in production, elsewhere a warning", async (t) => {
  for (const mode of [0o640, 0o604, 0o620]) {
    const folder = folderWith({ "mintmark.config.json": '{ "keys": { "encryptionKeyFile": "kek" } }', kek: KEY });
    chmodSync(join(folder, "kek"), mode);
    const faults = listed(await readConfig({ NODE_ENV: "production" }, folder));
    t.equal(faults.length, 1);
    t.match(faults[0], /^keys\.encryptionKeyFile: .*chmod 600/);
    t.match(accepted(await readConfig({}, folder)).warnings.join("\n"), /chmod 600/);
  }
});

t.test("a key-encryption key file that is no file is refused", async (t) => {
  for (const name of ["missing", ".", "/dev/zero"]) {
    const faults = await faultsIn(JSON.stringify({ keys: { encryptionKeyFile: name } }));
    t.equal(faults.length, 1, name);
    t.match(faults[0], /^keys\.encryptionKeyFile: /);
  }
});
