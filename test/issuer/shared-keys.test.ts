/** A fleet whose private parts are in the ring, sealed: one ring whoever comes first, and no harm by a node with another key-encryption key. */

import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { calculateJwkThumbprint } from "jose";
import t, { type Test } from "tap";
import type { KeyCustodian } from "../../src/domain/ports.ts";
import { CustodianError, KeyError } from "../../src/domain/ports.ts";
import { keyTimes } from "../../src/domain/ring.ts";
import type { Ring } from "../../src/domain/ring.ts";
import { ringPolicy } from "../../src/issuer/ring-policy.ts";
import { systemRandom } from "../../src/platform/index.ts";
import { joinCustodians } from "../../src/signers/custodians.ts";
import { openLocalCustodian } from "../../src/signers/local.ts";
import { encryptionKeys } from "../../src/signers/material/encryption-keys.ts";
import { openSharedCustodian } from "../../src/signers/shared.ts";
import { DAY, headerOf, HOUR, type Node, policy, SECOND, World } from "../support/issuer-world.ts";

const FIRST = new Uint8Array(32).fill(1);
const SECOND_KEK = new Uint8Array(32).fill(2);
const NO_FORCE = { force: false, reason: undefined };

/** What a node with these key-encryption keys has. */
function custodian(current: Uint8Array, old?: Uint8Array, directory = "/nowhere", store: "file" | "shared" = "shared"): KeyCustodian {
  const kek = encryptionKeys(current, old);
  const local = openLocalCustodian({ directory, random: systemRandom, strictPermissions: true, onWarning: () => undefined });
  return joinCustodians({
    byScheme: new Map([
      ["shared", openSharedCustodian({ encryptionKeys: kek, random: systemRandom })],
      ["file", local],
    ]),
    signing: store,
    mac: store,
  });
}

function statesOf(ring: Ring, world: World): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const key of ring.keys) {
    const name = `${key.algorithm} ${keyTimes(ring, key, world.now, ringPolicy(world.policy)).state}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

const SET = { "ES256 active": 1, "ES256 staged": 1, "EdDSA active": 1, "EdDSA staged": 1, "HS256 active": 1, "HS256 staged": 1 };

async function fleet(count: number): Promise<{ world: World; nodes: Node[] }> {
  const world = new World();
  t.teardown(() => world.close());
  const nodes: Node[] = [];
  for (let index = 0; index < count; index++) nodes.push(await world.node({ custodian: custodian(FIRST) }));
  await Promise.all(nodes.map((node) => node.issuer.start()));
  for (const node of nodes) await node.idle();
  return { world, nodes };
}

t.test("eight nodes that start at once on an empty store have one ring, one active and one staged key of each algorithm", async (t) => {
  const { world, nodes } = await fleet(8);
  t.same(statesOf(await world.ring(), world), SET);
  for (const node of nodes) t.same(node.eventsOf("trouble"), []);
  await world.addUser("alice");
  await world.advance(SECOND);
  const kids = new Set<unknown>();
  for (const node of nodes) kids.add(headerOf((await node.logIn("alice")).accessToken)["kid"]);
  t.equal(kids.size, 1, "all sign with one key");
  t.ok((await world.ring()).keys.every(({ sealed, custody }) => sealed !== undefined && custody.startsWith("shared:")));
});

t.test("what one node signs with and makes refresh tokens with, every node can open", async (t) => {
  const { world, nodes } = await fleet(2);
  const [one, other] = nodes as [Node, Node];
  await world.addUser("alice");
  await world.advance(SECOND);
  const grant = await one.logIn("alice");
  t.ok(await other.refresh(grant.refreshToken));
});

t.test("a node with another key-encryption key serves the JWK Set, signs nothing, plans nothing and says why", async (t) => {
  const { world, nodes } = await fleet(1);
  const [good] = nodes as [Node];
  await world.addUser("alice");
  const wrong = await world.node({ custodian: custodian(SECOND_KEK) });
  await wrong.issuer.start();
  await wrong.idle();
  const before = (await world.ring()).version;
  t.same(wrong.issuer.jwks()?.body, good.issuer.jwks()?.body, "the JWK Set is the fleet's");
  t.match(wrong.eventsOf("trouble")[0]?.message, /key-encryption key of this node is not the one/);
  t.equal((await wrong.issuer.readiness()).ready, false);
  await t.rejects(wrong.logIn("alice"));
  // Its rotation would be due; the good node is stopped, so that nobody else plans.
  await good.stop();
  await world.advance(40 * DAY);
  await world.tick(60);
  t.equal((await world.ring()).version, before, "the ring is as it was");

  const again = await world.node({ custodian: custodian(FIRST) });
  await again.issuer.start();
  await again.idle();
  t.ok((await again.logIn("alice")).accessToken);
});

t.test("where two key-encryption keys meet on an empty store, the first wins and the other plans nothing", async (t) => {
  const world = new World();
  t.teardown(() => world.close());
  const nodes = [await world.node({ custodian: custodian(FIRST) }), await world.node({ custodian: custodian(SECOND_KEK) })];
  const results = await Promise.allSettled(nodes.map((node) => node.issuer.start()));
  for (const node of nodes) await node.idle();
  t.ok(results.some(({ status }) => status === "fulfilled"));
  t.same(statesOf(await world.ring(), world), SET);
  const ready = await Promise.all(nodes.map(async (node) => (await node.issuer.readiness()).ready));
  t.equal(ready.filter(Boolean).length, 1, "one of them can sign");
});

t.test("one key-encryption key takes the place of another without a node that stops", async (t) => {
  const { world, nodes } = await fleet(2);
  const [old, other] = nodes as [Node, Node];
  await world.addUser("alice");
  await world.advance(SECOND);
  const grant = await old.logIn("alice");

  const rolled = await world.node({ custodian: custodian(SECOND_KEK, FIRST) });
  await rolled.issuer.start();
  await rolled.idle();
  t.same(rolled.eventsOf("trouble"), []);
  const operator = await world.operator([], world.policy, custodian(SECOND_KEK, FIRST));
  // A key that is made before the rewrap must be one that nodes of before can open.
  await operator.stageKeys(["ES256"]);
  await world.tick();
  t.same(other.eventsOf("trouble"), []);

  const kids = (await world.ring()).keys.map(({ kid }) => kid);
  t.same(await operator.rewrapKeys(), { files: 0, inRing: 7 });
  await world.tick();
  const ring = await world.ring();
  t.same(
    ring.keys.map(({ kid }) => kid),
    kids,
    "the keys are the same",
  );
  t.match(other.eventsOf("trouble")[0]?.message, /not the one that the key ring is sealed under/, "who was left behind says so");
  t.ok(await other.refresh(grant.refreshToken), "and goes on with what it has opened");
  const last = await world.node({ custodian: custodian(SECOND_KEK) });
  await last.issuer.start();
  await last.idle();
  t.same(last.eventsOf("trouble"), []);
  t.ok(await last.refresh((await last.logIn("alice")).refreshToken));
});

t.test("a revoked key's private part leaves the ring in the same swap, a retired one's a day later", async (t) => {
  const { world, nodes } = await fleet(1);
  const [node] = nodes as [Node];
  const operator = await world.operator([], world.policy, custodian(FIRST));
  await world.advance(2 * DAY);
  const kidIn = async (state: string): Promise<string> =>
    (await operator.listKeys(false)).find((key) => key.alg === "ES256" && key.state === state)?.kid ?? "";
  const [active, staged] = [await kidIn("active"), await kidIn("staged")];
  await operator.promoteKey(staged, NO_FORCE);
  const partOf = async (kid: string): Promise<string | undefined> => (await world.ring()).keys.find((key) => key.kid === kid)?.sealed;
  await world.advance(HOUR);
  await world.tick(60);
  t.ok(await partOf(active));
  await world.advance(DAY);
  await world.tick(60);
  t.equal(await partOf(active), undefined);
  t.same(node.eventsOf("trouble"), []);
  await operator.revokeKeys([staged], "test", true);
  t.equal(await partOf(staged), undefined);
});

t.test("a key-encryption key that was lost is replaced: all keys go at once, and their successors are under the new one", async (t) => {
  const { world, nodes } = await fleet(1);
  const [node] = nodes as [Node];
  await world.addUser("alice");
  await world.advance(2 * DAY);
  const old = await node.logIn("alice");
  await node.stop();
  const left = await world.node({ custodian: custodian(SECOND_KEK) });
  await left.issuer.start();
  await left.idle();
  await t.rejects(left.logIn("alice"));
  const operator = await world.operator([], world.policy, custodian(SECOND_KEK));
  await t.rejects(operator.rotateKeys(["ES256"], { dryRun: false }), KeyError, "nothing less will do");
  await operator.revokeKeys("signing", "lost", true).catch(() => undefined);
  const before = await world.ring();
  t.equal(
    before.keys.filter(({ revokedAt }) => revokedAt !== undefined).length,
    0,
    "signing keys alone leave the MAC keys sealed under the lost one",
  );
  t.match(await operator.revokeKeys("all", "lost", false), { unsafe: true, risk: /every session/ });
  await operator.revokeKeys("all", "lost", true);
  await world.tick();
  t.same(statesOf(await world.ring(), world), { ...SET, "ES256 revoked": 2, "EdDSA revoked": 2, "HS256 revoked": 2 });
  t.not((await world.ring()).encryptionKeyCheck, before.encryptionKeyCheck);
  t.equal((await left.issuer.readiness()).ready, true);
  const grant = await left.logIn("alice");
  t.ok(await left.refresh(grant.refreshToken));
  t.match(await left.tryRefresh(old.refreshToken), { refused: "invalid_grant" });
});

t.test("a lost key-encryption key is replaced although a key that has just retired is still sealed under it", async (t) => {
  const { world, nodes } = await fleet(1);
  const [node] = nodes as [Node];
  await world.advance(2 * DAY);
  const first = await world.operator([], world.policy, custodian(FIRST));
  await first.rotateKeys(["ES256"], { dryRun: false });
  await world.advance(HOUR);
  await node.stop();
  const before = await world.ring();
  t.ok(before.keys.some((key) => keyTimes(before, key, world.now, ringPolicy(world.policy)).state === "retired" && key.sealed));
  const operator = await world.operator([], world.policy, custodian(SECOND_KEK));
  await operator.revokeKeys("all", "lost", true);
  const ring = await world.ring();
  t.same(
    ring.keys.filter(({ sealed }) => sealed !== undefined).map(({ revokedAt }) => revokedAt),
    Array.from({ length: 6 }, () => undefined),
    "what is sealed now is new",
  );
  t.equal((await operator.stageKeys(["ES256"])).steps.length, 1);
});

async function withKeysInFiles(test: Test): Promise<{ directory: string; world: World }> {
  const directory = test.testdir();
  const world = new World();
  test.teardown(() => world.close());
  const node = await world.node({ custodian: custodian(FIRST, undefined, directory, "file") });
  await node.issuer.start();
  await node.idle();
  return { directory, world };
}

t.test("the file that a moved key left goes when the key is revoked", async (t) => {
  const { directory, world } = await withKeysInFiles(t);
  await world.advance(2 * DAY);
  const operator = await world.operator([], world.policy, custodian(FIRST, undefined, directory));
  await operator.moveKeys("file");
  const [kid = ""] = (await operator.listKeys(false)).filter(({ state }) => state === "active").map((key) => key.kid);
  t.ok(readdirSync(directory).includes(`${kid}.json`));
  await operator.revokeKeys([kid], "stolen", false);
  t.notOk(readdirSync(directory).includes(`${kid}.json`));
  t.equal(readdirSync(directory).length, 5, "and no other");
});

t.test("keys are not copied to where they are", async (t) => {
  const { directory, world } = await withKeysInFiles(t);
  const before = readdirSync(directory);
  const options = { directory, random: systemRandom, strictPermissions: true, onWarning: () => undefined };
  const local = openLocalCustodian({ ...options, encryptionKeys: encryptionKeys(FIRST, undefined) });
  const sealing = joinCustodians({ byScheme: new Map([["file", local]]), signing: "file", mac: "file" });
  const operator = await world.operator([], world.policy, sealing);
  t.match(await operator.moveKeys("file"), { steps: [] });
  t.same(readdirSync(directory), before);
});

t.test("a store that went back before a rewrap and a revocation is put right from a node's copy", async (t) => {
  const { world, nodes } = await fleet(1);
  const [node] = nodes as [Node];
  const operator = await world.operator([], world.policy, custodian(SECOND_KEK, FIRST));
  const before = await world.snapshot();
  await operator.rewrapKeys();
  const [first] = (await world.ring()).keys;
  await operator.stageKeys(["EdDSA"]);
  await world.tick();
  const good = await world.ring();
  await world.goBackTo(before);
  await world.tick();
  const repaired = await world.ring();
  t.equal(repaired.encryptionKeyCheck, good.encryptionKeyCheck);
  t.equal(repaired.keys.find(({ kid }) => kid === first?.kid)?.sealed, first?.sealed);
  t.equal(repaired.keys.length, good.keys.length);
  t.match(node.eventsOf("ring_repaired"), [{ version: Number }]);
});

t.test("private parts move from key files to the ring and back, and no session or signature notices", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "mintmark-move-"));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const world = new World();
  t.teardown(() => world.close());
  const inFiles = () => custodian(FIRST, undefined, directory, "file");
  const inRing = () => custodian(FIRST, undefined, directory, "shared");
  const node = await world.node({ custodian: inFiles() });
  await node.issuer.start();
  await node.idle();
  await world.addUser("alice");
  await world.advance(SECOND);
  const grant = await node.logIn("alice");
  const kids = (await world.ring()).keys.map(({ kid }) => kid);
  t.equal(readdirSync(directory).length, 6);

  const operator = await world.operator([], world.policy, inRing());
  const moved = await operator.moveKeys("file");
  t.equal("steps" in moved && moved.steps.length, 6);
  await world.tick();
  t.same(node.eventsOf("trouble"), []);
  const away = await world.node({ custodian: custodian(FIRST) });
  await away.issuer.start();
  await away.idle();
  const next = await away.refresh(grant.refreshToken);
  t.equal(headerOf(next.accessToken)["kid"], headerOf(grant.accessToken)["kid"], "the same key signs");
  t.same((await operator.pruneKeys()).erased.toSorted(), kids.toSorted(), "the files go when the operator says so");
  t.same(readdirSync(directory), []);

  const back = await world.operator([], world.policy, inFiles());
  await back.moveKeys("shared");
  const ring = await world.ring();
  t.ok(ring.keys.every(({ custody, sealed }) => custody.startsWith("file:") && sealed === undefined));
  t.same(
    ring.keys.map(({ kid }) => kid),
    kids,
  );
  t.equal(readdirSync(directory).length, 6);
  await world.tick();
  t.ok(await node.refresh(next.refreshToken));
});

t.test("a key from elsewhere is staged under its thumbprint, ages like any other, and signs then", async (t) => {
  const { world, nodes } = await fleet(1);
  const [node] = nodes as [Node];
  await world.addUser("alice");
  const operator = await world.operator([], world.policy, custodian(FIRST));
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const text = privateKey.export({ format: "pem", type: "pkcs8" }).toString();
  const kid = await calculateJwkThumbprint(publicKey.export({ format: "jwk" }));
  await operator.importKey({ from: "text", text, edName: "EdDSA" });
  t.equal((await operator.listKeys(false)).find((key) => key.kid === kid)?.state, "staged");
  await world.tick();
  t.match(node.issuer.jwks()?.body.toString(), kid);
  t.match(await operator.promoteKey(kid, NO_FORCE), { unsafe: true });
  await world.advance(DAY);
  await operator.promoteKey(kid, NO_FORCE);
  await world.tick();
  t.equal(headerOf((await node.logIn("alice")).accessToken)["kid"], kid);
  const again = () => operator.importKey({ from: "text", text, edName: "EdDSA" });
  await t.rejects(again(), { name: "KeyError", message: `the key ring has this key already: ${kid}` }, "once is enough");
  await operator.revokeKeys([kid], "test", true);
  await t.rejects(again(), { name: "KeyError", message: /^this key was revoked \(20.*Z\) and never signs again/ });
});

const CERTIFICATE = "Bag Attributes\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

t.test("a certificate and parameters around the private key are left aside", async (t) => {
  const { world } = await fleet(1);
  const operator = await world.operator([], world.policy, custodian(FIRST));
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const sec1 = privateKey.export({ format: "pem", type: "sec1" }).toString();
  const parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
  await operator.importKey({ from: "text", text: `${CERTIFICATE}${parameters}${sec1}${CERTIFICATE}`, edName: "EdDSA" });
  const kid = await calculateJwkThumbprint(publicKey.export({ format: "jwk" }));
  const listed = (await operator.listKeys(false)).find((key) => key.kid === kid);
  t.same([listed?.state, listed?.custody], ["staged", "shared"]);
  const { keys } = await operator.keyStatus();
  t.same(new Set(keys.map(({ custody }) => custody)), new Set(["shared"]));
});

t.test("what can't be taken in is refused in words, and nothing is changed", async (t) => {
  const { world } = await fleet(1);
  const only = { ...policy(), keys: { ...policy().keys, algorithms: ["ES256"] as const } };
  const operator = await world.operator([], only, custodian(FIRST));
  const before = (await world.ring()).version;
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey;
  const ed = generateKeyPairSync("ed25519");
  const pem = (key: typeof p384): string => key.export({ format: "pem", type: "pkcs8" }).toString();
  const texts = [
    ["", /is empty/],
    ["hello", /neither a PEM nor a JWK/],
    ["[]", /neither a PEM nor a JWK/],
    ['{"keys":[]}', /is a JWK Set/],
    [pem(rsa.privateKey), /is an RSA key/],
    [JSON.stringify(rsa.privateKey.export({ format: "jwk" })), /is an RSA key/],
    [pem(p384), /P-384/],
    [ed.publicKey.export({ format: "pem", type: "spki" }).toString(), /public key or a certificate/],
    [JSON.stringify(ed.publicKey.export({ format: "jwk" })), /public key only/],
    [ed.privateKey.export({ format: "pem", type: "pkcs8", cipher: "aes-256-cbc", passphrase: "x" }).toString(), /encrypted PEM/],
    ["-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", /holds no private key/],
    ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", /public key or a certificate/],
    [`${CERTIFICATE}${pem(rsa.privateKey)}`, /is an RSA key/],
    [pem(p384) + pem(ed.privateKey), /holds 2 private keys; one is expected/],
    [pem(generateKeyPairSync("x25519").privateKey), /is an X25519 key; a key for ES256 \(P-256\) or EdDSA \(Ed25519\) is expected/],
    [pem(generateKeyPairSync("ed448").privateKey), /is an Ed448 key/],
    [JSON.stringify(generateKeyPairSync("x25519").privateKey.export({ format: "jwk" })), /is an X25519 key/],
    [JSON.stringify(generateKeyPairSync("ed448").privateKey.export({ format: "jwk" })), /is an Ed448 key/],
    ['{"kty":"oct","k":"CANARY"}', /is a symmetric key \(oct\)/],
    [JSON.stringify({ ...p256.export({ format: "jwk" }), alg: "EdDSA" }), /is an EC key whose alg is EdDSA/],
    [JSON.stringify({ ...ed.privateKey.export({ format: "jwk" }), alg: "CANARY" }), /is an Ed25519 key whose alg is none that is known/],
    ['{"kty":"CANARY","crv":"Ed25519"}', /is no key for ES256 or EdDSA/],
    ['{"kty":"OKP","crv":"CANARY"}', /is no key for ES256 or EdDSA/],
    [JSON.stringify({ ...ed.privateKey.export({ format: "jwk" }), use: "enc" }), /something else than signing/],
    [pem(ed.privateKey), /the configuration has no EdDSA keys/],
  ] as const;
  for (const [text, message] of texts) {
    const fault = await operator.importKey({ from: "text", text, edName: "EdDSA" }).catch((error: unknown) => error);
    t.ok(fault instanceof KeyError && !(fault instanceof CustodianError));
    t.match(fault, { message });
    t.notMatch((fault as Error).message, /CANARY/, "no word of the text");
  }
  t.equal((await world.ring()).version, before);
});
