/** Puts a JWS together: the one place where header, claims and signature meet. */

import { base64url, utf8 } from "../domain/bytes.ts";
import type { Signer } from "../domain/ports.ts";

/** Encoded headers with their dot: a signer is bound to one key, and a key has one `alg` for life. */
const headerParts = new WeakMap<Signer, string>();

/** The access token (RFC 9068 §2.1) of these claims. Rejects with what the signer rejects with. */
export async function signAccessToken(signer: Signer, claims: Readonly<Record<string, unknown>>): Promise<string> {
  const signingInput = headerPart(signer) + base64url(utf8(JSON.stringify(claims)));
  const signature = await signer.sign(signingInput);
  return `${signingInput}.${base64url(signature)}`;
}

function headerPart(signer: Signer): string {
  const known = headerParts.get(signer);
  if (known !== undefined) return known;
  const header = JSON.stringify({ alg: signer.algorithm, kid: signer.kid, typ: "at+jwt" });
  const part = `${base64url(utf8(header))}.`;
  headerParts.set(signer, part);
  return part;
}
