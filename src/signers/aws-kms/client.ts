/** AWS KMS, narrowed to the calls that a custodian needs. The SDK is an optional package, loaded when the first call is made. */

import { setTimeout as sleep } from "node:timers/promises";
import type * as Sdk from "@aws-sdk/client-kms";
import { CustodianError, KeyError } from "../../domain/ports.ts";

export type KeySpec = "ECC_NIST_P256" | "ECC_NIST_EDWARDS25519";

export interface SignRequest {
  readonly message: Uint8Array;
  readonly messageType: "DIGEST" | "RAW";
  readonly algorithm: "ECDSA_SHA_256" | "ED25519_SHA_512";
}

export interface KeyFacts {
  readonly arn: string;
  readonly state: string | undefined;
  readonly deletionAt: Date | undefined;
}

/** Each call rejects with the SDK's own error. */
export interface Kms {
  readonly region: string;
  /** The ARN of a new key. */
  create(keySpec: KeySpec, label: string, signal: AbortSignal): Promise<string>;
  describe(keyId: string, signal: AbortSignal): Promise<KeyFacts>;
  /** SubjectPublicKeyInfo in DER. */
  publicKey(keyId: string, signal: AbortSignal): Promise<Uint8Array>;
  sign(keyId: string, request: SignRequest, signal: AbortSignal): Promise<Uint8Array>;
  scheduleDeletion(keyId: string, days: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

export interface KmsOptions {
  /** Undefined: as the SDK finds it. */
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
  readonly maxInFlight: number;
}

/** Found by it in a console, and by policies. */
const TAG = "mintmark";
/** How long the first credentials may take: some come from another service. A call that needs them counts its own time-out. */
const CREDENTIALS_MILLIS = 10_000;

async function loadSdk(): Promise<typeof Sdk> {
  try {
    return await import("@aws-sdk/client-kms");
  } catch {
    throw new KeyError("awskms: needs the package @aws-sdk/client-kms, which can't be loaded; run: npm install @aws-sdk/client-kms", {
      isSetup: true,
    });
  }
}

/** Throws `KeyError` where the package or the region is missing. */
export async function openKms({ region, endpoint, maxInFlight }: KmsOptions): Promise<Kms> {
  const sdk = await loadSdk();
  const agent = { maxSockets: maxInFlight };
  const config = {
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    requestHandler: { httpAgent: agent, httpsAgent: agent },
    // One more attempt: a kept connection may have been closed just now. The caller's signal bounds both.
    maxAttempts: 2,
  };
  const client = new sdk.KMSClient(config);
  const found = await client.config.region().catch(() => undefined);
  if (found === undefined || found === "")
    throw new KeyError("awskms: no region is given; name it in keys.store (awskms:region=REGION), or set AWS_REGION", { isSetup: true });
  const { credentials } = client.config;
  await prepare(credentials);
  // A second attempt to make a key could make a second key.
  const once = new sdk.KMSClient({ ...config, credentials, maxAttempts: 1 });

  return {
    region: found,
    async create(keySpec, label, signal) {
      const tags = [{ TagKey: TAG, TagValue: label }];
      const input = { KeySpec: keySpec, KeyUsage: "SIGN_VERIFY", Description: `mintmark: ${label} signing key`, Tags: tags } as const;
      const { KeyMetadata } = await once.send(new sdk.CreateKeyCommand(input), { abortSignal: signal });
      return present(KeyMetadata?.Arn);
    },
    async describe(keyId, signal) {
      const { KeyMetadata } = await client.send(new sdk.DescribeKeyCommand({ KeyId: keyId }), { abortSignal: signal });
      return { arn: present(KeyMetadata?.Arn), state: KeyMetadata?.KeyState, deletionAt: KeyMetadata?.DeletionDate };
    },
    async publicKey(keyId, signal) {
      const { PublicKey } = await client.send(new sdk.GetPublicKeyCommand({ KeyId: keyId }), { abortSignal: signal });
      return present(PublicKey);
    },
    async sign(keyId, { message, messageType, algorithm }, signal) {
      const input = { KeyId: keyId, Message: message, MessageType: messageType, SigningAlgorithm: algorithm };
      const { Signature } = await client.send(new sdk.SignCommand(input), { abortSignal: signal });
      return present(Signature);
    },
    async scheduleDeletion(keyId, days, signal) {
      await client.send(new sdk.ScheduleKeyDeletionCommand({ KeyId: keyId, PendingWindowInDays: days }), { abortSignal: signal });
    },
    close() {
      client.destroy();
      once.destroy();
    },
  };
}

/** Waits for the first credentials; those that are not to be had are told by the call that needs them. */
async function prepare(credentials: () => Promise<unknown>): Promise<void> {
  const settled = new AbortController();
  const limit = sleep(CREDENTIALS_MILLIS, undefined, { signal: settled.signal });
  await Promise.race([credentials(), limit]).catch(() => undefined);
  limit.catch(() => undefined);
  settled.abort();
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new CustodianError("AWS KMS: an answer without what was asked for.");
  return value;
}
