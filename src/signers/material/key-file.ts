/** One key file: what stands in it, and every way in which it can be wrong, said so that an operator knows what to do. */

import { textOf } from "../../domain/bytes.ts";
import { parseStrictJson } from "../../domain/json.ts";
import { KeyError } from "../../domain/ports.ts";
import type { KeyAlgorithm } from "../../domain/ring.ts";
import { readPrivateKey } from "./private-key.ts";
import type { PrivateKey } from "./private-key.ts";

const RESTORE = "restore it from a backup, or revoke the key with `mintmark keys revoke`";

export interface KeyFile {
  readonly key: PrivateKey;
  /** Milliseconds since the epoch; undefined where the file doesn't say. */
  readonly createdAt: number | undefined;
}

/** The JSON of a key file, with its newline. */
export function writeKeyFile(key: PrivateKey, createdAt: number): string {
  const { kid, algorithm, material } = key;
  const members = { ...material, kid, alg: algorithm, use: "sig", createdAt: new Date(createdAt).toISOString() };
  return `${JSON.stringify(members, undefined, 2)}\n`;
}

/** A text in UTF-8. Throws `KeyError` for what isn't one, or is of another kind altogether. */
export function readText(path: string, content: Uint8Array): string {
  if (content.length === 0) throw new KeyError(`${path}: is empty; ${RESTORE}.`);
  const text = decode(content);
  if (text === undefined) throw new KeyError(`${path}: is not a text in UTF-8; ${RESTORE}.`);
  if (text.startsWith("-----BEGIN ENCRYPTED") || /^Proc-Type: 4,ENCRYPTED/m.test(text)) {
    throw new KeyError(`${path}: is an encrypted PEM file; a private JWK is expected here. ${sentence(RESTORE)}.`);
  }
  if (text.startsWith("-----BEGIN")) throw new KeyError(`${path}: is a PEM file; a private JWK is expected here. ${sentence(RESTORE)}.`);
  return text;
}

/**
 * Reads the JSON of a key file, which must be of the key `kid`. Throws `KeyError`. The parser's words are safe to
 * repeat: they name a place, never the text.
 */
export function parseKeyFile(path: string, kid: string, json: string): KeyFile {
  const parsed = parseStrictJson(json);
  if (!parsed.ok) throw new KeyError(`${path}: ${parsed.message}; ${RESTORE}.`);
  if (!isObject(parsed.value)) throw new KeyError(`${path}: is not a JWK (a JSON object); ${RESTORE}.`);

  const jwk = parsed.value;
  const algorithm = algorithmOf(jwk);
  if (algorithm === undefined) throw new KeyError(`${path}: ${unusable(jwk)}; ${RESTORE}.`);
  if (jwk.use !== undefined && jwk.use !== "sig")
    throw new KeyError(`${path}: is a key for something else than signing (use); ${RESTORE}.`);
  const key = readPrivateKey(algorithm, jwk);
  if (typeof key === "string") throw new KeyError(`${path}: ${key}; ${RESTORE}.`);

  if (jwk.kid === undefined) throw new KeyError(`${path}: has no kid; it must be ${key.kid}, the thumbprint (RFC 7638).`);
  if (jwk.kid !== key.kid) throw new KeyError(`${path}: its kid is not the key's thumbprint (RFC 7638), which is ${key.kid}; correct it.`);
  if (key.kid !== kid) throw new KeyError(`${path}: holds the key ${key.kid}, which belongs in a file of that name; move or remove it.`);
  return { key, createdAt: readTime(jwk.createdAt) };
}

const ALGORITHMS: readonly KeyAlgorithm[] = ["ES256", "EdDSA", "Ed25519", "HS256"];

function algorithmOf(jwk: Readonly<Record<string, unknown>>): KeyAlgorithm | undefined {
  if (jwk.alg !== undefined) return ALGORITHMS.find((algorithm) => algorithm === jwk.alg);
  if (jwk.kty === "EC") return "ES256";
  if (jwk.kty === "OKP") return "EdDSA";
  return jwk.kty === "oct" ? "HS256" : undefined;
}

function unusable(jwk: Readonly<Record<string, unknown>>): string {
  if (jwk.kty === "RSA") return "holds an RSA key; ES256, EdDSA, Ed25519 or HS256 is expected";
  return "is not a key for ES256, EdDSA, Ed25519 or HS256";
}

function readTime(value: unknown): number | undefined {
  if (typeof value !== "string") return undefined;
  const time = Date.parse(value);
  return Number.isFinite(time) ? time : undefined;
}

function decode(content: Uint8Array): string | undefined {
  try {
    return textOf(content);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
