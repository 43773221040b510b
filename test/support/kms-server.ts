/**
 * A small AWS KMS of our own: the documented protocol (JSON 1.1, `X-Amz-Target: TrentService.…`), key states and limits, with real
 * signatures by node:crypto. For what moto lacks, Ed25519 above all, and for answers on demand. It checks no credentials.
 */

import { generateKeyPairSync, randomUUID, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { signDigest } from "./sign-digest.ts";

export type KmsState = "Enabled" | "Disabled" | "PendingDeletion";
type Members = Readonly<Record<string, unknown>>;

export interface KmsCall {
  readonly action: string;
  readonly input: Members;
}

export interface KmsServer {
  readonly url: string;
  readonly region: string;
  /** All calls so far, the oldest first. */
  readonly calls: KmsCall[];
  /** The next `times` calls of an action are answered by this. */
  fail(action: string, name: string, options?: { readonly status?: number; readonly times?: number }): void;
  /** The answers to an action have these members instead of their own; undefined: their own again. */
  rewrite(action: string, members: Members | undefined): void;
  setState(arn: string, state: KmsState): void;
  stateOf(arn: string): KmsState | undefined;
  /** Takes calls and answers none; or goes on. Resolves the calls that were given up by their client. */
  hang(on: boolean): void;
  readonly abandoned: number;
  /** Not to be connected to; and again, on the same port. */
  down(): Promise<void>;
  up(): Promise<void>;
  remove(): Promise<void>;
}

interface Key {
  readonly arn: string;
  readonly spec: "ECC_NIST_P256" | "ECC_NIST_EDWARDS25519";
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  state: KmsState;
}

class Refusal extends Error {
  readonly type: string;
  readonly status: number;

  constructor(type: string, status = 400) {
    super(`words of the server on ${type}`);
    this.type = type;
    this.status = status;
  }
}

const REGION = "eu-central-1";

export async function startKmsServer(): Promise<KmsServer> {
  const keys = new Map<string, Key>();
  const calls: KmsCall[] = [];
  const failures = new Map<string, { readonly refusal: Refusal; times: number }>();
  const rewritten = new Map<string, Members>();
  let isHanging = false;
  let abandoned = 0;

  const actions: Readonly<Record<string, (input: Members) => Members>> = {
    CreateKey({ KeySpec, KeyUsage }) {
      if (KeyUsage !== "SIGN_VERIFY") throw new Refusal("ValidationException");
      const key = makeKey(KeySpec);
      keys.set(key.arn, key);
      return { KeyMetadata: metadata(key) };
    },
    DescribeKey: (input) => ({ KeyMetadata: metadata(found(input)) }),
    GetPublicKey(input) {
      const key = usable(input);
      const spki = key.publicKey.export({ format: "der", type: "spki" });
      return { KeyId: key.arn, KeyUsage: "SIGN_VERIFY", KeySpec: key.spec, PublicKey: spki.toString("base64") };
    },
    Sign(input) {
      const key = usable(input);
      return { KeyId: key.arn, SigningAlgorithm: input["SigningAlgorithm"], Signature: signatureOf(key, input).toString("base64") };
    },
    ScheduleKeyDeletion(input) {
      const key = found(input);
      const { PendingWindowInDays: days } = input;
      if (typeof days !== "number" || days < 7 || days > 30) throw new Refusal("ValidationException");
      if (key.state === "PendingDeletion") throw new Refusal("KMSInvalidStateException");
      key.state = "PendingDeletion";
      return { KeyId: key.arn, KeyState: key.state, PendingWindowInDays: days };
    },
  };

  function found({ KeyId }: Members): Key {
    const key = keys.get(String(KeyId));
    if (key === undefined) throw new Refusal("NotFoundException");
    return key;
  }

  function usable(input: Members): Key {
    const key = found(input);
    if (key.state === "Disabled") throw new Refusal("DisabledException");
    if (key.state === "PendingDeletion") throw new Refusal("KMSInvalidStateException");
    return key;
  }

  function answer(action: string, input: Members): Members {
    calls.push({ action, input });
    const failure = failures.get(action);
    if (failure !== undefined && failure.times > 0) {
      failure.times -= 1;
      throw failure.refusal;
    }
    const act = actions[action];
    if (act === undefined) throw new Refusal("UnknownOperationException");
    return { ...act(input), ...rewritten.get(action) };
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    if (isHanging) return void response.once("close", () => (abandoned += 1));
    const action = String(request.headers["x-amz-target"]).replace("TrentService.", "");
    const [status, body] = attempt(() => answer(action, JSON.parse(Buffer.concat(pieces).toString()) as Members));
    response.writeHead(status, { "content-type": "application/x-amz-json-1.1" }).end(JSON.stringify(body));
  }

  const server = createServer((request, response) => void handle(request, response).catch(() => response.destroy()));
  const listen = (port: number) => new Promise<void>((resolve) => void server.listen(port, "127.0.0.1", resolve));
  const down = () =>
    new Promise<void>((resolve) => {
      if (!server.listening) return resolve();
      server.close(() => resolve());
      server.closeAllConnections();
    });
  await listen(0);
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    region: REGION,
    calls,
    fail: (action, name, { status, times = 1 } = {}) => void failures.set(action, { refusal: new Refusal(name, status), times }),
    rewrite: (action, members) => void (members === undefined ? rewritten.delete(action) : rewritten.set(action, members)),
    setState(arn, state) {
      found({ KeyId: arn }).state = state;
    },
    stateOf: (arn) => keys.get(arn)?.state,
    hang: (on) => void (isHanging = on),
    get abandoned() {
      return abandoned;
    },
    down,
    up: () => listen(port),
    remove: down,
  };
}

function attempt(work: () => Members): [status: number, body: Members] {
  try {
    return [200, work()];
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return [error.status, { __type: error.type, message: error.message }];
  }
}

function makeKey(spec: unknown): Key {
  const arn = `arn:aws:kms:${REGION}:111122223333:key/${randomUUID()}`;
  switch (spec) {
    case "ECC_NIST_P256":
      return { arn, spec, ...generateKeyPairSync("ec", { namedCurve: "P-256" }), state: "Enabled" };
    case "ECC_NIST_EDWARDS25519":
      return { arn, spec, ...generateKeyPairSync("ed25519"), state: "Enabled" };
    default:
      throw new Refusal("ValidationException");
  }
}

function metadata({ arn, spec, state }: Key): Members {
  const deletion = state === "PendingDeletion" ? { DeletionDate: Date.UTC(2027, 0, 2) / 1_000 } : {};
  const [, id] = arn.split("/");
  return { KeyId: id, Arn: arn, KeySpec: spec, KeyState: state, KeyUsage: "SIGN_VERIFY", Enabled: state === "Enabled", ...deletion };
}

/** As the API reference has it for each algorithm: what MessageType it takes, and of what length. */
function signatureOf({ spec, privateKey }: Key, { Message, MessageType = "RAW", SigningAlgorithm }: Members): Buffer {
  const message = Buffer.from(String(Message), "base64");
  const isDigest = MessageType === "DIGEST";
  if (message.length < 1 || message.length > 4_096) throw new Refusal("ValidationException");
  if (spec === "ECC_NIST_P256" && SigningAlgorithm === "ECDSA_SHA_256") {
    if (!isDigest) return sign("sha256", message, privateKey);
    if (message.length !== 32) throw new Refusal("ValidationException");
    return signDigest(message, privateKey);
  }
  if (spec === "ECC_NIST_EDWARDS25519" && SigningAlgorithm === "ED25519_SHA_512" && !isDigest) return sign(null, message, privateKey);
  throw new Refusal("InvalidKeyUsageException");
}
