/** Which octets are the DER of an ECDSA signature on P-256, and which are refused (X.690 §8.3, §10.1; RFC 3279 §2.2.3). */

import { generateKeyPairSync, sign, verify } from "node:crypto";
import t from "tap";
import { rawOfDer } from "../../../src/signers/aws-kms/der-signature.ts";

const bytes = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");
/** SEQUENCE { INTEGER, INTEGER } of two contents as they are. */
function der(r: string, s: string): string {
  const integers = [r, s]
    .map((content) => `02${octet(bytes(content).length)}${content}`)
    .join("")
    .replaceAll(" ", "");
  return `30${octet(integers.length / 2)}${integers}`;
}
const octet = (value: number) => value.toString(16).padStart(2, "0");
const ONE = "01";
const FULL = "7f".padEnd(64, "1");
const HIGH = `00${"ff".padEnd(64, "1")}`;

t.test("signatures of node:crypto come out as r and s of 32 bytes each", async (t) => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = { key: publicKey, dsaEncoding: "ieee-p1363" } as const;
  // One in 256 has an r or s of 31 bytes or less.
  for (let index = 0; index < 1_000; index++) {
    const data = Buffer.from(`input ${index}`);
    const raw = rawOfDer(sign("sha256", data, privateKey));
    if (raw?.length !== 64 || !verify("sha256", data, key, raw)) t.fail(`signature ${index}`);
  }
  t.pass("all were good");
});

t.test("short integers are filled up in front, and a zero before a first bit goes", async (t) => {
  t.equal(Buffer.from(rawOfDer(bytes(der(ONE, "0080"))) ?? []).toString("hex"), "01".padStart(64, "0") + "80".padStart(64, "0"));
  t.equal(Buffer.from(rawOfDer(bytes(der(HIGH, FULL))) ?? []).toString("hex"), HIGH.slice(2) + FULL);
});

/** What is wrong with each. */
const REFUSED: Readonly<Record<string, string>> = {
  nothing: "",
  "a SEQUENCE alone": "30",
  "an empty SEQUENCE": "3000",
  "one INTEGER": "3003 0201 01",
  "three INTEGERs": "3009 020101 020101 020101",
  "a SET": der(ONE, ONE).replace(/^30/, "31"),
  "an OCTET STRING for r": "3006 040101 020101",
  "a length too short by one": "3005 020101 020101",
  "a length too long by one": "3007 020101 020101",
  "something after the end": "3006 020101 020101 00",
  "something after s, inside": "3007 020101 020101 00",
  "a length in two octets": "308106 020101 020101",
  "an indefinite length": "3080 020101 020101 0000",
  "an empty INTEGER": "3005 0200 020101",
  "an r that ends beyond the end": "3006 024001 020101",
  "an s that ends beyond the end": "3006 020101 020201",
  "a negative r": der("80", ONE),
  "a negative s": der(ONE, "ff"),
  "r 0": der("00", ONE),
  "s 0": der(ONE, "00"),
  "a zero in front for nothing": der("0001", ONE),
  "an r of 33 bytes": der(`01${"00".repeat(32)}`, ONE),
  "an s of 33 bytes and a zero": der(ONE, `00ff${"00".repeat(32)}`),
  "64 bytes that are r and s already": "11".repeat(64),
};

for (const [what, hex] of Object.entries(REFUSED)) {
  t.test(`refused: ${what}`, async (t) => {
    t.equal(rawOfDer(bytes(hex)), undefined);
  });
}
