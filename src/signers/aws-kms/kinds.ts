/** What AWS KMS calls the keys of an algorithm, and what it is sent to be signed. */

import { hash } from "node:crypto";
import { NotAskedError } from "../../domain/ports.ts";
import type { JwkPublic, JwsAlgorithm } from "../../domain/ring.ts";
import type { KeySpec, SignRequest } from "./client.ts";

interface Kind {
  readonly spec: KeySpec;
  readonly crv: JwkPublic["crv"];
  /** `subject` is how a message names the key. Throws `NotAskedError` for what can't be signed. */
  toSign(signingInput: string, subject: string): SignRequest;
}

/** Of Ed25519 the whole message is sent, and no more than this is taken. */
const MESSAGE_BYTES_MAX = 4_096;

const ED25519: Kind = { spec: "ECC_NIST_EDWARDS25519", crv: "Ed25519", toSign: messageOf };

export const KINDS: Readonly<Record<JwsAlgorithm, Kind>> = {
  ES256: { spec: "ECC_NIST_P256", crv: "P-256", toSign: digestOf },
  EdDSA: ED25519,
  Ed25519: ED25519,
};

/** The claims stay here: only their digest is sent. */
function digestOf(signingInput: string): SignRequest {
  const message = hash("sha256", Buffer.from(signingInput, "latin1"), "buffer");
  return { message, messageType: "DIGEST", algorithm: "ECDSA_SHA_256" };
}

/** JWS signs by Ed25519 itself (RFC 8037 §3.1), which hashes the message twice with the key between: no digest will do. */
function messageOf(signingInput: string, subject: string): SignRequest {
  const message = Buffer.from(signingInput, "latin1");
  if (message.length <= MESSAGE_BYTES_MAX) return { message, messageType: "RAW", algorithm: "ED25519_SHA_512" };
  const limit = `AWS KMS signs ${MESSAGE_BYTES_MAX} bytes at most by Ed25519`;
  throw new NotAskedError(`${subject}: ${limit}, and this token has ${message.length}; give it fewer claims, or its resource ES256.`);
}
