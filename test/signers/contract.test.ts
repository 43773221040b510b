/** The custodians that are in the issuer's own process, by the contract of all. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemRandom } from "../../src/platform/index.ts";
import { openLocalCustodian } from "../../src/signers/local.ts";
import { encryptionKeys } from "../../src/signers/material/encryption-keys.ts";
import { openSharedCustodian } from "../../src/signers/shared.ts";
import { signerContract } from "../contract/signer.ts";

const kek = encryptionKeys(new Uint8Array(32).fill(7), undefined);
const inProcess = { algorithms: ["ES256", "EdDSA", "Ed25519"], secrets: [] } as const;

for (const sealing of [undefined, kek]) {
  signerContract(sealing === undefined ? "key files" : "sealed key files", async () => {
    const directory = mkdtempSync(join(tmpdir(), "mintmark-keys-"));
    const options = { directory, encryptionKeys: sealing, random: systemRandom, strictPermissions: true, onWarning: () => undefined };
    return {
      ...inProcess,
      scheme: "file",
      erases: true,
      open: () => openLocalCustodian(options),
      remove: async () => rmSync(directory, { recursive: true, force: true }),
    };
  });
}

signerContract("keys sealed in the ring", async () => ({
  ...inProcess,
  scheme: "shared",
  erases: false,
  open: () => openSharedCustodian({ encryptionKeys: kek, random: systemRandom }),
  remove: async () => undefined,
}));
