/** Keys in a token by PKCS#11: the contract of all custodians, and what only a device can do, on SoftHSM 2. */

import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { calculateJwkThumbprint } from "jose";
import t from "tap";
import type { Test } from "tap";
import { CustodianError, KeyError } from "../../src/domain/ports.ts";
import { EMPTY_RING } from "../../src/domain/ring.ts";
import { systemClock, systemRandom } from "../../src/platform/index.ts";
import type { Custodian } from "../../src/signers/custodian.ts";
import { openPkcs11Custodian } from "../../src/signers/pkcs11.ts";
import type { Pkcs11Options } from "../../src/signers/pkcs11.ts";
import { attributesOf } from "../../src/signers/pkcs11/key-name.ts";
import { CKA, CKO, loadModule, returnValueOf } from "../../src/signers/pkcs11/module.ts";
import { closeToken, openToken } from "../../src/signers/pkcs11/token.ts";
import { entryOf, signerContract } from "../contract/signer.ts";
import { PIN, skipWithoutFaults, skipWithoutSoftHsm, SoftHsm } from "../support/softhsm.ts";
import { until } from "../support/wait.ts";
import { childrenOf, skipWithoutProc } from "../support/workers.ts";

const NOW = Date.UTC(2026, 10, 28, 12);
const ALGORITHMS = ["ES256", "EdDSA", "Ed25519"] as const;
const INPUT = "eyJhbGciOiJFUzI1NiJ9.e30";

const hsm = skipWithoutFaults === false ? new SoftHsm({ faults: true }) : skipWithoutSoftHsm === false ? new SoftHsm() : undefined;
// The process that loads the module has the environment of this one.
Object.assign(process.env, hsm?.environment);

let tokens = 0;
function newToken() {
  const label = `token ${++tokens}`;
  return { label, ...the(hsm).addToken(label) };
}

function the<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("it must be there");
  return value;
}

function optionsFor(more: Partial<Pkcs11Options>): Pkcs11Options {
  const timeoutMillis = 10_000;
  return {
    modulePath: the(hsm).modulePath,
    token: undefined,
    serial: undefined,
    slotId: undefined,
    pinFile: undefined,
    pin: PIN,
    limits: { timeoutMillis, maxInFlight: 100, clock: systemClock },
    random: systemRandom,
    ...more,
  };
}

const wait = (timeoutMillis: number): Pick<Pkcs11Options, "limits"> => ({
  limits: { timeoutMillis, maxInFlight: 100, clock: systemClock },
});

function opened(t: Test, more: Partial<Pkcs11Options>): Custodian {
  const custodian = openPkcs11Custodian(optionsFor(more));
  t.teardown(() => {
    hsm?.end();
    return custodian.close?.();
  });
  return custodian;
}

async function newSigner(custodian: Custodian) {
  const { key, ring } = entryOf(await custodian.create("ES256", NOW, EMPTY_RING));
  const publicKey = createPublicKey({ key: { ...key.publicJwk }, format: "jwk" });
  return {
    key,
    ring,
    signer: await custodian.openSigner(key, ring),
    isGood: (signature: Uint8Array) => verify("sha256", Buffer.from(INPUT), { key: publicKey, dsaEncoding: "ieee-p1363" }, signature),
  };
}

async function faultOf(work: Promise<unknown> | undefined): Promise<KeyError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof KeyError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

async function countObjects(label: string): Promise<number> {
  const token = await openToken({ ...optionsFor({ token: label }), pin: PIN });
  try {
    token.pkcs11.C_FindObjectsInit(token.session, []);
    return token.pkcs11.C_FindObjects(token.session, 100).length;
  } finally {
    closeToken(token);
  }
}

/** Until its circuit is closed again. */
async function signAgain(sign: () => Promise<Uint8Array>): Promise<Uint8Array> {
  for (;;) {
    try {
      return await sign();
    } catch (error) {
      if (!(error instanceof CustodianError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

signerContract("a token by PKCS#11", async () => {
  if (skipWithoutSoftHsm !== false) return skipWithoutSoftHsm;
  const { label } = newToken();
  return {
    scheme: "pkcs11",
    algorithms: ALGORITHMS,
    erases: true,
    open: () => openPkcs11Custodian(optionsFor({ token: label })),
    secrets: [PIN],
    ...(skipWithoutFaults === false && { outage: { begin: async () => the(hsm).begin("gone"), end: async () => the(hsm).end() } }),
    remove: async () => the(hsm).end(),
  };
});

const skip = skipWithoutSoftHsm;
const skipFaults = skipWithoutFaults;

t.test("a private part can't be read out of its token, and both parts are named by the kid", { skip }, async (t) => {
  const { label } = newToken();
  const custodian = opened(t, { token: label });
  for (const algorithm of ALGORITHMS) {
    const { kid, custody } = await custodian.create(algorithm, NOW, EMPTY_RING);
    const token = await openToken({ ...optionsFor({ token: label }), pin: PIN });
    const { pkcs11, session } = token;
    try {
      const value = (type: number, ofClass: number): string | undefined => {
        pkcs11.C_FindObjectsInit(session, [{ type: CKA.CLASS, value: ofClass }, ...attributesOf(custody)]);
        const found = pkcs11.C_FindObjects(session, 10);
        pkcs11.C_FindObjectsFinal(session);
        t.equal(found.length, 1);
        return pkcs11.C_GetAttributeValue(session, the(found[0]), [{ type }])[0]?.value.toString("hex");
      };
      t.equal(value(CKA.SENSITIVE, CKO.PRIVATE_KEY), "01");
      t.equal(value(CKA.EXTRACTABLE, CKO.PRIVATE_KEY), "00");
      const CKA_VALUE = 0x11;
      try {
        value(CKA_VALUE, CKO.PRIVATE_KEY);
        t.fail("it was read");
      } catch (error) {
        t.equal(returnValueOf(error), "CKR_ATTRIBUTE_SENSITIVE");
      }
      for (const part of [CKO.PRIVATE_KEY, CKO.PUBLIC_KEY]) {
        t.equal(value(CKA.TOKEN, part), "01");
        t.equal(value(CKA.ID, part), Buffer.from(kid, "base64url").toString("hex"));
        t.equal(value(CKA.LABEL, part), Buffer.from(`mintmark-${kid}`).toString("hex"));
      }
    } finally {
      closeToken(token);
    }
  }
});

t.test("a token is found by its label, its serial number or its slot", { skip }, async (t) => {
  const { label, serial, slotId } = newToken();
  newToken();
  const { key, ring } = await newSigner(opened(t, { token: label }));
  for (const choice of [{ token: label }, { serial }, { slotId }])
    t.equal((await opened(t, choice).openSigner(key, ring)).kid, key.kid, Object.keys(choice)[0] ?? "");
  const other = newToken();
  t.match((await faultOf(opened(t, { token: other.label }).openSigner(key, ring))).message, "no private key");
});

t.test("a token that is not there may be plugged in later", { skip }, async (t) => {
  const custodian = opened(t, { token: `token ${tokens + 1}` });
  const fault = await faultOf(custodian.create("ES256", NOW, EMPTY_RING));
  t.ok(fault instanceof CustodianError);
  t.match(fault.message, /token%20\d+: there is no such token/);
  t.equal(fault.isSetup, true);
  newToken();
  t.ok(await custodian.create("ES256", NOW, EMPTY_RING));
});

t.test("two tokens of one label are told apart by nobody", { skip }, async (t) => {
  const { label, serial } = newToken();
  the(hsm).addToken(label);
  const fault = await faultOf(opened(t, { token: label }).create("ES256", NOW, EMPTY_RING));
  t.notOk(fault instanceof CustodianError);
  t.match(fault.message, /several tokens.*serial=/);
  t.equal(fault.isSetup, true);
  t.ok(await opened(t, { serial }).create("ES256", NOW, EMPTY_RING));
});

t.test("a PIN that the token refuses is tried once, until its file says another", { skip: skipFaults }, async (t) => {
  const { label } = newToken();
  const pinFile = join(the(hsm).folder, "pin");
  writeFileSync(pinFile, "not-the-pin\n");
  const custodian = opened(t, { token: label, pin: undefined, pinFile });
  const before = the(hsm).logins();
  const create = () => custodian.create("ES256", NOW, EMPTY_RING);
  for (let call = 0; call < 3; call++) {
    const fault = await faultOf(create());
    t.ok(fault instanceof CustodianError);
    t.match(fault.message, /CKR_PIN_INCORRECT.*pin-source/);
    t.equal(fault.isSetup, true);
    t.notMatch(fault.message, "not-the-pin");
  }
  t.equal(the(hsm).logins() - before, 1);
  writeFileSync(pinFile, `${PIN}\n`);
  t.ok(await create());
  t.equal(the(hsm).logins() - before, 2);
});

t.test("a refused PIN is not tried again by another process either that takes the place of the first", { skip: skipFaults }, async (t) => {
  const { label } = newToken();
  const custodian = opened(t, { token: label, pin: "not-the-pin" });
  const before = the(hsm).logins();
  await faultOf(custodian.create("ES256", NOW, EMPTY_RING));
  for (const pid of childrenOf(process.pid)) process.kill(pid, "SIGKILL");
  await new Promise((resolve) => setTimeout(resolve, 100));
  await faultOf(custodian.create("ES256", NOW, EMPTY_RING));
  t.equal(the(hsm).logins() - before, 1);
});

t.test("a look tries the PIN once, beside all else that needs the token, and makes nothing there", { skip: skipFaults }, async (t) => {
  const { label } = newToken();
  const before = the(hsm).logins();
  const custodian = opened(t, { token: label });
  await Promise.all([custodian.check?.(), custodian.check?.()]);
  t.equal(the(hsm).logins() - before, 1);
  t.equal(await countObjects(label), 0);

  const wrong = opened(t, { token: label, pin: "not-the-pin" });
  const since = the(hsm).logins();
  const all = [wrong.check?.(), wrong.create("ES256", NOW, EMPTY_RING), wrong.check?.()];
  for (const fault of await Promise.all(all.map(faultOf))) t.match(fault, { name: "CustodianError", isSetup: true, message: /CKR_PIN/ });
  t.match(await faultOf(wrong.check?.()), { isSetup: true, message: /CKR_PIN/ });
  t.equal(the(hsm).logins() - since, 1);
});

t.test("what is not there, or without a PIN, is found by a look at it", { skip }, async (t) => {
  const { label } = newToken();
  const absent = join(the(hsm).folder, "absent");
  for (const [choice, says] of [
    [{ token: "no such token" }, "there is no such token"],
    [{ token: label, modulePath: "/absent/module.so" }, "/absent/module.so can't be loaded"],
    [{ token: label, pin: undefined }, "needs a PIN"],
    [{ token: label, pin: undefined, pinFile: absent }, "the PIN can't be read"],
  ] as const)
    t.match(await faultOf(opened(t, choice).check?.()), { isSetup: true, message: says });
});

t.test("without a PIN it says where one may come from", { skip }, async (t) => {
  const { label } = newToken();
  const absent = join(the(hsm).folder, "absent");
  for (const pinFile of [undefined, absent]) {
    const fault = await faultOf(opened(t, { token: label, pin: undefined, pinFile }).create("ES256", NOW, EMPTY_RING));
    t.ok(fault instanceof CustodianError);
    t.match(fault.message, pinFile ?? "MINTMARK_PKCS11_PIN");
    t.equal(fault.isSetup, true);
  }
});

t.test("where one more wrong PIN would lock the token, none is tried", { skip: skipFaults }, async (t) => {
  const { label } = newToken();
  const custodian = opened(t, { token: label });
  const before = the(hsm).logins();
  the(hsm).begin("final-try");
  const fault = await faultOf(custodian.create("ES256", NOW, EMPTY_RING));
  t.ok(fault instanceof CustodianError);
  t.match(fault.message, "would lock it");
  t.equal(fault.isSetup, true);
  t.equal(the(hsm).logins(), before);
});

t.test(
  "the module's process has none of our secrets in its environment",
  { skip: skip || !existsSync("/proc/self/environ") },
  async (t) => {
    process.env["MINTMARK_KEY_ENCRYPTION_KEY"] = "not for the module";
    t.teardown(() => void delete process.env["MINTMARK_KEY_ENCRYPTION_KEY"]);
    const { label } = newToken();
    await opened(t, { token: label }).create("ES256", NOW, EMPTY_RING);
    const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim().split(" ");
    const environments = children
      .map((pid) => readFileSync(`/proc/${pid}/environ`, "utf8"))
      .filter((text) => text.includes("SOFTHSM2_CONF="));
    t.equal(environments.length > 0, true, "what the module is set up by is there");
    t.notOk(environments.some((text) => text.includes("MINTMARK_")));
  },
);

t.test("a key that an operator made is taken in by its label or its id", { skip }, async (t) => {
  const { label } = newToken();
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  the(hsm).importKey(label, pair.privateKey, { label: "made by hand", id: "00ff3d" });
  const custodian = opened(t, { token: label });
  const publicJwk = pair.publicKey.export({ format: "jwk" });
  const kid = await calculateJwkThumbprint(publicJwk);
  for (const uri of ["pkcs11:object=made%20by%20hand", "pkcs11:id=%00%FF%3D", "pkcs11:id=%00%ff%3d;object=made%20by%20hand"]) {
    t.same(await custodian.adopt?.(uri, "ES256"), { algorithm: "ES256", kid, publicJwk, custody: uri });
  }
  t.match((await faultOf(custodian.adopt?.("pkcs11:object=made%20by%20hand", "EdDSA"))).message, "another type");
  the(hsm).importKey(label, pair.privateKey, { label: "made by hand", id: "02" });
  t.match((await faultOf(custodian.adopt?.("pkcs11:object=made%20by%20hand", "ES256"))).message, "several");
});

t.test("a key without its public part on the token is not taken in, for nobody could publish it", { skip }, async (t) => {
  const { label } = newToken();
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  the(hsm).importKey(label, privateKey, { label: "half", id: "01", more: ["--no-public-key"] });
  t.match((await faultOf(opened(t, { token: label }).adopt?.("pkcs11:object=half", "ES256"))).message, /no public one|but no public/);
});

t.test("a token that makes no Ed25519 keys says so, and still makes the others", { skip: skipFaults }, async (t) => {
  const { label } = newToken();
  const custodian = opened(t, { token: label });
  the(hsm).begin("no-eddsa");
  const fault = await faultOf(custodian.create("EdDSA", NOW, EMPTY_RING));
  t.notOk(fault instanceof CustodianError);
  t.match(fault.message, /Ed25519.*keys\.algorithms/);
  t.ok(await custodian.create("ES256", NOW, EMPTY_RING));
});

t.test("a key that can't be given its name is not left behind", { skip: skipFaults }, async (t) => {
  const { label } = newToken();
  const custodian = opened(t, { token: label });
  the(hsm).begin("unnamed");
  t.match((await faultOf(custodian.create("ES256", NOW, EMPTY_RING))).message, "CKR_ATTRIBUTE_READ_ONLY");
  t.equal(await countObjects(label), 0);
});

t.test("of an erased key nothing stays on the token, and of the others all", { skip }, async (t) => {
  const { label } = newToken();
  const custodian = opened(t, { token: label });
  const keys = await Promise.all(ALGORITHMS.map((algorithm) => custodian.create(algorithm, NOW, EMPTY_RING)));
  t.equal(await countObjects(label), 2 * keys.length);
  t.equal(await custodian.erase(the(keys[1])), true);
  t.equal(await countObjects(label), 2 * (keys.length - 1));
});

t.test("a lost session costs the calls that meet it, and the key is found again", { skip: skipFaults }, async (t) => {
  const { signer, isGood } = await newSigner(opened(t, { token: newToken().label }));
  the(hsm).begin("lost");
  t.ok((await faultOf(signer.sign(INPUT))) instanceof CustodianError);
  t.equal(isGood(await signer.sign(INPUT)), true);
});

t.test("a key that has taken the name of another does not sign in its place", { skip: skipFaults }, async (t) => {
  const { label } = newToken();
  const { signer, key } = await newSigner(opened(t, { token: label }));
  await signer.sign(INPUT);
  t.equal(await opened(t, { token: label }).erase(key), true);
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  the(hsm).importKey(label, privateKey, { label: `mintmark-${key.kid}`, id: "01" });
  the(hsm).begin("lost");
  await faultOf(signer.sign(INPUT));
  const fault = await faultOf(signer.sign(INPUT));
  t.notOk(fault instanceof CustodianError);
  t.match(fault.message, "doesn't sign for the public key");
});

t.test("a module that crashes takes its own process with it and no other", { skip: skipFaults }, async (t) => {
  const { signer, isGood } = await newSigner(opened(t, { token: newToken().label }));
  the(hsm).begin("kill");
  const fault = await faultOf(signer.sign(INPUT));
  t.ok(fault instanceof CustodianError);
  t.match(fault.message, "SIGKILL");
  t.equal(fault.isSetup, false, "the next try may be better");
  the(hsm).end();
  t.equal(isGood(await signAgain(() => signer.sign(INPUT))), true);
});

t.test("a module that hangs is waited for until the time-out, and another process takes its place", { skip: skipFaults }, async (t) => {
  const { label } = newToken();
  const { key, ring } = await newSigner(opened(t, { token: label }));
  const custodian = opened(t, { token: label, ...wait(1_000) });
  const signer = await custodian.openSigner(key, ring);
  the(hsm).begin("hang");
  const faults = await Promise.all(Array.from({ length: 20 }, () => faultOf(signer.sign(INPUT))));
  t.ok(faults.every((fault) => fault instanceof CustodianError));
  the(hsm).end();
  t.equal((await signAgain(() => signer.sign(INPUT))).length, 64, "the hung process is not in the way of the next");
});

const skipClose = skipFaults === false ? skipWithoutProc : skipFaults;
t.test("it can be closed while the module hangs, before any time-out", { skip: skipClose, timeout: 120_000 }, async (t) => {
  const before = childrenOf(process.pid);
  const custodian = opened(t, { token: newToken().label, ...wait(600_000) });
  const { signer } = await newSigner(custodian);
  the(hsm).begin("hang");
  const fault = faultOf(signer.sign(INPUT));
  await until("the call that hangs", () => the(hsm).isHanging());
  await custodian.close?.();
  t.ok((await fault) instanceof CustodianError);
  t.same(childrenOf(process.pid), before, "no process is left");
});

t.test(
  "a signal to the whole process group leaves it to the issuer to end it",
  { skip: skip === false ? skipWithoutProc : skip },
  async (t) => {
    const before = childrenOf(process.pid);
    const { signer } = await newSigner(opened(t, { token: newToken().label }));
    const [pid] = childrenOf(process.pid).filter((each) => !before.includes(each));
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.kill(the(pid), signal);
    for (let call = 0; call < 20; call++) await signer.sign(INPUT);
    t.ok(childrenOf(process.pid).includes(the(pid)), "the same process signs");
  },
);

t.test("a module that can't be loaded is named", { skip }, async (t) => {
  const fault = await faultOf(opened(t, { modulePath: "/absent/module.so", token: "t" }).create("ES256", NOW, EMPTY_RING));
  t.notOk(fault instanceof CustodianError);
  t.match(fault.message, /\/absent\/module\.so.*module-path/);
  t.equal(fault.isSetup, true);
  await t.rejects(loadModule("/absent/module.so"), KeyError);
});

t.test("without the package, or with one that was not built, it says which command brings it", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "mintmark-bare-"));
  const source = join(import.meta.dirname, "../../src");
  for (const unit of ["domain", "signers"]) cpSync(join(source, unit), join(folder, "src", unit), { recursive: true });
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  const { openPkcs11Custodian: open } = (await import(pathToFileURL(join(folder, "src/signers/pkcs11.ts")).href)) as {
    openPkcs11Custodian: typeof openPkcs11Custodian;
  };
  const messageOf = async (): Promise<string> => {
    const limits = { timeoutMillis: 10_000, maxInFlight: 1, clock: systemClock };
    const nothing = { serial: undefined, slotId: undefined, pinFile: undefined, pin: undefined };
    const custodian = open({ modulePath: "/module.so", token: "t", ...nothing, limits, random: systemRandom });
    try {
      await custodian.create("ES256", NOW, EMPTY_RING);
      return "";
    } catch (error) {
      // A class of the same name: this is another copy of the sources.
      return error instanceof Error && error.name === "KeyError" && "isSetup" in error && error.isSetup === true ? error.message : "";
    } finally {
      await custodian.close?.();
    }
  };
  try {
    t.match(await messageOf(), "npm install pkcs11js");
    const unbuilt = join(folder, "node_modules/pkcs11js");
    mkdirSync(unbuilt, { recursive: true });
    writeFileSync(join(unbuilt, "package.json"), '{"name":"pkcs11js","main":"index.js"}');
    writeFileSync(join(unbuilt, "index.js"), 'require("./build/Release/pkcs11.node");');
    t.match(await messageOf(), "npm rebuild pkcs11js");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
