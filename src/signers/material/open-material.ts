/** Signers and MACs of a private part that is in this process. */

import { createHmac, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { KeyError } from "../../domain/ports.ts";
import type { Bytes, Signer } from "../../domain/ports.ts";
import type { JwsAlgorithm, RingKey } from "../../domain/ring.ts";
import { proves } from "../prove.ts";
import type { PrivateKey } from "./private-key.ts";
import { rawSignature } from "./raw-signature.ts";

/** `reveal` gives the private part; `place` is how a message names where it is. Throws `KeyError`. */
export async function openMaterialSigner(key: RingKey, place: string, reveal: () => Promise<PrivateKey>): Promise<Signer> {
  if (key.algorithm === "HS256" || key.publicJwk === undefined) throw new KeyError(`Key ${key.kid} is not a signing key.`);
  const { keyObject } = await reveal();
  const signer = bindSigner(key.kid, key.algorithm, keyObject);
  if (await proves(signer, key.publicJwk)) return signer;
  throw new KeyError(`${place}: doesn't sign for the public key that the key ring has under this name.`);
}

/** Throws `KeyError`. */
export async function openMaterialMac(key: RingKey, reveal: () => Promise<PrivateKey>): Promise<(data: Bytes) => Bytes> {
  if (key.algorithm !== "HS256") throw new KeyError(`Key ${key.kid} is not a MAC key.`);
  const { keyObject } = await reveal();
  return (data) => createHmac("sha256", keyObject).update(data).digest();
}

/** Signs on the calling thread: the pool needs about 15 µs of CPU more per signature. */
function bindSigner(kid: string, algorithm: JwsAlgorithm, keyObject: KeyObject): Signer {
  const signBytes =
    algorithm === "ES256" ? (data: Buffer) => rawSignature(sign("sha256", data, keyObject)) : (data: Buffer) => sign(null, data, keyObject);
  return { kid, algorithm, sign: async (signingInput) => signBytes(Buffer.from(signingInput, "latin1")) };
}
