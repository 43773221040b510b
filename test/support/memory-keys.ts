/** Private parts in memory, made by node:crypto: what the key folder is to a real node. */

import { createHmac, generateKeyPairSync, hash, type KeyObject, sign } from "node:crypto";
import { type Bytes, type FoundKey, type KeyCustodian, KeyError, type Random } from "../../src/domain/ports.ts";
import type { JwkPublic, KeyAlgorithm } from "../../src/domain/ring.ts";
import { thumbprintInput } from "../../src/domain/thumbprint.ts";

interface Held extends FoundKey {
  readonly privateKey?: KeyObject;
  readonly secret?: Bytes;
}

export interface MemoryKeys extends KeyCustodian {
  readonly held: Map<string, Held>;
  /** How often a key was made. */
  readonly made: number;
  /** Run once, when all keys are listed. */
  afterFind: (() => Promise<void>) | undefined;
  /** While set, every signature fails so. */
  refuseToSign: KeyError | undefined;
}

export function memoryKeys(random: Random): MemoryKeys {
  const held = new Map<string, Held>();
  let made = 0;

  function open(kid: string): Held {
    const key = held.get(kid);
    if (key === undefined) throw new KeyError(`the private part of ${kid} is missing`);
    return key;
  }

  const keys: MemoryKeys = {
    held,
    get made() {
      return made;
    },
    afterFind: undefined,
    refuseToSign: undefined,
    async create(algorithm, now) {
      const key = { ...makeKey(algorithm, random), createdAt: now };
      made += 1;
      held.set(key.kid, key);
      const { kid, publicJwk, custody } = key;
      return { kid, algorithm, ...(publicJwk === undefined ? {} : { publicJwk }), custody };
    },
    async openSigner({ kid, algorithm }) {
      const { privateKey } = open(kid);
      if (privateKey === undefined || algorithm === "HS256") throw new KeyError("not a signing key");
      return {
        kid,
        algorithm,
        sign: async (signingInput) => {
          if (keys.refuseToSign !== undefined) throw keys.refuseToSign;
          const data = Buffer.from(signingInput, "latin1");
          return algorithm === "ES256"
            ? sign("sha256", data, { key: privateKey, dsaEncoding: "ieee-p1363" })
            : sign(null, data, privateKey);
        },
      };
    },
    async openMac({ kid }) {
      const { secret } = open(kid);
      if (secret === undefined) throw new KeyError("not a MAC key");
      return (data) => createHmac("sha256", secret).update(data).digest();
    },
    async find() {
      const found = [...held.values()].map(({ privateKey: _, secret: __, ...rest }) => rest);
      const { afterFind } = keys;
      keys.afterFind = undefined;
      await afterFind?.();
      return found;
    },
    async take() {
      throw new KeyError("nothing is taken in here");
    },
    copy: async () => undefined,
    rewrap: async () => undefined,
    async erase({ kid, custody }) {
      return custody === `memory:${kid}` && held.delete(kid);
    },
    check: async () => [],
    close: async () => undefined,
  };
  return keys;
}

function makeKey(algorithm: KeyAlgorithm, random: Random): Omit<Held, "createdAt"> {
  if (algorithm === "HS256") {
    const secret = random(32);
    const kid = hash("sha256", thumbprintInput({ kty: "oct", k: Buffer.from(secret).toString("base64url") }), "base64url");
    return { kid, algorithm, custody: `memory:${kid}`, secret };
  }
  const { privateKey, publicKey } =
    algorithm === "ES256" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("ed25519");
  const publicJwk = publicMembers(publicKey.export({ format: "jwk" }));
  const kid = hash("sha256", thumbprintInput(publicJwk), "base64url");
  return { kid, algorithm, publicJwk, custody: `memory:${kid}`, privateKey };
}

function publicMembers({ kty, x = "", y = "" }: { kty?: string; x?: string; y?: string }): JwkPublic {
  return kty === "EC" ? { kty: "EC", crv: "P-256", x, y } : { kty: "OKP", crv: "Ed25519", x };
}
