/** The public part of a key on a token, in both of the forms in which tokens give it. */

import t from "tap";
import { kidOf } from "../../../src/signers/kid.ts";
import { jwkOfPoint } from "../../../src/signers/pkcs11/public-part.ts";

// RFC 7517, appendix A.1, and RFC 8037, appendices A.2 and A.3.
const P256 = {
  x: "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
  y: "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
};
const ED25519 = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
const ED25519_THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

const bytes = (base64url: string): Buffer => Buffer.from(base64url, "base64url");
const point = Buffer.concat([Buffer.of(0x04), bytes(P256.x), bytes(P256.y)]);
const octetString = (content: Buffer): Buffer => Buffer.concat([Buffer.of(0x04, content.length), content]);

t.test("a point is taken as it is or in an OCTET STRING", async (t) => {
  for (const value of [point, octetString(point)]) t.same(jwkOfPoint("ES256", value), { kty: "EC", crv: "P-256", ...P256 });
  for (const value of [bytes(ED25519), octetString(bytes(ED25519))]) {
    for (const algorithm of ["EdDSA", "Ed25519"] as const)
      t.same(jwkOfPoint(algorithm, value), { kty: "OKP", crv: "Ed25519", x: ED25519 }, algorithm);
  }
});

t.test("the name of a key is its thumbprint", async (t) => {
  t.equal(kidOf({ kty: "OKP", crv: "Ed25519", x: ED25519 }), ED25519_THUMBPRINT);
});

t.test("what is no point of the curve is none", async (t) => {
  const offCurve = Buffer.from(point);
  offCurve.writeUInt8(offCurve.readUInt8(64) ^ 1, 64);
  const compressed = Buffer.concat([Buffer.of(0x03), bytes(P256.x)]);
  for (const value of [Buffer.alloc(0), compressed, octetString(compressed), offCurve, point.subarray(1), bytes(ED25519)])
    t.equal(jwkOfPoint("ES256", value), undefined);
  for (const value of [Buffer.alloc(0), point, bytes(ED25519).subarray(1)]) t.equal(jwkOfPoint("EdDSA", value), undefined);
});
