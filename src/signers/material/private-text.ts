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
  const members = /^-----BEGIN /m.test(trimmed) ? readPem(trimmed) : readJwk(trimmed);
  if (typeof members === "string") return members;
  const algorithm = algorithmOf(members, edName);
  return algorithm === undefined ? unfit(members) : readPrivateKey(algorithm, members);
}

const EXPECTED = "a key for ES256 (P-256) or EdDSA (Ed25519) is expected";

/** Certificates and parameters may stand around the one private key. */
function readPem(text: string): Members | string {
  const blocks = [...text.matchAll(/^-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----[^]*?^-----END \1-----/gm)];
  const [pem, label] = blocks[0] ?? [];
  if (pem === undefined || label === undefined)
    return /^-----BEGIN (?:PUBLIC KEY|CERTIFICATE)-----/m.test(text)
      ? "is a public key or a certificate; the private key is expected"
      : "is a PEM that holds no private key";
  if (blocks.length > 1) return `holds ${blocks.length} private keys; one is expected, in a file of its own`;
  if (label.startsWith("ENCRYPTED") || /^Proc-Type: 4,ENCRYPTED/m.test(pem)) return "is an encrypted PEM; decrypt it first";
  try {
    const key = createPrivateKey(pem);
    const { asymmetricKeyType: type } = key;
    if (type !== "ec" && type !== "ed25519") return `is ${TYPES.get(type ?? "") ?? "a key of another kind"}; ${EXPECTED}`;
    return { ...key.export({ format: "jwk" }) };
  } catch {
    return "is a PEM that holds no private key on P-256 or Ed25519";
  }
}

/** As node:crypto calls them, in words. */
const TYPES: ReadonlyMap<string, string> = new Map([
  ["rsa", "an RSA key"],
  ["rsa-pss", "an RSA key"],
  ["dsa", "a DSA key"],
  ["dh", "a Diffie-Hellman key"],
  ["ed448", "an Ed448 key"],
  ["x25519", "an X25519 key"],
  ["x448", "an X448 key"],
]);

const ALGORITHMS = ["ES256", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519", "Ed448", "ECDH-ES", "HS256", "RS256", "PS256"];

/** Only known words are repeated: anything else could be a secret in the wrong member. */
function unfit({ kty, crv, alg }: Members): string {
  if (kty === "RSA") return `is an RSA key; ${EXPECTED}`;
  if (kty === "oct") return `is a symmetric key (oct); ${EXPECTED}`;
  const curve = ["Ed25519", "Ed448", "X25519", "X448"].find((name) => name === crv);
  if (kty !== "EC" && (kty !== "OKP" || curve === undefined)) return `is no key for ES256 or EdDSA; ${EXPECTED}`;
  const type = kty === "EC" ? "an EC key" : `an ${curve} key`;
  if (alg === undefined) return `is ${type}; ${EXPECTED}`;
  return `is ${type} whose alg is ${ALGORITHMS.find((name) => name === alg) ?? "none that is known here"}; ${EXPECTED}`;
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
