/** All custodians of a node as one: the scheme of a key's URI says which of them has it. */

import { schemeOf } from "../domain/key-uri.ts";
import { KeyError } from "../domain/ports.ts";
import type { CustodianFinding, KeyCustodian, KeySource, NewKey } from "../domain/ports.ts";
import { presenceOf } from "../domain/ring.ts";
import type { KeyAlgorithm, Ring, RingKey } from "../domain/ring.ts";
import type { Custodian, Material } from "./custodian.ts";
import { readPrivateText } from "./material/private-text.ts";

export interface CustodianChoice {
  /** By scheme; those that a node has been told of. */
  readonly byScheme: ReadonlyMap<string, Custodian>;
  /** The schemes where new signing keys and new MAC keys are made. */
  readonly signing: string;
  readonly mac: string;
}

export function joinCustodians({ byScheme, signing, mac }: CustodianChoice): KeyCustodian {
  function at(scheme: string, kid: string): Custodian {
    const found = byScheme.get(scheme);
    if (found !== undefined) return found;
    throw new KeyError(`Key ${kid} is in ${scheme}:, which the configuration doesn't name; see keys.store and keys.otherStores.`, {
      isSetup: true,
    });
  }
  const of = ({ kid, custody }: Pick<RingKey, "kid" | "custody">): Custodian => at(schemeOf(custody), kid);
  const newKeys = (algorithm: KeyAlgorithm): string => (algorithm === "HS256" ? mac : signing);

  async function take(source: KeySource, now: number, ring: Ring): Promise<NewKey> {
    if (source.from === "custodian") {
      const scheme = schemeOf(source.uri);
      const custodian = at(scheme, source.uri);
      if (custodian.adopt === undefined) throw new KeyError(`${scheme}: takes no key by its URI; name the file of the key.`);
      return { ...(await custodian.adopt(source.uri, source.algorithm)), isForeign: true };
    }
    const key = readPrivateText(source.text, source.edName);
    if (typeof key === "string") throw new KeyError(`The key can't be taken in: it ${key}.`);
    const known = presenceOf(ring, key.kid);
    if (known !== undefined) throw new KeyError(known);
    return keeper(key.algorithm).keep(key, now, ring);
  }

  async function copy(key: RingKey, now: number, ring: Ring): Promise<NewKey | undefined> {
    const scheme = schemeOf(key.custody);
    if (newKeys(key.algorithm) === scheme) return undefined;
    const target = keeper(key.algorithm);
    const { material } = of(key);
    if (material === undefined) throw new KeyError(`Key ${key.kid} can't leave ${scheme}:; rotate it: new keys are made in keys.store.`);
    return target.keep(await material.reveal(key, ring), now, ring);
  }

  function keeper(algorithm: KeyAlgorithm): Material {
    const scheme = newKeys(algorithm);
    const { material } = at(scheme, algorithm);
    if (material !== undefined) return material;
    throw new KeyError(`${scheme}: takes no private part from outside; rotate the keys instead: new ones are made there.`);
  }

  return {
    create: async (algorithm, now, ring) => at(newKeys(algorithm), algorithm).create(algorithm, now, ring),
    openSigner: async (key, ring) => of(key).openSigner(key, ring),
    async openMac(key, ring) {
      const custodian = of(key);
      if (custodian.openMac === undefined) throw new KeyError(`Key ${key.kid} is where no MAC key can be.`);
      return custodian.openMac(key, ring);
    },
    take,
    copy,
    rewrap: async (key, ring) => of(key).material?.rewrap(key, ring),
    async find() {
      const found = await Promise.all([...byScheme.values()].map(async (custodian) => custodian.find?.() ?? []));
      return found.flat();
    },
    erase: async (key) => of(key).erase(key),
    async check() {
      const found = await Promise.all([...byScheme].map(([scheme, custodian]) => look(scheme, custodian)));
      return found.filter((finding) => finding !== undefined);
    },
    async close() {
      await Promise.all([...byScheme.values()].map(async (custodian) => custodian.close?.()));
    },
  };
}

async function look(scheme: string, custodian: Custodian): Promise<CustodianFinding | undefined> {
  if (custodian.check === undefined) return undefined;
  try {
    await custodian.check();
    return { scheme, fault: undefined };
  } catch (error) {
    if (error instanceof KeyError) return { scheme, fault: error };
    throw error;
  }
}
