/** A private key as people have it: PEM (PKCS#8, SEC 1) or a JWK. */

import { createPrivateKey } from "node:crypto";
import { parseStrictJson } from "../../domain/json.ts";
import type { KeyAlgorithm } from "../../domain/ring.ts";
import { readPrivateKey } from "./private-key.ts";
import type { PrivateKey } from "./private-key.ts";

type Members = Readonly<Record<string, unknown>>;

/** The key, or in a few words what is wrong with the text (to follow "it"; without any value of it). `edName`: of an Ed25519 key that says none. */
export function readPrivateText(text: string, edName: "EdDSA" | "Ed25519"): PrivateKey | string {
  const trimmed = text.trim();
  if (trimmed === "") return "is empty";
  const members = trimmed.startsWith("-----BEGIN ") ? readPem(trimmed) : readJwk(trimmed);
  if (typeof members === "string") return members;
  const algorithm = algorithmOf(members, edName);
  if (algorithm === undefined)
    return members["kty"] === "RSA" ? "is an RSA key; ES256 or EdDSA is expected" : "is no key for ES256 or EdDSA";
  return readPrivateKey(algorithm, members);
}

function readPem(pem: string): Members | string {
  if (pem.startsWith("-----BEGIN ENCRYPTED") || /^Proc-Type: 4,ENCRYPTED/m.test(pem)) return "is an encrypted PEM; decrypt it first";
  if (/^-----BEGIN (?:PUBLIC KEY|CERTIFICATE)-----/.test(pem)) return "is a public key or a certificate; the private key is expected";
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === "rsa") return "is an RSA key; ES256 or EdDSA is expected";
    return { ...key.export({ format: "jwk" }) };
  } catch {
    return "is a PEM that holds no private key on P-256 or Ed25519";
  }
}

function readJwk(text: string): Members | string {
  const parsed = parseStrictJson(text);
  if (!parsed.ok) return "is neither a PEM nor a JWK";
  const { value } = parsed;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "is neither a PEM nor a JWK";
  if ("keys" in value) return "is a JWK Set; one private JWK is expected";
  const jwk = value as Members;
  return jwk["use"] === undefined || jwk["use"] === "sig" ? jwk : "is a key for something else than signing (use)";
}

/** A MAC key of ours has no use outside of us, so none is taken in. */
function algorithmOf({ alg, kty, crv }: Members, edName: "EdDSA" | "Ed25519"): KeyAlgorithm | undefined {
  if (kty === "EC" && (alg === undefined || alg === "ES256")) return "ES256";
  if (kty !== "OKP" || crv !== "Ed25519") return undefined;
  if (alg === undefined) return edName;
  return alg === "EdDSA" || alg === "Ed25519" ? alg : undefined;
}
