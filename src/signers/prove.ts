/** Whether a signer holds the private part of a public key: it signs something, and the signature is checked. */

import { createPublicKey, verify } from "node:crypto";
import type { Signer } from "../domain/ports.ts";
import type { JwkPublic } from "../domain/ring.ts";

const PROOF = "mintmark: this signer holds the private part";

/** Throws what the signer throws. */
export async function proves(signer: Signer, publicJwk: JwkPublic): Promise<boolean> {
  const signature = await signer.sign(PROOF);
  const data = Buffer.from(PROOF, "latin1");
  try {
    const key = createPublicKey({ key: { ...publicJwk }, format: "jwk" });
    if (signer.algorithm === "ES256") return verify("sha256", data, { key, dsaEncoding: "ieee-p1363" }, signature);
    return verify(null, data, key, signature);
  } catch {
    // The ring's public key is none.
    return false;
  }
}
