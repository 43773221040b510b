/** Where private parts are → one custodian: the adapters of src/signers by the schemes that the configuration names. */

import type { KeysConfig } from "../config.ts";
import type { Clock, KeyCustodian, Random } from "../domain/ports.ts";
import { openAwsKmsCustodian } from "../signers/aws-kms.ts";
import type { Custodian } from "../signers/custodian.ts";
import { joinCustodians } from "../signers/custodians.ts";
import { openLocalCustodian } from "../signers/local.ts";
import { encryptionKeys } from "../signers/material/encryption-keys.ts";
import { openPkcs11Custodian } from "../signers/pkcs11.ts";
import { openSharedCustodian } from "../signers/shared.ts";
import { openVaultCustodian } from "../signers/vault-transit.ts";

export interface CustodySurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly strictPermissions: boolean;
  readonly onWarning: (message: string) => void;
}

/** Throws `KeyError` for a key-encryption key of the wrong length. */
export function openCustody(keys: KeysConfig, surroundings: CustodySurroundings): KeyCustodian {
  const { random, strictPermissions, onWarning } = surroundings;
  const kek = encryptionKeys(keys.encryptionKey, keys.oldEncryptionKey);
  const byScheme = new Map<string, Custodian>([
    ["file", openLocalCustodian({ directory: keys.directory, encryptionKeys: kek, random, strictPermissions, onWarning })],
    ["shared", openSharedCustodian({ encryptionKeys: kek, random })],
  ]);
  for (const custodian of keys.custodians) byScheme.set(custodian.kind, openRemote(custodian, keys, surroundings));
  return joinCustodians({ byScheme, signing: keys.signing, mac: keys.mac });
}

function openRemote(custodian: KeysConfig["custodians"][number], keys: KeysConfig, { clock, random }: CustodySurroundings): Custodian {
  const limits = { timeoutMillis: keys.signatureTimeoutMillis, maxInFlight: keys.maxSignaturesInFlight, clock };
  switch (custodian.kind) {
    case "pkcs11":
      return openPkcs11Custodian({ ...custodian, limits, random });
    case "awskms":
      return openAwsKmsCustodian({ ...custodian, limits });
    case "vault":
      return openVaultCustodian({ ...custodian, limits, random });
  }
}
