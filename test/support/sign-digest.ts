/** ECDSA on P-256 of a digest that was made elsewhere, which node:crypto has no call for (FIPS 186-5 §6.4.1). For servers of the tests. */

import { createECDH, randomBytes } from "node:crypto";
import type { KeyObject } from "node:crypto";

/** The order of P-256. */
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** In DER. */
export function signDigest(digest: Uint8Array, privateKey: KeyObject): Buffer {
  const { d = "" } = privateKey.export({ format: "jwk" });
  for (;;) {
    const nonce = randomBytes(32);
    const k = numberOf(nonce);
    if (k === 0n || k >= N) continue;
    const curve = createECDH("prime256v1");
    curve.setPrivateKey(nonce);
    const r = numberOf(curve.getPublicKey().subarray(1, 33)) % N;
    const s = (power(k, N - 2n) * (numberOf(digest) + r * numberOf(Buffer.from(d, "base64url")))) % N;
    if (r === 0n || s === 0n) continue;
    const integers = Buffer.concat([integer(r), integer(s)]);
    return Buffer.concat([Buffer.from([0x30, integers.length]), integers]);
  }
}

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = base, rest = exponent; rest > 0n; rest >>= 1n, square = (square * square) % N)
    if ((rest & 1n) === 1n) result = (result * square) % N;
  return result;
}

function integer(value: bigint): Buffer {
  const hex = value.toString(16);
  const octets = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
  const signed = (octets[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), octets]) : octets;
  return Buffer.concat([Buffer.from([0x02, signed.length]), signed]);
}
