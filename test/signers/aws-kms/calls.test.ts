/** What AWS KMS is asked for, and what becomes of its answers: by a server that says what the test wants. */

import { createHash, generateKeyPairSync } from "node:crypto";
import { registerHooks } from "node:module";
import t from "tap";
import type { Test } from "tap";
import { parseKeyUri } from "../../../src/domain/key-uri.ts";
import { CustodianError, KeyError, NotAskedError } from "../../../src/domain/ports.ts";
import type { NewKey } from "../../../src/domain/ports.ts";
import { EMPTY_RING } from "../../../src/domain/ring.ts";
import type { JwsAlgorithm } from "../../../src/domain/ring.ts";
import { systemClock } from "../../../src/platform/index.ts";
import { openAwsKmsCustodian } from "../../../src/signers/aws-kms.ts";
import { entryOf } from "../../contract/signer.ts";
import { AWS_SECRET, setAwsEnvironment } from "../../support/aws.ts";
import { startKmsServer } from "../../support/kms-server.ts";
import { until } from "../../support/wait.ts";

setAwsEnvironment();
const NOW = Date.UTC(2026, 10, 28);

/** While true, the SDK is not to be found, as where nobody installed it. */
let isSdkMissing = false;
registerHooks({
  resolve(specifier, context, next) {
    if (!isSdkMissing || specifier !== "@aws-sdk/client-kms") return next(specifier, context);
    throw Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" });
  },
});

async function makeWorld(t: Test, { timeoutMillis = 20_000 } = {}) {
  const server = await startKmsServer();
  t.teardown(() => server.remove());
  const openAt = (region: string | undefined) => {
    const opened = openAwsKmsCustodian({ region, endpoint: server.url, limits: { timeoutMillis, maxInFlight: 64, clock: systemClock } });
    t.teardown(() => opened.close?.());
    return opened;
  };
  const custodian = openAt(server.region);
  const create = (algorithm: JwsAlgorithm = "ES256") => custodian.create(algorithm, NOW, EMPTY_RING);
  const open = (made: NewKey) => {
    const { key, ring } = entryOf(made);
    return custodian.openSigner(key, ring);
  };
  const actions = () => server.calls.splice(0).map(({ action }) => action);
  return { server, custodian, openAt, create, open, actions };
}

const arnOf = ({ custody }: Pick<NewKey, "custody">): string => parseKeyUri(custody)?.path.get("key-id") ?? "";

async function faultOf(work: Promise<unknown>): Promise<KeyError> {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof KeyError) return thrown;
  throw new Error("not refused by a KeyError", { cause: thrown });
}

t.test("without the SDK the package to install is named, and nothing is asked for before it is needed", async (t) => {
  const { custodian, server } = await makeWorld(t);
  isSdkMissing = true;
  t.teardown(() => (isSdkMissing = false));
  const fault = await faultOf(custodian.create("ES256", NOW, EMPTY_RING));
  t.match(fault.message, "npm install @aws-sdk/client-kms");
  t.notOk(fault instanceof CustodianError, "it won't come by waiting");
  t.equal(fault.isSetup, true);
  t.match(await faultOf(Promise.resolve(custodian.check?.())), { isSetup: true, message: "npm install @aws-sdk/client-kms" });
  isSdkMissing = false;
  t.same(server.calls, []);
  t.ok(await custodian.create("ES256", NOW, EMPTY_RING), "and once it is there no restart is needed");
});

t.test("ES256: the digest is sent and no claim; Ed25519: the message itself, 4096 bytes of it at most", async (t) => {
  const { server, create, open, actions } = await makeWorld(t);
  const es256 = await open(await create("ES256"));
  const ed25519 = await open(await create("EdDSA"));
  actions();
  const input = "a.".padEnd(4_096, "b");
  await es256.sign(input);
  await ed25519.sign(input);
  const sent = server.calls.map(({ input: { MessageType, SigningAlgorithm, Message } }) => [MessageType, SigningAlgorithm, Message]);
  t.same(sent, [
    ["DIGEST", "ECDSA_SHA_256", createHash("sha256").update(input).digest("base64")],
    ["RAW", "ED25519_SHA_512", Buffer.from(input).toString("base64")],
  ]);
  actions();
  t.equal((await es256.sign(`${input}c`)).length, 64);
  const fault = await faultOf(ed25519.sign(`${input}c`));
  t.match(fault.message, /4096 bytes at most by Ed25519.*4097/);
  t.ok(fault instanceof NotAskedError);
  t.same(actions(), ["Sign"], "the long one was not sent");
});

/** Errors as AWS KMS names them, who is at fault, and what the message says. */
const REFUSALS: readonly [name: string, status: number, isKeyAtFault: boolean, says: RegExp][] = [
  ["DisabledException", 400, true, /is disabled/],
  ["KMSInvalidStateException", 400, true, /pending deletion/],
  ["NotFoundException", 400, true, /is not there/],
  ["AccessDeniedException", 400, false, /allow kms:Sign/],
  ["InvalidKeyUsageException", 400, true, /SIGN_VERIFY/],
  ["ThrottlingException", 400, false, /ThrottlingException/],
  ["KMSInternalException", 500, false, /KMSInternalException/],
  ["KeyUnavailableException", 500, false, /KeyUnavailableException/],
  ["DependencyTimeoutException", 500, false, /DependencyTimeoutException/],
  ["ServiceUnavailableException", 503, false, /ServiceUnavailableException/],
  ["ExpiredTokenException", 400, false, /credentials/],
  ["UnrecognizedClientException", 400, false, /credentials/],
  ["InvalidSignatureException", 400, false, /credentials/],
  ["SomethingNewException", 400, false, /SomethingNewException/],
];

t.test("each refusal of a signature says who is at fault, and the next signature is as good as ever", async (t) => {
  const { server, create, open } = await makeWorld(t);
  const made = await create();
  const signer = await open(made);
  for (const [name, status, isKeyAtFault, says] of REFUSALS) {
    server.fail("Sign", name, { status, times: 2 });
    const fault = await faultOf(signer.sign("a.b"));
    server.fail("Sign", name, { times: 0 });
    t.equal(!(fault instanceof CustodianError), isKeyAtFault, name);
    t.match(fault.message, says, name);
    if (isKeyAtFault) t.match(fault.message, arnOf(made), `${name}: names the key`);
    t.notMatch(fault.message, "words of the server", `${name}: in our words`);
    t.notMatch(fault.message, AWS_SECRET);
    t.equal((await signer.sign("a.b")).length, 64, `after ${name}`);
  }
});

t.test("a look is one DescribeKey of a key that is none: that it is refused shows that it is asked", async (t) => {
  const { server, custodian, actions } = await makeWorld(t);
  await custodian.check?.();
  t.same(
    server.calls.map(({ input }) => input),
    [{ KeyId: "00000000-0000-0000-0000-000000000000" }],
  );
  t.same(actions(), ["DescribeKey"]);
  for (const [name, status] of REFUSALS) {
    server.fail("DescribeKey", name, { status, times: 2 });
    const looked = Promise.resolve(custodian.check?.());
    if (name === "NotFoundException" || name === "AccessDeniedException") await looked;
    else t.match(await faultOf(looked), { isSetup: false }, name);
    server.fail("DescribeKey", name, { times: 0 });
  }
});

t.test("a key that is disabled or deleted while it signs stops signing", async (t) => {
  const { server, create, open } = await makeWorld(t);
  const made = await create();
  const signer = await open(made);
  server.setState(arnOf(made), "Disabled");
  t.match((await faultOf(signer.sign("a.b"))).message, /is disabled/);
  server.setState(arnOf(made), "PendingDeletion");
  t.match((await faultOf(signer.sign("a.b"))).message, /pending deletion/);
  t.match((await faultOf(open(made))).message, /is to be deleted on 2027-01-02T00:00:00\.000Z/);
});

t.test("a signature is asked for once more where the service stumbles, a new key never", async (t) => {
  const { server, create, open, actions } = await makeWorld(t);
  const signer = await open(await create());
  actions();
  server.fail("Sign", "ServiceUnavailableException", { status: 503 });
  t.equal((await signer.sign("a.b")).length, 64);
  t.same(actions(), ["Sign", "Sign"]);
  server.fail("Sign", "ServiceUnavailableException", { status: 503, times: 9 });
  t.ok((await faultOf(signer.sign("a.b"))) instanceof CustodianError);
  t.same(actions(), ["Sign", "Sign"], "and not a third time");
  server.fail("CreateKey", "ServiceUnavailableException", { status: 503 });
  t.ok((await faultOf(create())) instanceof CustodianError);
  t.same(actions(), ["CreateKey"]);
});

t.test("a service that hangs is given up at the time-out, and the request with it", async (t) => {
  const { server, create, open } = await makeWorld(t, { timeoutMillis: 1_500 });
  const signer = await open(await create());
  server.hang(true);
  t.match((await faultOf(signer.sign("a.b"))).message, "AWS KMS: no answer within 1500 ms.");
  await until("the server saw it go", () => server.abandoned === 1);
  server.hang(false);
  t.equal((await signer.sign("a.b")).length, 64);
});

t.test("a new key that is not known everywhere yet is waited for", async (t) => {
  const { server, create, actions } = await makeWorld(t);
  server.fail("GetPublicKey", "NotFoundException", { times: 2 });
  server.fail("Sign", "NotFoundException");
  t.ok(await create());
  t.same(actions(), ["CreateKey", "GetPublicKey", "GetPublicKey", "GetPublicKey", "Sign", "GetPublicKey", "Sign"]);
});

t.test("a new key that comes to nothing is deleted, and named where it can't be", async (t) => {
  const { server, create } = await makeWorld(t);
  server.fail("GetPublicKey", "AccessDeniedException");
  t.match((await faultOf(create())).message, /allow kms:GetPublicKey/);
  const deleted = server.calls.find(({ action }) => action === "ScheduleKeyDeletion")?.input;
  t.match(deleted, { PendingWindowInDays: 7 });
  t.equal(server.stateOf(String(deleted?.["KeyId"])), "PendingDeletion");

  server.fail("GetPublicKey", "KMSInternalException", { status: 500, times: 2 });
  server.fail("ScheduleKeyDeletion", "AccessDeniedException");
  const fault = await faultOf(create());
  t.ok(fault instanceof CustodianError, "the first fault counts");
  t.match(fault.message, /KMSInternalException.*left the new key arn:aws:kms:eu-central-1:\d+:key\/[\w-]+/);
});

t.test("where Ed25519 keys are not offered, the region and the way out are named", async (t) => {
  const { server, create } = await makeWorld(t);
  for (const name of ["UnsupportedOperationException", "ValidationException"]) {
    server.fail("CreateKey", name);
    const fault = await faultOf(create("Ed25519"));
    t.notOk(fault instanceof CustodianError);
    t.match(fault.message, /eu-central-1 makes no ECC_NIST_EDWARDS25519 keys, as Ed25519 needs.*keys\.algorithms/);
  }
});

t.test("an answer that is no signature is refused, and never becomes a token", async (t) => {
  const { server, create, open } = await makeWorld(t);
  const [es256, ed25519] = [await open(await create("ES256")), await open(await create("EdDSA"))];
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(64, 1), Buffer.from("3006020100020101", "hex")]) {
    server.rewrite("Sign", { Signature: bytes.toString("base64") });
    const fault = await faultOf(es256.sign("a.b"));
    t.ok(fault instanceof CustodianError);
    t.match(fault.message, /is no ES256 signature|without what was asked for/);
  }
  server.rewrite("Sign", { Signature: Buffer.alloc(63, 1).toString("base64") });
  t.ok((await faultOf(ed25519.sign("a.b"))) instanceof CustodianError);
  server.rewrite("Sign", { Signature: undefined });
  t.ok((await faultOf(es256.sign("a.b"))) instanceof CustodianError);
});

t.test("a public key that the key doesn't sign for, or that is none, is not taken in", async (t) => {
  const { server, custodian, create } = await makeWorld(t);
  const { custody } = await create();
  t.match((await faultOf(Promise.resolve(custodian.adopt?.(custody, "EdDSA")))).message, /is no ECC_NIST_EDWARDS25519 key/);
  const spki = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "der", type: "spki" });
  server.rewrite("GetPublicKey", { PublicKey: spki.toString("base64") });
  t.match((await faultOf(Promise.resolve(custodian.adopt?.(custody, "ES256")))).message, /doesn't sign for the public key/);
  server.rewrite("GetPublicKey", { PublicKey: spki.subarray(1).toString("base64") });
  t.match((await faultOf(Promise.resolve(custodian.adopt?.(custody, "ES256")))).message, /is no ECC_NIST_P256 key/);
});

t.test("erasing waits for nobody: what others delete meanwhile is gone, what can't be deleted is said", async (t) => {
  const { server, custodian, create } = await makeWorld(t);
  const made = await create();
  server.fail("ScheduleKeyDeletion", "KMSInvalidStateException");
  t.equal(await custodian.erase(made), false);
  server.fail("ScheduleKeyDeletion", "AccessDeniedException");
  t.match((await faultOf(custodian.erase(made))).message, /allow kms:ScheduleKeyDeletion/);
  t.equal(server.stateOf(arnOf(made)), "Enabled");
  server.fail("DescribeKey", "NotFoundException");
  t.equal(await custodian.erase(made), false);
  t.ok(await faultOf(custodian.erase({ ...made, custody: "awskms:key-id=alias%2Fnone" })), "an alias names no one key");
});

t.test("the region is the configured one, else the SDK's; a key of another region is refused", async (t) => {
  const { server, openAt, create } = await makeWorld(t);
  const { key, ring } = entryOf(await create());
  t.teardown(() => delete process.env["AWS_REGION"]);
  for (const work of [openAt(undefined).openSigner(key, ring), openAt(undefined).check?.()])
    t.match(await faultOf(Promise.resolve(work)), { isSetup: true, message: /no region.*AWS_REGION/ });
  process.env["AWS_REGION"] = server.region;
  t.equal((await openAt(undefined).openSigner(key, ring)).kid, key.kid);
  const fault = await faultOf(openAt("us-east-1").openSigner(key, ring));
  t.match(fault, { isSetup: true, message: /another region than this node uses, us-east-1/ });
});

t.test("without credentials the custodian is closed to this node, and says so", async (t) => {
  const { custodian } = await makeWorld(t);
  const { AWS_SECRET_ACCESS_KEY } = process.env;
  delete process.env["AWS_SECRET_ACCESS_KEY"];
  t.teardown(() => (process.env["AWS_SECRET_ACCESS_KEY"] = AWS_SECRET_ACCESS_KEY));
  const fault = await faultOf(custodian.create("ES256", NOW, EMPTY_RING));
  t.ok(fault instanceof CustodianError);
  t.match(fault.message, /credentials are missing.*CredentialsProviderError/);
  t.match(await faultOf(Promise.resolve(custodian.check?.())), { isSetup: false, message: /credentials are missing/ });
});
