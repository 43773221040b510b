/** ECDSA signatures of P-256 that come from outside as DER: checked octet by octet, for nobody here made them. */

const SCALAR_BYTES = 32;
const SEQUENCE = 0x30;
const INTEGER = 0x02;

/**
 * r‖s, 64 bytes (RFC 7518 §3.4), of ECDSA-Sig-Value (RFC 3279 §2.2.3) in DER: each INTEGER positive, in its shortest form and of
 * 32 bytes at most, and nothing after them. Undefined for anything else.
 */
export function rawOfDer(der: Uint8Array): Uint8Array | undefined {
  // A length of 128 or more would be spelled in two octets; two scalars never need it.
  if (der[0] !== SEQUENCE || der[1] !== der.length - 2 || der.length >= 0x80) return undefined;
  const r = integerAt(der, 2);
  const s = r === undefined ? undefined : integerAt(der, r.end);
  if (r === undefined || s === undefined || s.end !== der.length) return undefined;
  const raw = new Uint8Array(2 * SCALAR_BYTES);
  raw.set(r.scalar, SCALAR_BYTES - r.scalar.length);
  raw.set(s.scalar, 2 * SCALAR_BYTES - s.scalar.length);
  return raw;
}

function integerAt(der: Uint8Array, at: number): { readonly scalar: Uint8Array; readonly end: number } | undefined {
  const length = der[at + 1] ?? 0;
  const end = at + 2 + length;
  if (der[at] !== INTEGER) return undefined;
  const octets = der.subarray(at + 2, end);
  const [first = 0, second = 0] = octets;
  if (first >= 0x80) return undefined;
  // X.690 §8.3.2: a zero in front only where the next octet has its first bit set. So 0, which no scalar is, and no octets go as well.
  if (first === 0 && second < 0x80) return undefined;
  const scalar = first === 0 ? octets.subarray(1) : octets;
  return scalar.length > SCALAR_BYTES ? undefined : { scalar, end };
}
