/** Imports public keys (RFC 7517) once, with every check a signature check later relies on. */

import { createHash, createPublicKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { fromBase64url } from "../domain/bytes.ts";
import type { JwkPublic } from "../domain/ring.ts";
import { thumbprintInput } from "../domain/thumbprint.ts";
import { algorithmNamed, algorithmOfKey } from "./algorithms.ts";
import type { SignatureAlgorithm } from "./algorithms.ts";
import { ed25519PointFault } from "./ed25519-point.ts";

const COORDINATE_BYTES = 32;

/** A public key that has passed every check; made once, used for many signatures. */
export interface VerificationKey {
  /** As the JWK says; absent where it says none. */
  readonly kid?: string;
  readonly algorithm: SignatureAlgorithm;
  readonly jwk: JwkPublic;
  readonly keyObject: KeyObject;
}

/**
 * Why a JWK can't verify. `unsupported` is a key of another kind: a set may hold it beside good ones (RFC 7517 §5).
 * The others are faults of the key.
 */
export type JwkFault = "not_an_object" | "unsupported" | "private" | "wrong_use" | "member" | "point";

export type JwkResult = { readonly ok: true; readonly key: VerificationKey } | { readonly ok: false; readonly reason: JwkFault };

/** Imports a P-256 or Ed25519 public key for verifying signatures. Members that decide nothing are ignored. */
export function importPublicJwk(jwk: unknown): JwkResult {
  if (!isObject(jwk)) return refuse("not_an_object");
  const algorithm = algorithmOfKey(jwk.kty, jwk.crv);
  if (algorithm === undefined) return refuse("unsupported");
  // Whoever publishes a private part has no key any more.
  if (Object.hasOwn(jwk, "d")) return refuse("private");
  if (!isForVerifying(jwk, algorithm)) return refuse("wrong_use");

  const kid = jwk.kid;
  if (kid !== undefined && (typeof kid !== "string" || kid === "")) return refuse("member");
  const publicJwk = readPublicMembers(jwk, algorithm);
  if (publicJwk === undefined) return refuse("member");
  const keyObject = importPoint(publicJwk);
  if (keyObject === undefined) return refuse("point");

  return { ok: true, key: { ...(kid === undefined ? {} : { kid }), algorithm, jwk: publicJwk, keyObject } };
}

/** RFC 7638 with SHA-256, base64url. The members must be canonical: of an imported key they are. */
export function thumbprint(jwk: JwkPublic): string {
  return createHash("sha256").update(thumbprintInput(jwk)).digest("base64url");
}

/** RFC 7517 §4.2 to §4.4: each of `use`, `key_ops` and `alg` may be absent, and none may contradict. */
function isForVerifying(jwk: Readonly<Record<string, unknown>>, algorithm: SignatureAlgorithm): boolean {
  const use = jwk.use;
  if (use !== undefined && use !== "sig") return false;
  const operations = jwk.key_ops;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes("verify"))) return false;
  const alg = jwk.alg;
  return alg === undefined || (typeof alg === "string" && algorithmNamed(alg) === algorithm);
}

function readPublicMembers(jwk: Readonly<Record<string, unknown>>, algorithm: SignatureAlgorithm): JwkPublic | undefined {
  const x = jwk.x;
  if (!isCoordinate(x)) return undefined;
  if (algorithm.kty === "OKP") return { kty: "OKP", crv: "Ed25519", x };
  const y = jwk.y;
  if (!isCoordinate(y)) return undefined;
  return { kty: "EC", crv: "P-256", x, y };
}

/** Exactly 32 bytes (RFC 7518 §6.2.1.2: leading zeros are not left out), spelled in the one canonical way. */
function isCoordinate(value: unknown): value is string {
  return typeof value === "string" && fromBase64url(value)?.length === COORDINATE_BYTES;
}

function importPoint(jwk: JwkPublic): KeyObject | undefined {
  if (jwk.kty === "OKP") {
    const bytes = fromBase64url(jwk.x);
    if (bytes === undefined || ed25519PointFault(bytes) !== undefined) return undefined;
  }
  try {
    // For P-256 this refuses what is not on the curve; the cofactor is 1, so no point of it has small order.
    return createPublicKey({ key: { ...jwk }, format: "jwk" });
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refuse(reason: JwkFault): { readonly ok: false; readonly reason: JwkFault } {
  return { ok: false, reason };
}
