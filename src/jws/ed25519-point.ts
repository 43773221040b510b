/**
 * Which 32 bytes are an Ed25519 public key worth having. OpenSSL imports anything: points of small order, for which
 * one signature of zeros is good for every message, second spellings of a point, and bytes that are no point at all.
 */

import type { Bytes } from "../domain/ports.ts";

/** The field's prime and the curve's constant, RFC 8032 §5.1. */
const P = 2n ** 255n - 19n;
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;

const ORDER_8_Y = 2707385501144840649318225287225658788936804267575313519463743609750303402022n;

/** The y coordinates of the eight points whose order divides 8: orders 4, 1, 2, and 8 twice. */
const SMALL_ORDER_Y: ReadonlySet<bigint> = new Set([0n, 1n, P - 1n, ORDER_8_Y, P - ORDER_8_Y]);

export type Ed25519PointFault = "small_order" | "not_canonical" | "not_on_curve";

/** Undefined where the 32 bytes are the one spelling of a point of the curve that is not of small order. */
export function ed25519PointFault(bytes: Bytes): Ed25519PointFault | undefined {
  const y = littleEndian(bytes) & (2n ** 255n - 1n);
  if (y >= P) return "not_canonical";
  if (SMALL_ORDER_Y.has(y)) return "small_order";
  if (!isOnCurve(y)) return "not_on_curve";
  return undefined;
}

/** RFC 8032 §5.1.3: x² = (y² − 1) / (d·y² + 1) must have a root; u/v is a square exactly where u·v is one. */
function isOnCurve(y: bigint): boolean {
  const ySquared = (y * y) % P;
  const u = (ySquared - 1n + P) % P;
  const v = (D * ySquared + 1n) % P;
  return power((u * v) % P, (P - 1n) / 2n) === 1n;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * square) % P;
    square = (square * square) % P;
  }
  return result;
}

function littleEndian(bytes: Bytes): bigint {
  let value = 0n;
  for (const byte of bytes.toReversed()) value = (value << 8n) | BigInt(byte);
  return value;
}
