/** Keys in AWS KMS: made there, used there, and never seen here. A signer is bound to the ARN of one key. */

import { setTimeout as sleep } from "node:timers/promises";
import { CustodianError, KeyError, SIGNATURE_BYTES } from "../domain/ports.ts";
import type { NewKey, Signer } from "../domain/ports.ts";
import type { JwsAlgorithm } from "../domain/ring.ts";
import { openKms } from "./aws-kms/client.ts";
import type { KeyFacts, Kms } from "./aws-kms/client.ts";
import { rawOfDer } from "./aws-kms/der-signature.ts";
import { custodyOf, keyIdOf, parseKeyArn } from "./aws-kms/key-name.ts";
import type { KeyArn } from "./aws-kms/key-name.ts";
import { KINDS } from "./aws-kms/kinds.ts";
import { jwkOfSpki } from "./aws-kms/public-key.ts";
import { ABSENT, isAnswerAboutKey, KmsRefusal, refusalOf, WRONG_STATE } from "./aws-kms/refusal.ts";
import type { Custodian } from "./custodian.ts";
import { Gate } from "./gate.ts";
import type { GateLimits } from "./gate.ts";
import { kidOf } from "./kid.ts";
import { proves } from "./prove.ts";

export interface AwsKmsOptions {
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
  readonly limits: GateLimits;
}

type Action = "CreateKey" | "DescribeKey" | "GetPublicKey" | "ScheduleKeyDeletion" | "Sign";

/** The shortest wait that there is before a key is deleted. */
const DELETION_DAYS = 7;
/** Has the form of a key's id and is none's. */
const NO_KEY_ID = "00000000-0000-0000-0000-000000000000";
/** A new key is not known everywhere at once; the last wait is the longest. */
const NEW_KEY_WAITS_MILLIS = [100, 200, 400, 800];

/** Nothing is loaded or asked before it is needed. */
export function openAwsKmsCustodian({ region, endpoint, limits }: AwsKmsOptions): Custodian {
  const [gate, checkGate] = [new Gate("AWS KMS", limits), new Gate("AWS KMS", limits)];
  let opening: Promise<Kms> | undefined;

  function opened(): Promise<Kms> {
    opening ??= openKms({ region, endpoint, maxInFlight: limits.maxInFlight }).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  }

  /** One call; `subject` is how a message names the key. Throws `KeyError`. */
  async function call<T>(action: Action, subject: string, work: (kms: Kms, signal: AbortSignal) => Promise<T>, through = gate): Promise<T> {
    const kms = await opened();
    return through.run(async (signal) => {
      try {
        return await work(kms, signal);
      } catch (error) {
        throw refusalOf(error, `kms:${action}`, subject) ?? error;
      }
    });
  }

  function bindSigner(kid: string, algorithm: JwsAlgorithm, { arn }: KeyArn): Signer {
    const subject = nameOf(kid, arn);
    return {
      kid,
      algorithm,
      async sign(signingInput) {
        const request = KINDS[algorithm].toSign(signingInput, subject);
        const signature = await call("Sign", subject, (kms, signal) => kms.sign(arn, request, signal));
        const raw = algorithm === "ES256" ? rawOfDer(signature) : signature;
        if (raw?.length === SIGNATURE_BYTES) return raw;
        throw new CustodianError(`${subject}: what AWS KMS gave is no ${algorithm} signature.`);
      },
    };
  }

  /** The key's public part, and that it signs for it. */
  async function take(key: KeyArn, algorithm: JwsAlgorithm): Promise<NewKey> {
    const spki = await call("GetPublicKey", key.arn, (kms, signal) => kms.publicKey(key.arn, signal));
    const publicJwk = jwkOfSpki(spki);
    if (publicJwk === undefined || publicJwk.crv !== KINDS[algorithm].crv)
      throw new KeyError(`${key.arn}: is no ${KINDS[algorithm].spec} key, as ${algorithm} needs.`);
    const kid = kidOf(publicJwk);
    if (!(await proves(bindSigner(kid, algorithm, key), publicJwk)))
      throw new KeyError(`${key.arn}: doesn't sign for the public key that AWS KMS gives for it.`);
    return { kid, algorithm, publicJwk, custody: custodyOf(key) };
  }

  async function make(algorithm: JwsAlgorithm): Promise<KeyArn> {
    const { spec } = KINDS[algorithm];
    try {
      return keyArn(await call("CreateKey", `A new ${algorithm} key`, (kms, signal) => kms.create(spec, algorithm, signal)));
    } catch (error) {
      if (!(error instanceof KmsRefusal) || !/^(?:UnsupportedOperation|Validation)Exception$/.test(error.code)) throw error;
      const { region } = await opened();
      throw new KeyError(
        `AWS KMS in ${region} makes no ${spec} keys, as ${algorithm} needs (${error.code}); take it out of keys.algorithms, or use another region.`,
      );
    }
  }

  /** A key that came to nothing is paid for as long as it is there. */
  async function discard({ arn }: KeyArn, error: unknown): Promise<never> {
    try {
      await call("ScheduleKeyDeletion", arn, (kms, signal) => kms.scheduleDeletion(arn, DELETION_DAYS, signal));
    } catch {
      if (!(error instanceof KeyError)) throw error;
      const message = `${error.message} It left the new key ${arn}, which nothing uses: delete it.`;
      throw error instanceof CustodianError ? new CustodianError(message) : new KeyError(message);
    }
    throw error;
  }

  return {
    async create(algorithm) {
      if (algorithm === "HS256") throw new KeyError("awskms: keeps no MAC keys; see keys.macStore.");
      const key = await make(algorithm);
      try {
        return await whileNew(() => take(key, algorithm));
      } catch (error) {
        return discard(key, error);
      }
    },

    async openSigner({ kid, algorithm, publicJwk, custody }) {
      if (algorithm === "HS256" || publicJwk === undefined) throw new KeyError(`Key ${kid} is not a signing key.`);
      const key = parseKeyArn(keyIdOf(custody) ?? "");
      if (key === undefined) throw new KeyError(`Key ${kid} is not named by the ARN of a key in AWS KMS.`);
      const subject = nameOf(kid, key.arn);
      const { region } = await opened();
      if (key.region !== region)
        throw new KeyError(`${subject}: is in another region than this node uses, ${region}; see keys.store.`, { isSetup: true });
      refuseState(subject, await call("DescribeKey", subject, (kms, signal) => kms.describe(key.arn, signal)));
      const signer = bindSigner(kid, algorithm, key);
      if (await proves(signer, publicJwk)) return signer;
      throw new KeyError(`${subject}: doesn't sign for the public key that the key ring has under this name.`);
    },

    async adopt(uri, algorithm) {
      const keyId = keyIdOf(uri);
      if (keyId === undefined)
        throw new KeyError("awskms: a key is named by awskms:key-id=ARN, by its id or by alias/NAME, percent-encoded.");
      // An alias can be moved to another key, and a signer is bound to one: it is the key's ARN that is kept.
      const facts = await call("DescribeKey", keyId, (kms, signal) => kms.describe(keyId, signal));
      refuseState(keyId, facts);
      return take(keyArn(facts.arn), algorithm);
    },

    async erase({ kid, custody }) {
      const key = parseKeyArn(keyIdOf(custody) ?? "");
      if (key === undefined) throw new KeyError(`Key ${kid} is not named by the ARN of a key in AWS KMS.`);
      const subject = nameOf(kid, key.arn);
      try {
        const { state } = await call("DescribeKey", subject, (kms, signal) => kms.describe(key.arn, signal));
        if (isEnding(state)) return false;
        await call("ScheduleKeyDeletion", subject, (kms, signal) => kms.scheduleDeletion(key.arn, DELETION_DAYS, signal));
        return true;
      } catch (error) {
        // Somebody else was faster.
        if (error instanceof KmsRefusal && (error.code === ABSENT || error.code === WRONG_STATE)) return false;
        throw error;
      }
    },

    async check() {
      const ask = async (kms: Kms, signal: AbortSignal): Promise<void> => {
        try {
          await kms.describe(NO_KEY_ID, signal);
        } catch (error) {
          if (!isAnswerAboutKey(error)) throw error;
        }
      };
      await call("DescribeKey", NO_KEY_ID, ask, checkGate);
    },

    async close() {
      const kms = await opening?.catch(() => undefined);
      kms?.close();
    },
  };
}

function nameOf(kid: string, arn: string): string {
  return `Key ${kid} (${arn})`;
}

function keyArn(arn: string): KeyArn {
  const key = parseKeyArn(arn);
  if (key === undefined) throw new CustodianError("AWS KMS: named a key by what is no ARN of one.");
  return key;
}

function isEnding(state: string | undefined): boolean {
  return state === "PendingDeletion" || state === "PendingReplicaDeletion";
}

/** Other states may sign, or pass by themselves: the signature tells. */
function refuseState(subject: string, { state, deletionAt }: KeyFacts): void {
  if (state === "Disabled") throw new KeyError(`${subject}: is disabled; enable it again: aws kms enable-key.`);
  if (state === "PendingImport") throw new KeyError(`${subject}: has no key material yet (${state}).`);
  if (!isEnding(state)) return;
  const when = deletionAt === undefined ? "" : ` on ${deletionAt.toISOString()}`;
  throw new KeyError(
    `${subject}: is to be deleted${when} (${state}); cancel that (aws kms cancel-key-deletion, then enable-key), or revoke the key.`,
  );
}

/** As long as the key is unknown where it is asked for. Throws what `work` throws. */
async function whileNew<T>(work: () => Promise<T>): Promise<T> {
  for (const wait of NEW_KEY_WAITS_MILLIS) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof KmsRefusal) || error.code !== ABSENT) throw error;
    }
    await sleep(wait);
  }
  return work();
}
