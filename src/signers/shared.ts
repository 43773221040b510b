/**
 * Private parts that the key ring itself keeps, for a fleet: each sealed under a key-encryption key from outside, its kid bound in.
 * The ring says by a check value which key-encryption key that is, so a node with another one can tell.
 */

import { CustodianError, KeyError } from "../domain/ports.ts";
import type { NewKey, Random } from "../domain/ports.ts";
import type { Ring, RingKey } from "../domain/ring.ts";
import type { Custodian } from "./custodian.ts";
import { unsealWithAny } from "./material/encryption-keys.ts";
import type { EncryptionKey, EncryptionKeys } from "./material/encryption-keys.ts";
import { parseKeyFile, writeKeyFile } from "./material/key-file.ts";
import { openMaterialMac, openMaterialSigner } from "./material/open-material.ts";
import { generateKey } from "./material/private-key.ts";
import type { PrivateKey } from "./material/private-key.ts";
import { seal } from "./material/sealed.ts";

export interface SharedCustodianOptions {
  /** Undefined: nothing can be opened or made. */
  readonly encryptionKeys: EncryptionKeys | undefined;
  readonly random: Random;
}

export function openSharedCustodian({ encryptionKeys, random }: SharedCustodianOptions): Custodian {
  /** The one that the ring's private parts are under. */
  function keyOf(ring: Ring): EncryptionKey {
    if (encryptionKeys === undefined)
      throw new CustodianError(
        "The private parts in the store are sealed, and no key-encryption key is given; set keys.encryptionKeyFile.",
        { isSetup: true },
      );
    const { encryptionKeyCheck } = ring;
    if (encryptionKeyCheck === undefined) return encryptionKeys.current;
    const key = encryptionKeys.all.find(({ check }) => check === encryptionKeyCheck);
    if (key !== undefined) return key;
    const given = encryptionKeys.all.map(({ check }) => check).join(" and ");
    throw new CustodianError(
      `The key-encryption key of this node is not the one that the key ring is sealed under (check value ${given}, the ring's is ` +
        `${encryptionKeyCheck}): nothing is signed or planned here; see keys.encryptionKeyFile.`,
      { isSetup: true },
    );
  }

  async function keepUnder(key: PrivateKey, now: number, { bytes, check }: EncryptionKey): Promise<NewKey> {
    return {
      kid: key.kid,
      algorithm: key.algorithm,
      ...(key.publicJwk === undefined ? {} : { publicJwk: key.publicJwk }),
      custody: `shared:${key.kid}`,
      sealed: { text: await seal(writeKeyFile(key, now), key.kid, bytes), under: check },
    };
  }

  async function textOf({ kid, algorithm, sealed }: RingKey, ring: Ring): Promise<string> {
    if (encryptionKeys === undefined || sealed === undefined) {
      keyOf(ring);
      throw new KeyError(
        `The private part of the ${algorithm} key ${kid} is missing in the key ring; restore the store from a backup, ` +
          `or take the key out: mintmark keys revoke ${kid} --reason "private part lost"${algorithm === "HS256" ? " --force" : ""}`,
      );
    }
    keyOf(ring);
    const opened = await unsealWithAny(sealed, kid, encryptionKeys);
    if ("json" in opened) return opened.json;
    throw new KeyError(`${placeOf(kid)}: is damaged; restore the store from a backup, or revoke the key.`);
  }

  async function reveal(key: RingKey, ring: Ring): Promise<PrivateKey> {
    const parsed = parseKeyFile(placeOf(key.kid), key.kid, await textOf(key, ring)).key;
    if (parsed.algorithm === key.algorithm) return parsed;
    throw new KeyError(`${placeOf(key.kid)}: is a key for ${parsed.algorithm}; the key ring has it for ${key.algorithm}.`);
  }

  return {
    create: async (algorithm, now, ring) => {
      const under = keyOf(ring);
      return keepUnder(generateKey(algorithm, random), now, under);
    },
    openSigner: (key, ring) => openMaterialSigner(key, placeOf(key.kid), () => reveal(key, ring)),
    openMac: (key, ring) => openMaterialMac(key, () => reveal(key, ring)),
    material: {
      reveal,
      keep: async (key, now, ring) => keepUnder(key, now, keyOf(ring)),
      async rewrap(key, ring) {
        if (key.sealed === undefined) return undefined;
        const json = await textOf(key, ring);
        const { current } = encryptionKeys ?? {};
        return current && { text: await seal(json, key.kid, current.bytes), under: current.check };
      },
    },
    // The ring drops its sealed part itself.
    erase: async () => false,
  };
}

function placeOf(kid: string): string {
  return `The private part of ${kid} in the key ring`;
}
