/**
 * The contract that every key custodian fulfils, as one exported function: a custodian's own test is a harness and one call.
 * Signatures are judged by jose and by node:crypto, never by the code that made them.
 */

import { createPublicKey, verify } from "node:crypto";
import { calculateJwkThumbprint, compactVerify, importJWK } from "jose";
import t from "tap";
import type { Test } from "tap";
import { schemeOf } from "../../src/domain/key-uri.ts";
import { CustodianError, KeyError } from "../../src/domain/ports.ts";
import type { NewKey } from "../../src/domain/ports.ts";
import { EMPTY_RING } from "../../src/domain/ring.ts";
import type { JwsAlgorithm, Ring, RingKey } from "../../src/domain/ring.ts";
import type { Custodian } from "../../src/signers/custodian.ts";

export interface SignerHarness {
  /** Another handle on the same keys, as another node has it. The suite closes what it opened. */
  open(): Custodian;
  readonly scheme: string;
  /** What it can make. */
  readonly algorithms: readonly JwsAlgorithm[];
  /** It keeps private parts outside the ring, so they can be erased. */
  readonly erases: boolean;
  /** Takes the custodian out of reach, and back. Absent: the test is skipped. */
  readonly outage?: { begin(): Promise<void>; end(): Promise<void> };
  /** How many bytes it signs; any number if absent. */
  readonly signable?: { readonly min: number; readonly max: number };
  /** Texts that no message may hold. */
  readonly secrets: readonly string[];
  remove(): Promise<void>;
}

/** Every call gives a harness whose keys are its own; a string says why it can't run here. */
export type MakeSignerHarness = () => Promise<SignerHarness | string>;

const NOW = Date.UTC(2026, 10, 28, 12);
const PARALLEL = 64;
/** One signature in 128 has a leading zero in r or s. */
const MANY = 400;
const ABSENT_KID = "A".repeat(43);

interface Context {
  readonly t: Test;
  readonly harness: SignerHarness;
  open(): Custodian;
}

interface Entry {
  readonly ring: Ring;
  readonly key: RingKey;
}

export function entryOf({ sealed, ...made }: NewKey): Entry {
  const key = { ...made, ...(sealed && { sealed: sealed.text }), publishedAt: NOW, longestLifetimeMillis: 0 };
  return { key, ring: { version: 1, keys: [key], ...(sealed && { encryptionKeyCheck: sealed.under }) } };
}

async function isGood(key: RingKey, signingInput: string, signature: Uint8Array): Promise<boolean> {
  const publicKey = createPublicKey({ key: { ...key.publicJwk }, format: "jwk" });
  const data = Buffer.from(signingInput, "latin1");
  return key.algorithm === "ES256"
    ? verify("sha256", data, { key: publicKey, dsaEncoding: "ieee-p1363" }, signature)
    : verify(null, data, publicKey, signature);
}

export async function faultOf(work: Promise<unknown> | undefined): Promise<KeyError | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof KeyError) return error;
    throw error;
  }
}

/** Registers the suite's tests under `name`. */
export function signerContract(name: string, makeHarness: MakeSignerHarness): void {
  const contractTest = (title: string, body: (context: Context) => Promise<void>): void => {
    void t.test(`${name}: ${title}`, { timeout: 120_000 }, async (t) => {
      const harness = await makeHarness();
      if (typeof harness === "string") return t.plan(0, harness);
      const opened: Custodian[] = [];
      const open = (): Custodian => {
        const custodian = harness.open();
        opened.push(custodian);
        return custodian;
      };
      try {
        await body({ t, harness, open });
      } finally {
        for (const custodian of opened) await custodian.close?.();
        await harness.remove();
      }
    });
  };

  contractTest("a new key is named by its thumbprint and found again by its URI, by another node", async ({ t, harness, open }) => {
    const custodian = open();
    for (const algorithm of harness.algorithms) {
      const made = await custodian.create(algorithm, NOW, EMPTY_RING);
      t.equal(made.algorithm, algorithm);
      t.equal(schemeOf(made.custody), harness.scheme);
      t.equal(made.kid, await calculateJwkThumbprint({ ...made.publicJwk }), "as jose computes it");
      t.same(Object.keys(made.publicJwk ?? {}).toSorted(), algorithm === "ES256" ? ["crv", "kty", "x", "y"] : ["crv", "kty", "x"]);
      const { key, ring } = entryOf(made);
      const signer = await open().openSigner(key, ring);
      t.equal(signer.kid, made.kid);
      t.equal(signer.algorithm, algorithm);
      t.equal(await isGood(key, "a.b", await signer.sign("a.b")), true);
      const other = await custodian.create(algorithm, NOW, EMPTY_RING);
      t.not(other.kid, made.kid, "each key is another");
    }
  });

  contractTest("a JWS by its signature is one to jose", async ({ t, harness, open }) => {
    const custodian = open();
    for (const algorithm of harness.algorithms) {
      const { key, ring } = entryOf(await custodian.create(algorithm, NOW, EMPTY_RING));
      const signer = await custodian.openSigner(key, ring);
      const head = Buffer.from(JSON.stringify({ alg: algorithm, kid: key.kid })).toString("base64url");
      const signingInput = `${head}.${Buffer.from('{"sub":"ä"}').toString("base64url")}`;
      const jws = `${signingInput}.${Buffer.from(await signer.sign(signingInput)).toString("base64url")}`;
      const { protectedHeader } = await compactVerify(jws, await importJWK({ ...key.publicJwk }, algorithm));
      t.equal(protectedHeader.kid, key.kid);
    }
  });

  contractTest("signatures are 64 bytes whatever is signed, many at once or one after the other", async ({ t, harness, open }) => {
    const custodian = open();
    for (const algorithm of harness.algorithms) {
      const { key, ring } = entryOf(await custodian.create(algorithm, NOW, EMPTY_RING));
      const signer = await custodian.openSigner(key, ring);
      const { min, max } = harness.signable ?? { min: 0, max: 8_192 };
      const inputs = ["".padEnd(min, "x"), "a", "x".repeat(max), ...Array.from({ length: MANY }, (_, index) => `input.${index}`)];
      for (let from = 0; from < inputs.length; from += PARALLEL) {
        const some = inputs.slice(from, from + PARALLEL);
        const signatures = await Promise.all(some.map((input) => signer.sign(input)));
        const areGood = await Promise.all(signatures.map((signature, index) => isGood(key, some[index] ?? "", signature)));
        const bad = signatures.filter((signature, index) => signature.length !== 64 || areGood[index] !== true);
        t.equal(bad.length, 0, `${algorithm} from ${from}`);
      }
    }
  });

  contractTest("a key that doesn't sign for the ring's public key is refused at load", async ({ t, harness, open }) => {
    const custodian = open();
    for (const algorithm of harness.algorithms) {
      const one = await custodian.create(algorithm, NOW, EMPTY_RING);
      const { ring } = entryOf(one);
      const other = await custodian.create(algorithm, NOW, ring);
      const { key } = entryOf(one);
      const fault = await faultOf(custodian.openSigner({ ...key, ...(other.publicJwk && { publicJwk: other.publicJwk }) }, ring));
      t.ok(fault !== undefined && !(fault instanceof CustodianError), "the key is at fault, not the custodian");
    }
  });

  contractTest("what it can't make or doesn't have is a clear refusal", async ({ t, harness, open }) => {
    const custodian = open();
    const [algorithm] = harness.algorithms;
    if (algorithm === undefined) throw new Error("a custodian of no algorithm");
    const { key, ring } = entryOf(await custodian.create(algorithm, NOW, EMPTY_RING));
    const custody = key.custody.replaceAll(key.kid, ABSENT_KID);
    const absent = { ...key, kid: ABSENT_KID, custody: custody === key.custody ? `${harness.scheme}:name=absent` : custody };
    const { sealed: _, ...withoutPart } = absent;
    const faults = [
      await faultOf(custodian.openSigner(withoutPart, ring)),
      await faultOf(custodian.openSigner({ ...key, custody: `${harness.scheme}:%ZZ` }, ring)),
      await faultOf(custodian.openSigner({ ...key, algorithm: "HS256" }, ring)),
    ];
    // The ring itself keeps it, under any name.
    const wanted = harness.scheme === "shared" ? faults.filter((_, index) => index !== 1) : faults;
    for (const fault of wanted) {
      t.ok(fault, "refused");
      t.notOk(fault instanceof CustodianError, "and not by waiting any better");
      for (const secret of harness.secrets) t.notMatch(fault?.message ?? "", secret);
    }
    if (custodian.openMac === undefined) t.ok(await faultOf(custodian.create("HS256", NOW, ring)), "no MAC keys are made there");
  });

  contractTest("an erased key is gone, and erasing it again does nothing", async ({ t, harness, open }) => {
    const custodian = open();
    for (const algorithm of harness.algorithms) {
      const made = await custodian.create(algorithm, NOW, EMPTY_RING);
      const { key, ring } = entryOf(made);
      t.equal(await custodian.erase(made), harness.erases);
      t.equal(await custodian.erase(made), false);
      if (harness.erases) t.ok(await faultOf(open().openSigner(key, ring)), "it can't be opened any more");
    }
  });

  contractTest("a key that is there already is taken in by its URI", async ({ t, harness, open }) => {
    const custodian = open();
    if (custodian.adopt === undefined) return;
    for (const algorithm of harness.algorithms) {
      const made = await custodian.create(algorithm, NOW, EMPTY_RING);
      const { createdAt: _, ...adopted } = { createdAt: NOW, ...(await open().adopt?.(made.custody, algorithm)) };
      t.same(adopted, made);
      const other = algorithm === "ES256" ? "EdDSA" : "ES256";
      t.ok(await faultOf(Promise.resolve(custodian.adopt(made.custody, other))), "not for another algorithm");
    }
    t.ok(await faultOf(Promise.resolve(custodian.adopt(`${harness.scheme}:nonsense`, "ES256"))));
  });

  contractTest("a look at it resolves while it works and is refused while it is out of reach", async ({ t, harness, open }) => {
    const custodian = open();
    const look = async (): Promise<KeyError | undefined> => faultOf(custodian.check?.());
    const [algorithm] = harness.algorithms;
    if (custodian.check === undefined || algorithm === undefined) return void t.pass("it is in this process");
    t.equal(await look(), undefined, "without a key there");
    await custodian.create(algorithm, NOW, EMPTY_RING);
    t.equal(await look(), undefined);
    if (harness.outage === undefined) return;
    await harness.outage.begin();
    // More often than a circuit takes to open, by a node that has asked before and by one that has not.
    for (const each of [...Array.from({ length: 8 }, () => custodian), open()]) {
      const fault = await faultOf(each.check?.());
      t.ok(fault instanceof CustodianError, "the custodian is at fault");
      for (const secret of harness.secrets) t.notMatch(fault?.message ?? "", secret);
    }
    await harness.outage.end();
    while ((await look()) !== undefined) await new Promise((resolve) => setTimeout(resolve, 50));
    t.pass("it is there again by itself");
  });

  contractTest("out of reach it refuses in time, says so, and is there again by itself", async ({ t, harness, open }) => {
    if (harness.outage === undefined) return void t.pass("it is in this process");
    const custodian = open();
    const [algorithm] = harness.algorithms;
    if (algorithm === undefined) throw new Error("a custodian of no algorithm");
    const made = await custodian.create(algorithm, NOW, EMPTY_RING);
    const { key, ring } = entryOf(made);
    const signer = await custodian.openSigner(key, ring);
    await harness.outage.begin();
    for (let call = 0; call < 8; call++) {
      const fault = await faultOf(signer.sign("a.b"));
      t.ok(fault instanceof CustodianError, "the custodian is at fault");
      for (const secret of harness.secrets) t.notMatch(fault?.message ?? "", secret);
    }
    t.ok((await faultOf(custodian.create(algorithm, NOW, ring))) instanceof CustodianError);
    t.ok((await faultOf(open().openSigner(key, ring))) instanceof CustodianError);
    t.notMatch((await faultOf(custodian.check?.()))?.message ?? "", "in a row", "a look at it asks all the same");
    await harness.outage.end();
    for (;;) {
      const fault = await faultOf(signer.sign("a.b"));
      if (fault === undefined) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    t.equal(await isGood(key, "a.b", await signer.sign("a.b")), true);
  });
}
