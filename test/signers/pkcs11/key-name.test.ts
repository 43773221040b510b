/** The names of keys on a token, after RFC 7512 §2.3. */

import t from "tap";
import { KeyError } from "../../../src/domain/ports.ts";
import { attributesOf } from "../../../src/signers/pkcs11/key-name.ts";

// CKA_LABEL and CKA_ID of PKCS#11.
const LABEL = 0x3;
const ID = 0x102;

t.test("a key is named by its label, its id or both, and an id may be any bytes", async (t) => {
  t.same(attributesOf("pkcs11:object=my%20key"), [{ type: LABEL, value: Buffer.from("my key") }]);
  t.same(attributesOf("pkcs11:object=cl%C3%A9"), [{ type: LABEL, value: Buffer.from("clé") }]);
  t.same(attributesOf("pkcs11:id=%00%FF%3d"), [{ type: ID, value: Buffer.of(0x00, 0xff, 0x3d) }]);
  t.same(attributesOf("pkcs11:id=01;object=a"), [
    { type: ID, value: Buffer.from("01") },
    { type: LABEL, value: Buffer.from("a") },
  ]);
});

t.test("anything else names none: a search for it could find another key", async (t) => {
  const wrong = [
    "pkcs11:",
    "pkcs11:token=t",
    "pkcs11:object=",
    "pkcs11:object=a;object=b",
    "pkcs11:object=a;type=private",
    "pkcs11:object=%ZZ",
    "pkcs11:id=%0",
    "pkcs11:object=a b",
    "file:object=a",
  ];
  for (const uri of wrong) t.throws(() => attributesOf(uri), KeyError, uri);
});
