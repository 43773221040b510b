import { execFileSync } from "node:child_process";
import { createHmac, createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { calculateJwkThumbprint, compactDecrypt, decodeProtectedHeader } from "jose";
import t from "tap";
import { KeyError } from "../../src/domain/ports.ts";
import type { NewKey, Random } from "../../src/domain/ports.ts";
import type { KeyAlgorithm, RingKey } from "../../src/domain/ring.ts";
import { openLocalCustodian } from "../../src/signers/local.ts";
import { encryptionKeys } from "../../src/signers/material/encryption-keys.ts";
import type { LocalCustodian, LocalCustodianOptions } from "../../src/signers/local.ts";

const NOW = Date.UTC(2026, 10, 20, 12);
const KEK = new Uint8Array(32).fill(9);
const KEKS = encryptionKeys(KEK, undefined);

/** Repeatable and different each time. */
function counter(): Random {
  let count = 0;
  return (length) => {
    count += 1;
    return new Uint8Array(length).fill(count);
  };
}

interface Place {
  readonly directory: string;
  readonly custodian: LocalCustodian;
  readonly warnings: string[];
}

function place(directory: string, options: Partial<LocalCustodianOptions> = {}): Place {
  const warnings: string[] = [];
  const custodian = openLocalCustodian({
    directory,
    strictPermissions: true,
    random: counter(),
    onWarning: (message) => warnings.push(message),
    ...options,
  });
  return { directory, custodian, warnings };
}

function ringKey({ sealed: _, ...key }: NewKey, changed: Partial<RingKey> = {}): RingKey {
  return { ...key, publishedAt: NOW, longestLifetimeMillis: 0, ...changed };
}

type Jwk = Record<string, unknown>;
const readJwk = (path: string) => JSON.parse(readFileSync(path, "utf8")) as Jwk;
const write = (path: string, content: string | Uint8Array) => writeFileSync(path, content, { mode: 0o600 });

/** The message of the `KeyError` this rejects with. */
async function faultOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof KeyError) return error.message;
    throw error;
  }
  return "no fault";
}

t.test("a new signing key is one private JWK under its thumbprint, the owner's alone", async (t) => {
  for (const [algorithm, type] of [
    ["ES256", { kty: "EC", crv: "P-256" }],
    ["EdDSA", { kty: "OKP", crv: "Ed25519" }],
    ["Ed25519", { kty: "OKP", crv: "Ed25519" }],
  ] as const) {
    const { directory, custodian } = place(join(t.testdir(), "keys"));
    const key = await custodian.create(algorithm, NOW);
    t.equal(key.algorithm, algorithm);
    t.equal(key.custody, `file:${key.kid}`);
    t.equal(key.kid, await calculateJwkThumbprint({ ...key.publicJwk }), "as jose computes it");
    t.same(readdirSync(directory), [`${key.kid}.json`]);

    const jwk = readJwk(join(directory, `${key.kid}.json`));
    const { d, ...rest } = jwk;
    t.same(rest, { ...type, ...key.publicJwk, kid: key.kid, alg: algorithm, use: "sig", createdAt: "2026-11-20T12:00:00.000Z" });
    t.equal(Buffer.from(String(d), "base64url").length, 32);
    t.notOk("d" in (key.publicJwk ?? {}));
    t.equal(statSync(join(directory, `${key.kid}.json`)).mode & 0o777, 0o600);
    t.equal(statSync(directory).mode & 0o777, 0o700);
  }
});

t.test("a signer signs as its public key says, raw, and each key has its own", async (t) => {
  const { custodian } = place(t.testdir());
  for (const algorithm of ["ES256", "EdDSA", "Ed25519"] as const) {
    const key = await custodian.create(algorithm, NOW);
    const signer = await custodian.openSigner(ringKey(key));
    t.equal(signer.kid, key.kid);
    t.equal(signer.algorithm, algorithm);
    const input = "eyJhbGciOiJFUzI1NiJ9.e30";
    const signature = await signer.sign(input);
    t.equal(signature.length, 64);
    const publicKey = createPublicKey({ key: { ...key.publicJwk }, format: "jwk" });
    const good =
      algorithm === "ES256"
        ? verify("sha256", Buffer.from(input), { key: publicKey, dsaEncoding: "ieee-p1363" }, signature)
        : verify(null, Buffer.from(input), publicKey, signature);
    t.equal(good, true);
  }
});

t.test("a MAC key is 32 random bytes, and gives HMAC-SHA-256", async (t) => {
  const { directory, custodian } = place(t.testdir());
  const key = await custodian.create("HS256", NOW);
  t.equal("publicJwk" in key, false);
  const jwk = readJwk(join(directory, `${key.kid}.json`));
  t.same([...Buffer.from(String(jwk.k), "base64url")], new Array(32).fill(1));
  t.equal(key.kid, await calculateJwkThumbprint({ kty: "oct", k: String(jwk.k) }));
  const mac = await custodian.openMac(ringKey(key, { macVersion: 1 }));
  const expected = createHmac("sha256", Buffer.alloc(32, 1)).update("data").digest();
  t.same(mac(new TextEncoder().encode("data")), expected);
});

t.test("a signing key opens as no MAC key, nor the other way", async (t) => {
  const { custodian } = place(t.testdir());
  const mac = await custodian.create("HS256", NOW);
  const signing = await custodian.create("ES256", NOW);
  t.match(await faultOf(custodian.openSigner(ringKey(mac))), "is not a signing key");
  t.match(await faultOf(custodian.openMac(ringKey(signing))), "is not a MAC key");
  t.match(
    await faultOf(custodian.openMac({ ...ringKey(signing), algorithm: "HS256" })),
    /is a key for ES256; the key ring has it for HS256/,
  );
});

t.test("a sealed key shows nothing, carries its name under the seal, and opens again", async (t) => {
  const { directory, custodian } = place(t.testdir(), { encryptionKeys: KEKS });
  for (const algorithm of ["ES256", "EdDSA", "HS256"] as const) {
    const key = await custodian.create(algorithm, NOW);
    const path = join(directory, `${key.kid}.jwe`);
    t.equal(statSync(path).mode & 0o777, 0o600);
    const sealed = readFileSync(path, "utf8");
    t.same(decodeProtectedHeader(sealed), { alg: "dir", enc: "A256GCM", cty: "jwk+json", kid: key.kid });
    const { plaintext } = await compactDecrypt(sealed, KEK);
    const { d, k } = JSON.parse(new TextDecoder().decode(plaintext)) as Jwk;
    t.notOk(sealed.includes(String(d ?? k)));
    if (algorithm === "HS256") t.equal((await custodian.openMac(ringKey(key)))(new Uint8Array()).length, 32);
    else t.equal((await custodian.openSigner(ringKey(key))).kid, key.kid);
  }
  t.equal((await custodian.find()).length, 3);
});

t.test("a sealed key without the key-encryption key, under another, damaged or renamed says which it is", async (t) => {
  const { directory, custodian } = place(t.testdir(), { encryptionKeys: KEKS });
  const key = await custodian.create("ES256", NOW);
  const other = await custodian.create("ES256", NOW);
  const path = join(directory, `${key.kid}.jwe`);
  const sealed = readFileSync(path, "utf8");

  await t.rejects(place(directory).custodian.openSigner(ringKey(key)), {
    name: "KeyError",
    isSetup: true,
    message: `${path}: is sealed, and no key-encryption key is given; set keys.encryptionKeyFile.`,
  });
  const wrong = place(directory, { encryptionKeys: encryptionKeys(new Uint8Array(32), undefined) }).custodian;
  const says = /can't be opened with the key-encryption key: either it is another one/;
  await t.rejects(wrong.openSigner(ringKey(key)), { name: "KeyError", isSetup: true, message: says });

  write(path, `${sealed.slice(0, -4)}AAAA`);
  t.match(await faultOf(custodian.openSigner(ringKey(key))), /can't be opened with the key-encryption key/);
  write(path, readFileSync(join(directory, `${other.kid}.jwe`)));
  await t.rejects(custodian.openSigner(ringKey(key)), { isSetup: false, message: /was sealed under the name of another key/ });
  write(path, `${sealed}\n`);
  t.equal((await custodian.openSigner(ringKey(key))).kid, key.kid, "a newline at the end does no harm");
});

t.test("a key-encryption key of another length is refused at once", async (t) => {
  for (const length of [0, 16, 31, 33]) t.throws(() => encryptionKeys(new Uint8Array(length), undefined), KeyError);
});

t.test("keys from before sealing go on working, with a warning", async (t) => {
  const directory = t.testdir();
  const key = await place(directory).custodian.create("ES256", NOW);
  const { custodian, warnings } = place(directory, { encryptionKeys: KEKS });
  await custodian.openSigner(ringKey(key));
  await custodian.openSigner(ringKey(key));
  t.same(warnings, [
    `${join(directory, `${key.kid}.json`)}: is not sealed, though there is a key-encryption key; run: mintmark keys rewrap`,
  ]);
});

t.test("find gives every key, and overlooks what is none", async (t) => {
  const { directory, custodian, warnings } = place(t.testdir());
  t.same(await custodian.find(), []);
  t.same(await place(join(directory, "not there")).custodian.find(), []);
  const made = new Map<string, NewKey>();
  for (const algorithm of ["ES256", "EdDSA", "HS256"] as const satisfies KeyAlgorithm[]) {
    const key = await custodian.create(algorithm, NOW);
    made.set(key.kid, key);
  }
  write(join(directory, "ring.json"), "not a key");
  write(join(directory, "README.md"), "not a key");
  write(join(directory, ".gitignore"), "*.json");
  write(join(directory, ".mintmark-00.tmp"), "half a k");
  write(join(directory, "old.pem"), "-----BEGIN PRIVATE KEY-----");
  const found = await custodian.find();
  t.same(new Map(found.map(({ createdAt, ...key }) => [key.kid, key])), made);
  t.same(
    found.map(({ createdAt }) => createdAt),
    [NOW, NOW, NOW],
  );
  t.same(warnings, [`${join(directory, "old.pem")}: is not read; the keys here are private JWKs named <kid>.json or <kid>.jwe.`]);
});

t.test("a file that doesn't say when it was made counts from its last change", async (t) => {
  const { directory, custodian } = place(t.testdir());
  const { kid } = await custodian.create("EdDSA", NOW);
  const path = join(directory, `${kid}.json`);
  const { createdAt: _, ...rest } = readJwk(path);
  write(path, JSON.stringify(rest));
  utimesSync(path, 1_700_000_000, 1_700_000_000);
  t.equal((await custodian.find())[0]?.createdAt, 1_700_000_000_000);
});

t.test("erase takes a key away, and again does nothing", async (t) => {
  for (const sealing of [undefined, KEKS]) {
    const { directory, custodian } = place(t.testdir(), { encryptionKeys: sealing });
    const key = await custodian.create("ES256", NOW);
    const kept = await custodian.create("ES256", NOW);
    await custodian.erase(key);
    await custodian.erase(key);
    t.same(
      (await custodian.find()).map(({ kid }) => kid),
      [kept.kid],
    );
    t.equal(readdirSync(directory).length, 1);
  }
  await place(join(t.testdir(), "not there")).custodian.erase({ kid: "A".repeat(43) });
});

t.test("no name leads out of the folder, or to the ring's copy (bad-inputs ky-011)", async (t) => {
  const { directory, custodian } = place(join(t.testdir(), "keys"));
  const key = await custodian.create("ES256", NOW);
  write(join(directory, "ring.json"), "ring");
  write(join(directory, "..", "x.json"), "outside");
  for (const kid of ["../x", "..", ".", "", "ring", "a\0", "k".repeat(5000), "🔑", `${"A".repeat(43)}/`, "/etc/passwd"]) {
    t.match(await faultOf(custodian.erase({ kid })), "A key by that name can't have a file.");
    t.match(await faultOf(custodian.openSigner(ringKey(key, { kid, custody: `file:${kid}` }))), "what can't be the name of a file");
  }
  t.ok(existsSync(join(directory, "ring.json")) && existsSync(join(directory, "..", "x.json")));
});

t.test("a key that is kept elsewhere is not looked for here", async (t) => {
  const { custodian } = place(t.testdir());
  const key = await custodian.create("ES256", NOW);
  for (const custody of ["shared:x", "file:other", ""]) {
    t.match(await faultOf(custodian.openSigner(ringKey(key, { custody }))), /is not kept in .*see keys\.store/);
  }
});

t.test("a signer that doesn't sign for the ring's public key is refused", async (t) => {
  const { custodian } = place(t.testdir());
  for (const algorithm of ["ES256", "EdDSA"] as const) {
    const key = await custodian.create(algorithm, NOW);
    const { publicJwk } = await custodian.create(algorithm, NOW);
    if (publicJwk === undefined) throw new Error("a signing key has a public part");
    t.match(await faultOf(custodian.openSigner(ringKey(key, { publicJwk }))), /doesn't sign for the public key that the key ring has/);
    const none = { ...publicJwk, x: "AAAA" };
    t.match(await faultOf(custodian.openSigner(ringKey(key, { publicJwk: none }))), /doesn't sign for the public key/);
  }
});

t.test("a file that isn't there names itself and the way out (bad-inputs ky-001)", async (t) => {
  for (const sealing of [undefined, KEKS]) {
    const { directory, custodian } = place(t.testdir(), { encryptionKeys: sealing });
    for (const [algorithm, force] of [
      ["ES256", ""],
      ["HS256", " --force"],
    ] as const) {
      const key = await custodian.create(algorithm, NOW);
      const [name = ""] = readdirSync(directory);
      rmSync(join(directory, name));
      t.equal(
        await faultOf(algorithm === "HS256" ? custodian.openMac(ringKey(key)) : custodian.openSigner(ringKey(key))),
        `${join(directory, name)}: the private part of this ${algorithm} key is missing; ` +
          `copy the file from a node that has it (see keys.folder), or restore it from a backup; ` +
          `if it is gone everywhere, take the key out: mintmark keys revoke ${key.kid} --reason "private part lost"${force}`,
      );
    }
  }
});

/** A folder with one ES256 key whose file is then replaced. */
async function spoiled(directory: string, content: (jwk: Jwk) => string | Uint8Array) {
  const there = place(directory);
  const key = await there.custodian.create("ES256", NOW);
  const path = join(directory, `${key.kid}.json`);
  const jwk = readJwk(path);
  write(path, content(jwk));
  return { ...there, key, path, jwk };
}

const otherJwk = () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });

const SPOILED: [what: string, content: (jwk: Jwk) => string | Uint8Array, expected: RegExp][] = [
  ["empty", () => "", /: is empty; restore it/],
  ["blank (ky-014)", () => "\r\n", /: ends too early \(line 2, column 1\); restore it/],
  ["truncated", (jwk) => JSON.stringify(jwk).slice(0, 60), /: .*\(line 1, column \d+\); restore it/],
  ["with a BOM (ky-014)", (jwk) => `\ufeff${JSON.stringify(jwk)}`, /: starts with a byte order mark; restore it/],
  ["with a trailing comma (ky-014)", (jwk) => JSON.stringify(jwk).replace("}", ",}"), /comma before a closing brace/],
  ["with a member twice (ky-014)", (jwk) => JSON.stringify(jwk).replace("{", '{"kid":"a",'), /appears twice in one object/],
  ["not UTF-8", () => new Uint8Array([0xff, 0xfe, 0x7b, 0x00]), /: is not a text in UTF-8/],
  ["a list", () => "[]", /: is not a JWK \(a JSON object\)/],
  ["too large", () => " ".repeat(65_537), /: is too large for a key file/],
  ["nothing of a key", () => "{}", /: is not a key for ES256, EdDSA, Ed25519 or HS256/],
  [
    "RSA (ky-005)",
    () => JSON.stringify(generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" })),
    /: holds an RSA key; ES256, EdDSA, Ed25519 or HS256 is expected/,
  ],
  [
    "RSA that says ES256",
    () => JSON.stringify({ ...generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" }), alg: "ES256" }),
    /: holds a key of type RSA, not an EC key on P-256 as ES256 needs/,
  ],
  [
    "of another curve",
    () => JSON.stringify(generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey.export({ format: "jwk" })),
    /: holds a key of type EC on P-384, not an EC key on P-256/,
  ],
  ["of an unknown type", () => '{"kty":"CANARY","crv":"CANARY","alg":"ES256"}', /: holds no key type \(kty\) known here/],
  ["of an unknown algorithm", (jwk) => JSON.stringify({ ...jwk, alg: "ES512" }), /: is not a key for ES256/],
  ["for encryption", (jwk) => JSON.stringify({ ...jwk, use: "enc" }), /: is a key for something else than signing \(use\)/],
  [
    "public only (ky-007)",
    ({ d: _, ...jwk }) => JSON.stringify(jwk),
    /: holds a public key only: the private part \(member d\) is missing/,
  ],
  ["with a d of another length", (jwk) => JSON.stringify({ ...jwk, d: "AAAA" }), /: has a private part \(member d\) that isn't 32 bytes/],
  ["with a d that is a number", (jwk) => JSON.stringify({ ...jwk, d: 1 }), /: has a private part \(member d\) that isn't 32 bytes/],
  [
    "with a d of 0",
    (jwk) => JSON.stringify({ ...jwk, d: "A".repeat(43) }),
    /: has a private part \(member d\) that is no P-256 private key/,
  ],
  [
    "with the d of another key",
    (jwk) => JSON.stringify({ ...jwk, d: otherJwk().d }),
    /\(member d\) that doesn't belong to its public part/,
  ],
  [
    "with the x of another key",
    (jwk) => JSON.stringify({ ...jwk, x: otherJwk().x }),
    /\(member d\) that doesn't belong to its public part/,
  ],
  ["without kid", ({ kid: _, ...jwk }) => JSON.stringify(jwk), /: has no kid; it must be [\w-]{43}, the thumbprint/],
  [
    "with a kid that is another's",
    (jwk) => JSON.stringify({ ...jwk, kid: "A".repeat(43) }),
    /: its kid is not the key's thumbprint \(RFC 7638\)/,
  ],
  ["with a kid that is a path (ky-011)", (jwk) => JSON.stringify({ ...jwk, kid: "../x" }), /: its kid is not the key's thumbprint/],
  ["with a kid that is a number", (jwk) => JSON.stringify({ ...jwk, kid: 1 }), /: its kid is not the key's thumbprint/],
  [
    "an encrypted PEM (ky-008)",
    () =>
      generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({
        type: "pkcs8",
        format: "pem",
        cipher: "aes-256-cbc",
        passphrase: "x",
      }),
    /: is an encrypted PEM file; a private JWK is expected here\. Restore it/,
  ],
  [
    "an encrypted PEM of the old kind (ky-008)",
    () =>
      generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({
        type: "sec1",
        format: "pem",
        cipher: "aes-256-cbc",
        passphrase: "x",
      }),
    /: is an encrypted PEM file/,
  ],
  [
    "a PEM",
    () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }),
    /: is a PEM file; a private JWK is expected here/,
  ],
];

for (const [what, content, expected] of SPOILED) {
  t.test(`a file that is ${what} is refused by name, without a word of what is in it`, async (t) => {
    const { custodian, key, path, jwk } = await spoiled(t.testdir(), content);
    const message = await faultOf(custodian.openSigner(ringKey(key)));
    t.ok(message.startsWith(`${path}: `), message);
    t.match(message, expected);
    t.notOk(message.includes(String(jwk.d)) || message.includes("CANARY"));
    t.equal(await faultOf(custodian.find()), message, "find says the same");
  });
}

t.test("find names all files that can't be used, not only the first", async (t) => {
  const { directory, custodian } = place(t.testdir());
  const good = await custodian.create("ES256", NOW);
  const first = await custodian.create("ES256", NOW);
  const second = await custodian.create("EdDSA", NOW);
  write(join(directory, `${first.kid}.json`), "");
  write(join(directory, `${second.kid}.json`), "{}");
  const faults = (await faultOf(custodian.find())).split("\n");
  t.equal(faults.length, 2);
  t.ok(faults.some((line) => line.includes(first.kid)) && faults.some((line) => line.includes(second.kid)));
  t.equal((await custodian.openSigner(ringKey(good))).kid, good.kid, "the good one still opens");
});

t.test("the same key twice is refused, however the second file is called (bad-inputs ky-010)", async (t) => {
  const { directory, custodian } = place(t.testdir());
  const key = await custodian.create("ES256", NOW);
  const path = join(directory, `${key.kid}.json`);
  write(join(directory, "copy.json"), readFileSync(path));
  t.equal(
    await faultOf(custodian.find()),
    `${join(directory, "copy.json")}: holds the key ${key.kid}, which belongs in a file of that name; move or remove it.`,
  );
  rmSync(join(directory, "copy.json"));

  const sealing = place(directory, { encryptionKeys: KEKS });
  const sealed = await sealing.custodian.create("ES256", NOW);
  const { plaintext } = await compactDecrypt(readFileSync(join(directory, `${sealed.kid}.jwe`), "utf8"), KEK);
  write(join(directory, `${sealed.kid}.json`), plaintext);
  const twice = `${join(directory, `${sealed.kid}.json`)} and ${join(directory, `${sealed.kid}.jwe`)}: the same key (${sealed.kid}) twice; remove one.`;
  t.equal(await faultOf(custodian.openSigner(ringKey(sealed))), twice);
});

t.test("a key whose sealing was cut short is one key, and is sealed by the next try", async (t) => {
  const { directory, custodian, warnings } = place(t.testdir(), { encryptionKeys: KEKS });
  const key = await custodian.create("ES256", NOW);
  const { plaintext } = await compactDecrypt(readFileSync(join(directory, `${key.kid}.jwe`), "utf8"), KEK);
  const plain = join(directory, `${key.kid}.json`);
  write(plain, plaintext);
  t.same(
    (await custodian.find()).map(({ kid }) => kid),
    [key.kid],
  );
  await custodian.openSigner(ringKey(key));
  t.match(warnings, [/is not sealed.*keys rewrap/]);
  write(plain, "{}");
  t.match(await faultOf(custodian.openSigner(ringKey(key))), plain, "what is no such key is refused");
  write(plain, plaintext);
  t.equal(await custodian.material.rewrap(ringKey(key)), "in place");
  t.same(readdirSync(directory), [`${key.kid}.jwe`]);
});

t.test("a file that was there is not lost where another can't be written in its place", async (t) => {
  const { directory, custodian } = place(t.testdir());
  const key = await custodian.create("ES256", NOW);
  const opened = await custodian.material.reveal(ringKey(key), { version: 1, keys: [ringKey(key)] });
  // No file by the temporary name can be made.
  const blocked = place(directory, { random: () => Buffer.from("../../no/such/folder") });
  write(join(directory, `.mintmark-${Buffer.from("../../no/such/folder").toString("hex")}.tmp`), "");
  t.match(await faultOf(blocked.custodian.material.keep(opened, NOW)), /can't be written/);
  t.ok(readdirSync(directory).includes(`${key.kid}.json`));
});

t.test("a file that others can open is refused in production and warned of elsewhere (bad-inputs ky-004)", async (t) => {
  const directory = t.testdir();
  const key = await place(directory).custodian.create("ES256", NOW);
  const path = join(directory, `${key.kid}.json`);
  const message = `${path}: others than its owner have access to this private key; run: chmod 600 ${path}`;
  for (const mode of [0o644, 0o640, 0o602, 0o660, 0o601]) {
    chmodSync(path, mode);
    t.equal(await faultOf(place(directory).custodian.openSigner(ringKey(key))), message, mode.toString(8));
    const lenient = place(directory, { strictPermissions: false });
    await lenient.custodian.openSigner(ringKey(key));
    await lenient.custodian.find();
    t.same(lenient.warnings, [message], "said once");
  }
  for (const mode of [0o600, 0o400]) {
    chmodSync(path, mode);
    t.equal((await place(directory).custodian.openSigner(ringKey(key))).kid, key.kid);
  }
});

t.test(
  "a file that this user can't read says so (bad-inputs ky-002)",
  { skip: process.getuid?.() === 0 && "root reads everything" },
  async (t) => {
    const { directory, custodian } = place(t.testdir());
    const key = await custodian.create("ES256", NOW);
    chmodSync(join(directory, `${key.kid}.json`), 0);
    t.match(await faultOf(custodian.openSigner(ringKey(key))), /can't be read \(EACCES\); give the file to the user mintmark runs as/);
  },
);

t.test("a link to a file elsewhere is followed, and what is no file is named", async (t) => {
  const root = t.testdir();
  const { directory, custodian } = place(join(root, "keys"));
  const key = await custodian.create("ES256", NOW);
  const path = join(directory, `${key.kid}.json`);
  renameSync(path, join(root, "elsewhere"));
  symlinkSync(join("..", "elsewhere"), path);
  t.equal((await custodian.openSigner(ringKey(key))).kid, key.kid);
  rmSync(path);
  mkdirSync(path);
  t.match(await faultOf(custodian.openSigner(ringKey(key))), /: is not a file; a key file or a link to one is expected here/);
  rmSync(path, { recursive: true });
  symlinkSync(path, path);
  t.match(await faultOf(custodian.openSigner(ringKey(key))), /can't be read \(ELOOP\)/);
});

/** Makes a key in the folder named last on the command line, and prints what came of it to a pipe. */
const CREATE = `
import { openLocalCustodian } from ${JSON.stringify(new URL("../../src/signers/local.ts", import.meta.url).href)};
const random = (length) => new Uint8Array(length).fill(3);
const custodian = openLocalCustodian({ directory: process.argv[1], strictPermissions: true, random, onWarning() {} });
process.stdout.write(await custodian.create("ES256", 0).then(() => "made", String));
`;

t.test("a key that can't be written leaves nothing behind (bad-inputs ky-016)", async (t) => {
  const root = t.testdir();
  write(join(root, "file"), "");
  const through = place(join(root, "file", "keys"));
  t.match(
    await faultOf(through.custodian.create("ES256", NOW)),
    /a new key can't be written: the path of the folder leads through a file \(ENOTDIR\)/,
  );
  t.match(
    await faultOf(place(join(root, "file")).custodian.create("ES256", NOW)),
    /leads through a file \((EEXIST|ENOTDIR)\); point keys\.store/,
  );

  // A limit of 0 bytes per file is a disk that is full from the first byte on.
  const directory = join(root, "keys");
  const said = execFileSync(
    "sh",
    ["-c", 'unset NODE_OPTIONS; ulimit -f 0 && exec "$0" "$@"', process.execPath, "--input-type=module", "-e", CREATE, directory],
    {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  t.match(said, /^KeyError: .*\.json: a new key can't be written: EFBIG; see that the folder and its disk are in order\.$/);
  t.same(readdirSync(directory), []);
});

t.test("what a killed process left half written is swept away by a later one, and not before", async (t) => {
  const { directory, custodian } = place(t.testdir());
  const old = join(directory, ".mintmark-00ff.tmp");
  const recent = join(directory, ".mintmark-11ff.tmp");
  const foreign = join(directory, ".other.tmp");
  for (const path of [old, recent, foreign]) write(path, "half");
  utimesSync(old, NOW / 1000 - 601, NOW / 1000 - 601);
  utimesSync(recent, NOW / 1000 - 599, NOW / 1000 - 599);
  utimesSync(foreign, 0, 0);
  await custodian.create("ES256", NOW);
  t.same(
    [old, recent, foreign].map((path) => existsSync(path)),
    [false, true, true],
  );
});

t.test("root leaves keys to the owner of the folder", { skip: process.getuid?.() !== 0 && "only root can give files away" }, async (t) => {
  const root = t.testdir();
  chownSync(root, 4242, 4343);
  const { directory, custodian } = place(join(root, "a", "keys"));
  const { kid } = await custodian.create("ES256", NOW);
  for (const path of [join(root, "a"), directory, join(directory, `${kid}.json`)]) {
    const { uid, gid } = statSync(path);
    t.same({ uid, gid }, { uid: 4242, gid: 4343 });
  }
});

/** Seals a key of the folder named last again, under another key-encryption key, and prints what came of it. */
const REWRAP = `
import { openLocalCustodian } from ${JSON.stringify(new URL("../../src/signers/local.ts", import.meta.url).href)};
import { encryptionKeys } from ${JSON.stringify(new URL("../../src/signers/material/encryption-keys.ts", import.meta.url).href)};
const random = (length) => new Uint8Array(length).fill(3);
const kek = encryptionKeys(new Uint8Array(32), new Uint8Array(32).fill(9));
const custodian = openLocalCustodian({ directory: process.argv[1], encryptionKeys: kek, strictPermissions: true, random, onWarning() {} });
process.stdout.write(await custodian.material.rewrap(JSON.parse(process.argv[2])).then(String, String));
`;

t.test("a key that can't be sealed again stays as it was", async (t) => {
  const { directory, custodian } = place(join(t.testdir(), "keys"), { encryptionKeys: KEKS });
  const key = ringKey(await custodian.create("ES256", NOW));
  const path = join(directory, `${key.kid}.jwe`);
  const before = readFileSync(path, "utf8");
  const rewrap = (limit: string): string =>
    execFileSync(
      "sh",
      [
        "-c",
        `unset NODE_OPTIONS; ${limit}exec "$0" "$@"`,
        process.execPath,
        "--input-type=module",
        "-e",
        REWRAP,
        directory,
        JSON.stringify(key),
      ],
      { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] },
    );
  t.match(rewrap("ulimit -f 0 && "), /^KeyError: /);
  t.equal(readFileSync(path, "utf8"), before);
  t.same(readdirSync(directory), [`${key.kid}.jwe`]);
  t.equal(rewrap(""), "in place");
  t.not(readFileSync(path, "utf8"), before);
});
