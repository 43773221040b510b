/** A key of the transit engine: what the engine says of it, and whether one of its versions can sign as an algorithm. */

import { createPublicKey } from "node:crypto";
import type { JwkPublic, JwsAlgorithm } from "../../domain/ring.ts";
import { SIGNATURE_BYTES } from "../../domain/ports.ts";
import { isMembers } from "./connection.ts";
import type { Members } from "./connection.ts";

export const TRANSIT_TYPES = { ES256: "ecdsa-p256", EdDSA: "ed25519", Ed25519: "ed25519" } as const satisfies Record<JwsAlgorithm, string>;

export interface TransitKey {
  readonly type: string;
  readonly latestVersion: number;
  /** Versions below it don't sign; 0: all do. */
  readonly minEncryptionVersion: number;
  /** There is another key for each context, and so no public one. */
  readonly isDerived: boolean;
  readonly isDeletionAllowed: boolean;
  /** As the engine spells them, by version; versions below the least for verification are not shown. */
  readonly publicKeys: ReadonlyMap<string, string>;
}

/** What doesn't say what it should is read as a key that can't sign. */
export function readTransitKey(data: Members): TransitKey {
  const versions = isMembers(data["keys"]) ? Object.entries(data["keys"]) : [];
  const publicKeys = versions.flatMap(([version, key]): [string, string][] => {
    const text = isMembers(key) ? key["public_key"] : undefined;
    return typeof text === "string" && text !== "" ? [[version, text]] : [];
  });
  return {
    type: typeof data["type"] === "string" ? data["type"] : "",
    latestVersion: integer(data["latest_version"]),
    minEncryptionVersion: integer(data["min_encryption_version"]),
    isDerived: data["derived"] === true,
    isDeletionAllowed: data["deletion_allowed"] === true,
    publicKeys: new Map(publicKeys),
  };
}

function integer(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) ? value : 0;
}

/** Its public part, or in a few words why it doesn't sign (to follow the key's URI). */
export function signingPart(key: TransitKey, version: number, algorithm: JwsAlgorithm): JwkPublic | string {
  const { type, latestVersion, minEncryptionVersion, isDerived, publicKeys } = key;
  const wanted = TRANSIT_TYPES[algorithm];
  if (type !== wanted)
    return `is a key of ${/^[a-z0-9_-]{1,32}$/.test(type) ? `type ${type}` : "no known type"}, and ${algorithm} needs ${wanted}`;
  if (isDerived) return "derives a key for each context, so it has no public part";
  if (version > latestVersion) return `has no version ${version} yet; the latest is ${latestVersion}`;
  if (version < minEncryptionVersion) return `may not sign any more: min_encryption_version is ${minEncryptionVersion}`;
  const text = publicKeys.get(String(version));
  if (text === undefined) return `has no version ${version} any more: it is below min_decryption_version, or trimmed`;
  return (algorithm === "ES256" ? publicOfPem(text) : publicOfRaw(text)) ?? `has a public part that is none for ${algorithm}`;
}

function publicOfPem(pem: string): JwkPublic | undefined {
  try {
    const { kty, crv, x, y } = createPublicKey(pem).export({ format: "jwk" });
    return kty === "EC" && crv === "P-256" && x !== undefined && y !== undefined ? { kty, crv, x, y } : undefined;
  } catch {
    return undefined;
  }
}

function publicOfRaw(text: string): JwkPublic | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.length === 32 && bytes.toString("base64") === text
    ? { kty: "OKP", crv: "Ed25519", x: bytes.toString("base64url") }
    : undefined;
}

/**
 * The 64 bytes of a signature; undefined where it is another version's, or of another form. Of P-256 it is r‖s in base64url
 * (marshaling_algorithm jws), of Ed25519 base64.
 */
export function readSignature(data: Members, version: number, algorithm: JwsAlgorithm): Buffer | undefined {
  const text = data["signature"];
  const prefix = `vault:v${version}:`;
  if (typeof text !== "string" || !text.startsWith(prefix)) return undefined;
  const encoded = text.slice(prefix.length);
  const encoding = algorithm === "ES256" ? "base64url" : "base64";
  const bytes = Buffer.from(encoded, encoding);
  return bytes.length === SIGNATURE_BYTES && bytes.toString(encoding) === encoded ? bytes : undefined;
}
