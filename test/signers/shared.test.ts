import { createPublicKey, verify } from "node:crypto";
import { compactDecrypt, decodeProtectedHeader } from "jose";
import t from "tap";
import { CustodianError, KeyError } from "../../src/domain/ports.ts";
import type { NewKey } from "../../src/domain/ports.ts";
import { EMPTY_RING } from "../../src/domain/ring.ts";
import type { Ring, RingKey } from "../../src/domain/ring.ts";
import { systemRandom } from "../../src/platform/index.ts";
import { encryptionKeys } from "../../src/signers/material/encryption-keys.ts";
import { openSharedCustodian } from "../../src/signers/shared.ts";

const NOW = Date.UTC(2026, 10, 28, 12);
const FIRST = new Uint8Array(32).fill(1);
const SECOND = new Uint8Array(32).fill(2);

const custodianOf = (current?: Uint8Array, old?: Uint8Array) =>
  openSharedCustodian({ encryptionKeys: encryptionKeys(current, old), random: systemRandom });

function ringOf(...keys: readonly NewKey[]): Ring & { keys: readonly [RingKey, ...RingKey[]] } {
  const entries = keys.map(({ sealed, ...key }) => ({
    ...key,
    ...(sealed && { sealed: sealed.text }),
    publishedAt: NOW,
    longestLifetimeMillis: 0,
  }));
  const [first, ...rest] = entries;
  if (first === undefined) throw new Error("a ring of no key");
  const under = keys[0]?.sealed?.under;
  return { version: 1, keys: [first, ...rest], ...(under !== undefined && { encryptionKeyCheck: under }) };
}

t.test("a private part is a JWE of A256GCM that names its kid, and no other key-encryption key opens it", async (t) => {
  const key = await custodianOf(FIRST).create("ES256", NOW, EMPTY_RING);
  const text = key.sealed?.text ?? "";
  t.same(decodeProtectedHeader(text), { alg: "dir", enc: "A256GCM", cty: "jwk+json", kid: key.kid });
  const { plaintext } = await compactDecrypt(text, FIRST);
  t.match(JSON.parse(new TextDecoder().decode(plaintext)), { kty: "EC", crv: "P-256", kid: key.kid, alg: "ES256", use: "sig" });
  t.equal(key.custody, `shared:${key.kid}`);
  await t.rejects(compactDecrypt(text, SECOND));
});

t.test("signing keys and MAC keys open from the ring", async (t) => {
  const custodian = custodianOf(FIRST);
  for (const algorithm of ["ES256", "EdDSA"] as const) {
    const ring = ringOf(await custodian.create(algorithm, NOW, EMPTY_RING));
    const [entry] = ring.keys;
    const signer = await custodian.openSigner(entry, ring);
    const signature = await signer.sign("a.b");
    const key = createPublicKey({ key: { ...entry.publicJwk }, format: "jwk" });
    const isGood =
      algorithm === "ES256"
        ? verify("sha256", Buffer.from("a.b"), { key, dsaEncoding: "ieee-p1363" }, signature)
        : verify(null, Buffer.from("a.b"), key, signature);
    t.equal(isGood, true, algorithm);
  }
  const ring = ringOf(await custodian.create("HS256", NOW, EMPTY_RING));
  const mac = await custodian.openMac?.(ring.keys[0], ring);
  t.equal(mac?.(Buffer.from("x")).length, 32);
});

t.test("a node with another key-encryption key, or none, is told apart by the check value before anything is opened or made", async (t) => {
  const ring = ringOf(await custodianOf(FIRST).create("ES256", NOW, EMPTY_RING));
  const [entry] = ring.keys;
  for (const other of [custodianOf(SECOND), custodianOf()]) {
    const says = { name: "CustodianError", isSetup: true };
    await t.rejects(other.openSigner(entry, ring), says);
    await t.rejects(other.create("ES256", NOW, ring), says);
    await t.rejects(async () => void (await other.material?.rewrap(entry, ring)), says);
  }
  const message = await custodianOf(SECOND)
    .openSigner(entry, ring)
    .then(String, (error: Error) => error.message);
  t.match(message, ring.encryptionKeyCheck, "the ring's check value is said");
});

t.test(
  "while one takes the place of another, new keys are sealed under the one that the ring is under, until it is rewrapped",
  async (t) => {
    const before = custodianOf(FIRST);
    const during = custodianOf(SECOND, FIRST);
    const after = custodianOf(SECOND);
    const ring = ringOf(await before.create("ES256", NOW, EMPTY_RING));
    const made = await during.create("EdDSA", NOW, ring);
    t.equal(made.sealed?.under, ring.encryptionKeyCheck);
    await before.openSigner(ringOf(made).keys[0], ring);

    const rewrapped = await during.material?.rewrap(ring.keys[0], ring);
    if (rewrapped === undefined || rewrapped === "in place") throw new Error("the ring keeps it");
    const next: Ring = {
      ...ring,
      keys: [{ ...ring.keys[0], sealed: rewrapped.text }],
      encryptionKeyCheck: rewrapped.under,
    };
    t.not(next.encryptionKeyCheck, ring.encryptionKeyCheck);
    const [entry = ring.keys[0]] = next.keys;
    await after.openSigner(entry, next);
    await t.rejects(before.openSigner(entry, next), CustodianError);
  },
);

t.test("a sealed part that was changed, is another key's or is missing is a fault of that key", async (t) => {
  const custodian = custodianOf(FIRST);
  const [one, two] = [await custodian.create("ES256", NOW, EMPTY_RING), await custodian.create("ES256", NOW, EMPTY_RING)];
  const ring = ringOf(one, two);
  const [entry] = ring.keys;
  const sealed = one.sealed?.text ?? "";
  // Not the last character, a part of which stands for nothing.
  const place = sealed.length - 10;
  const flipped = sealed.slice(0, place) + (sealed[place] === "A" ? "B" : "A") + sealed.slice(place + 1);
  const { sealed: _, ...without } = entry;
  for (const broken of [{ ...entry, sealed: flipped }, { ...entry, sealed: two.sealed?.text ?? "" }, { ...entry, sealed: "x" }, without]) {
    const fault = await custodian.openSigner(broken, ring).then(
      () => undefined,
      (error: unknown) => error,
    );
    t.ok(fault instanceof KeyError && !(fault instanceof CustodianError), "waiting would not help");
  }
  const foreign = { ...entry, ...(two.publicJwk && { publicJwk: two.publicJwk }) };
  await t.rejects(custodian.openSigner(foreign, ring), KeyError, "it must sign for the ring's public key");
});
