import { generateKeyPairSync, sign, verify } from "node:crypto";
import t from "tap";
import { rawSignature } from "../../src/signers/material/raw-signature.ts";

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const data = Buffer.from("signing input");

t.test("a DER signature becomes r and s, whatever their lengths", async (t) => {
  const seen = new Set<number>();
  for (let round = 0; round < 3_000; round++) {
    const der = sign("sha256", data, privateKey);
    seen.add(der.length);
    const raw = rawSignature(der);
    if (raw.length !== 64 || !verify("sha256", data, { key: publicKey, dsaEncoding: "ieee-p1363" }, raw)) t.fail(der.toString("hex"));
  }
  t.ok(seen.size >= 3, "both padded and short integers came up");
});

t.test("short integers are filled up with zeros from the left (RFC 7518 §3.4)", async (t) => {
  const raw = rawSignature(Buffer.from("300602010102020080", "hex"));
  t.equal(raw.toString("hex"), `${"00".repeat(31)}01${"00".repeat(31)}80`);
});
