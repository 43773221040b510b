/** Keys in AWS KMS: by the contract of all custodians, against moto (P-256) and a server of our own (P-256 and Ed25519). */

import {
  CreateAliasCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  KMSClient,
  ListResourceTagsCommand,
  UpdateAliasCommand,
} from "@aws-sdk/client-kms";
import t from "tap";
import { parseKeyUri, spellKeyUri } from "../../src/domain/key-uri.ts";
import { CustodianError, KeyError } from "../../src/domain/ports.ts";
import type { NewKey } from "../../src/domain/ports.ts";
import { EMPTY_RING } from "../../src/domain/ring.ts";
import { systemClock } from "../../src/platform/index.ts";
import { openAwsKmsCustodian } from "../../src/signers/aws-kms.ts";
import { entryOf, signerContract } from "../contract/signer.ts";
import { AWS_SECRET, setAwsEnvironment } from "../support/aws.ts";
import { startKmsServer } from "../support/kms-server.ts";
import { startMoto } from "../support/moto.ts";

setAwsEnvironment();
const REGION = "eu-west-1";
const NOW = Date.UTC(2026, 10, 28);
const limits = { timeoutMillis: 10_000, maxInFlight: 64, clock: systemClock };
const secrets = [AWS_SECRET];

const moto = await startMoto();
const skip = typeof moto === "string" ? moto : false;
const url = typeof moto === "string" ? "http://127.0.0.1:9" : moto.url;
if (typeof moto !== "string") t.teardown(() => moto.remove());

signerContract("AWS KMS by moto", async () => {
  if (typeof moto === "string") return moto;
  const { rules, cut } = moto.proxy;
  return {
    scheme: "awskms",
    algorithms: ["ES256"],
    erases: true,
    secrets,
    open: () => openAwsKmsCustodian({ region: REGION, endpoint: moto.url, limits }),
    outage: {
      async begin() {
        rules.refuse = true;
        cut();
      },
      async end() {
        rules.refuse = false;
      },
    },
    remove: async () => undefined,
  };
});

/** The bounds are those of the message that Ed25519 needs whole. */
for (const [algorithms, signable] of [[["ES256"]], [["EdDSA", "Ed25519"], { min: 1, max: 4_096 }]] as const) {
  signerContract(`AWS KMS by a server of our own, ${algorithms.join(" and ")}`, async () => {
    const server = await startKmsServer();
    return {
      scheme: "awskms",
      algorithms,
      erases: true,
      ...(signable && { signable }),
      secrets,
      open: () => openAwsKmsCustodian({ region: server.region, endpoint: server.url, limits }),
      outage: { begin: () => server.down(), end: () => server.up() },
      remove: () => server.remove(),
    };
  });
}

function onMoto() {
  const custodian = openAwsKmsCustodian({ region: REGION, endpoint: url, limits });
  const client = new KMSClient({ region: REGION, endpoint: url });
  const create = () => custodian.create("ES256", NOW, EMPTY_RING);
  const open = (made: NewKey) => {
    const { key, ring } = entryOf(made);
    return custodian.openSigner(key, ring);
  };
  return { custodian, client, create, open };
}

const arnOf = ({ custody }: NewKey): string => parseKeyUri(custody)?.path.get("key-id") ?? "";

async function messageOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof KeyError && !(error instanceof CustodianError)) return error.message;
    throw error;
  }
  return "";
}

t.test("a new key is for signatures, named by its ARN, and found by its tag", { skip }, async (t) => {
  const { client, create } = onMoto();
  const made = await create();
  const arn = arnOf(made);
  t.match(arn, /^arn:aws:kms:eu-west-1:\d{12}:key\/[\w-]+$/);
  t.equal(made.custody, `awskms:key-id=${encodeURIComponent(arn)}`);
  const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId: arn }));
  t.match(KeyMetadata, { KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY", Description: "mintmark: ES256 signing key" });
  const { Tags } = await client.send(new ListResourceTagsCommand({ KeyId: arn }));
  t.same(Tags, [{ TagKey: "mintmark", TagValue: "ES256" }]);
});

t.test("an alias is followed once: the signer stays with its key when the alias is moved", { skip }, async (t) => {
  const { custodian, client, create, open } = onMoto();
  const [one, other] = [await create(), await create()];
  await client.send(new CreateAliasCommand({ AliasName: "alias/mintmark/signing", TargetKeyId: arnOf(one) }));
  const byAlias = spellKeyUri("awskms", { "key-id": "alias/mintmark/signing" });
  const adopted = await custodian.adopt?.(byAlias, "ES256");
  t.same(adopted, one, "named by the key's ARN, not by the alias");
  await client.send(new UpdateAliasCommand({ AliasName: "alias/mintmark/signing", TargetKeyId: arnOf(other) }));
  t.equal((await open(one)).kid, one.kid);
  t.match(await messageOf(open({ ...one, custody: byAlias })), /not named by the ARN/, "a ring that names an alias is refused");
  const [, id = ""] = arnOf(one).split("/");
  t.same(await custodian.adopt?.(`awskms:key-id=${id}`, "ES256"), one, "by its id as well");
});

t.test("a key of another curve is not taken in", { skip }, async (t) => {
  const { custodian, client } = onMoto();
  const { KeyMetadata } = await client.send(new CreateKeyCommand({ KeySpec: "ECC_NIST_P384", KeyUsage: "SIGN_VERIFY" }));
  const uri = spellKeyUri("awskms", { "key-id": KeyMetadata?.Arn ?? "" });
  t.match(await messageOf(Promise.resolve(custodian.adopt?.(uri, "ES256"))), /is no ECC_NIST_P256 key/);
});

t.test("a disabled key is refused at load, saying so and what to do", { skip }, async (t) => {
  const { custodian, client, create, open } = onMoto();
  const made = await create();
  const [, KeyId = ""] = arnOf(made).split("/");
  await client.send(new DisableKeyCommand({ KeyId }));
  const says = /is disabled; enable it again/;
  t.match(await messageOf(open(made)), says);
  t.match(await messageOf(Promise.resolve(custodian.adopt?.(made.custody, "ES256"))), says);
});

t.test("an erased key is to be deleted in seven days, and until then can be kept", { skip }, async (t) => {
  const { custodian, client, create, open } = onMoto();
  const made = await create();
  t.equal(await custodian.erase(made), true);
  const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId: arnOf(made) }));
  t.equal(KeyMetadata?.KeyState, "PendingDeletion");
  const days = ((KeyMetadata?.DeletionDate?.getTime() ?? 0) - Date.now()) / 86_400_000;
  t.equal(Math.round(days), 7);
  t.match(await messageOf(open(made)), /is to be deleted on \d{4}-\d\d-\d\dT.*cancel-key-deletion/);
  t.equal(await custodian.erase(made), false);
});

t.test("where no Ed25519 keys are offered, as by moto, it says so and names the way out", { skip }, async (t) => {
  const { custodian } = onMoto();
  t.match(await messageOf(custodian.create("EdDSA", NOW, EMPTY_RING)), /eu-west-1 makes no ECC_NIST_EDWARDS25519 keys.*keys\.algorithms/);
});
