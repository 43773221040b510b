/**
 * src/signers: where private keys live, one key custodian per file. This one keeps them in a folder: one file per key,
 * `<kid>.json` (a private JWK) or, sealed, `<kid>.jwe`.
 */

import { KeyError } from "../domain/ports.ts";
import type { Bytes, FoundKey, NewKey, Random, Signer } from "../domain/ports.ts";
import type { KeyAlgorithm, RingKey } from "../domain/ring.ts";
import type { Custodian, Material } from "./custodian.ts";
import { openKeyDirectory } from "./local/key-directory.ts";
import type { StoredFile } from "./local/key-directory.ts";
import { unsealWithAny } from "./material/encryption-keys.ts";
import type { EncryptionKeys } from "./material/encryption-keys.ts";
import { parseKeyFile, readText, writeKeyFile } from "./material/key-file.ts";
import type { KeyFile } from "./material/key-file.ts";
import { openMaterialMac, openMaterialSigner } from "./material/open-material.ts";
import { generateKey } from "./material/private-key.ts";
import type { PrivateKey } from "./material/private-key.ts";
import { seal } from "./material/sealed.ts";

const PLAIN = ".json";
const SEALED = ".jwe";
/** The node's copy of the ring lives in the same folder. */
const RING_COPY = "ring.json";
/** What a `kid` of ours looks like. It becomes part of a path, so nothing else may. */
const THUMBPRINT = /^[A-Za-z0-9_-]{43}$/;

/** A `Custodian` that needs no ring: a file says itself what it is. */
export interface LocalCustodian extends Custodian {
  create(algorithm: KeyAlgorithm, now: number): Promise<NewKey>;
  openSigner(key: RingKey): Promise<Signer>;
  openMac(key: RingKey): Promise<(data: Bytes) => Bytes>;
  readonly material: Material & {
    keep(key: PrivateKey, now: number): Promise<NewKey>;
    rewrap(key: RingKey): Promise<"in place" | undefined>;
  };
  find(): Promise<readonly FoundKey[]>;
  erase(key: Pick<NewKey, "kid">): Promise<boolean>;
}

export interface LocalCustodianOptions {
  /** As configured: messages name files by it. Made (0700) with the first key. */
  readonly directory: string;
  /** With them new keys are sealed; without, sealed ones can't be opened. */
  readonly encryptionKeys?: EncryptionKeys | undefined;
  /** True in production: a file that others than its owner can open is refused, not warned of. */
  readonly strictPermissions: boolean;
  readonly random: Random;
  readonly onWarning: (message: string) => void;
}

/** Opens the folder. Nothing is read before it is asked for. */
export function openLocalCustodian(options: LocalCustodianOptions): LocalCustodian {
  const { encryptionKeys, strictPermissions, random, onWarning } = options;
  const files = openKeyDirectory(options.directory, random);
  const warned = new Set<string>();

  function warnOnce(message: string): void {
    if (warned.has(message)) return;
    warned.add(message);
    onWarning(message);
  }

  function checkPermissions(path: string, file: StoredFile): void {
    if (file.othersMode === 0) return;
    const message = `${path}: others than its owner have access to this private key; run: chmod 600 ${path}`;
    if (strictPermissions) throw new KeyError(message);
    warnOnce(message);
  }

  async function parse(name: string, file: StoredFile): Promise<KeyFile> {
    const path = files.pathOf(name);
    checkPermissions(path, file);
    const text = readText(path, file.content);
    if (name.endsWith(PLAIN)) {
      if (encryptionKeys !== undefined) warnOnce(`${path}: is not sealed, though there is a key-encryption key; run: mintmark keys rewrap`);
      return parseKeyFile(path, name.slice(0, -PLAIN.length), text);
    }
    if (encryptionKeys === undefined)
      throw new KeyError(`${path}: is sealed, and no key-encryption key is given; set keys.encryptionKeyFile.`, { isSetup: true });
    const kid = name.slice(0, -SEALED.length);
    const opened = await unsealWithAny(text, kid, encryptionKeys);
    if ("fault" in opened) throw new KeyError(`${path}: ${opened.fault}.`, { isSetup: opened.isClosed });
    return parseKeyFile(path, kid, opened.json);
  }

  /** The private part of a key of the ring, of the algorithm the ring says. */
  async function open(key: RingKey): Promise<PrivateKey> {
    if (!THUMBPRINT.test(key.kid)) throw new KeyError("The key ring names a key by what can't be the name of a file.");
    if (key.custody !== `file:${key.kid}`) throw new KeyError(`Key ${key.kid} is not kept in ${options.directory}; see keys.store.`);
    const [plain, sealed] = await Promise.all([files.read(key.kid + PLAIN), files.read(key.kid + SEALED)]);
    if (plain !== undefined && sealed !== undefined) await checkTwins(key.kid, plain);
    if (sealed !== undefined) return sameAlgorithm(key, (await parse(key.kid + SEALED, sealed)).key);
    if (plain !== undefined) return sameAlgorithm(key, (await parse(key.kid + PLAIN, plain)).key);

    const path = files.pathOf(key.kid + (encryptionKeys === undefined ? PLAIN : SEALED));
    // Revoking is for all nodes: a good key would go because one of them looks into the wrong folder.
    throw new KeyError(
      `${path}: the private part of this ${key.algorithm} key is missing; copy the file from a node that has it (see keys.folder), ` +
        `or restore it from a backup; if it is gone everywhere, take the key out: ` +
        `mintmark keys revoke ${key.kid} --reason "private part lost"${key.algorithm === "HS256" ? " --force" : ""}`,
    );
  }

  function sameAlgorithm(key: RingKey, opened: PrivateKey): PrivateKey {
    if (opened.algorithm === key.algorithm) return opened;
    throw new KeyError(`${files.pathOf(key.kid)}: is a key for ${opened.algorithm}; the key ring has it for ${key.algorithm}.`);
  }

  /** Sealing was cut short: the sealed file is whole before the plain one goes. Both hold the key that their name says. */
  async function checkTwins(kid: string, plain: StoredFile): Promise<void> {
    if (encryptionKeys === undefined) throw new KeyError(twice(kid, [kid + PLAIN, kid + SEALED]));
    await parse(kid + PLAIN, plain);
  }

  function twice(kid: string, names: readonly string[]): string {
    return `${names.map((name) => files.pathOf(name)).join(" and ")}: the same key (${kid}) twice; remove one.`;
  }

  async function findOne(name: string): Promise<FoundKey | undefined> {
    const file = await files.read(name);
    // Erased by another process since it was listed.
    if (file === undefined) return undefined;
    const { key, createdAt } = await parse(name, file);
    return {
      kid: key.kid,
      algorithm: key.algorithm,
      ...(key.publicJwk === undefined ? {} : { publicJwk: key.publicJwk }),
      custody: `file:${key.kid}`,
      createdAt: createdAt ?? Math.floor(file.modifiedAt),
    };
  }

  async function keep(key: PrivateKey, now: number): Promise<NewKey> {
    const json = writeKeyFile(key, now);
    if (encryptionKeys === undefined) await files.write(key.kid + PLAIN, json, now);
    else await files.write(key.kid + SEALED, await seal(json, key.kid, encryptionKeys.current.bytes), now);
    return {
      kid: key.kid,
      algorithm: key.algorithm,
      ...(key.publicJwk === undefined ? {} : { publicJwk: key.publicJwk }),
      custody: `file:${key.kid}`,
    };
  }

  return {
    create: async (algorithm, now) => keep(generateKey(algorithm, random), now),
    openSigner: (key) => openMaterialSigner(key, files.pathOf(key.kid), () => open(key)),
    openMac: (key) => openMaterialMac(key, () => open(key)),

    material: {
      reveal: open,
      keep,
      async rewrap(key) {
        if (encryptionKeys === undefined) return undefined;
        const json = writeKeyFile(await open(key), key.publishedAt);
        // The sealed file is whole before the plain one goes.
        await files.write(key.kid + SEALED, await seal(json, key.kid, encryptionKeys.current.bytes), key.publishedAt);
        await files.remove([key.kid + PLAIN]);
        return "in place";
      },
    },

    async find() {
      const all = await files.list();
      for (const name of all.filter((each) => each.endsWith(".pem"))) {
        warnOnce(`${files.pathOf(name)}: is not read; the keys here are private JWKs named <kid>.json or <kid>.jwe.`);
      }
      const names = all.filter(isKeyFileName);
      const results = await Promise.allSettled(names.map(findOne));
      const faults = results.flatMap((result) => (result.status === "rejected" ? [messageOf(result.reason)] : []));
      const found = results.flatMap((result) => (result.status === "fulfilled" && result.value !== undefined ? [result.value] : []));
      // Both files of one key are readable where its sealing was cut short, and nowhere else.
      const unique = new Map(found.map((key) => [key.kid, key]));
      if (faults.length > 0) throw new KeyError(faults.join("\n"));
      return [...unique.values()];
    },

    async erase({ kid }) {
      if (!THUMBPRINT.test(kid)) throw new KeyError("A key by that name can't have a file.");
      return files.remove([kid + PLAIN, kid + SEALED]);
    },
  };
}

/** Whatever claims to be a key file; the folder's README, dot files and the ring's copy don't. */
function isKeyFileName(name: string): boolean {
  if (name.startsWith(".") || name === RING_COPY) return false;
  return name.endsWith(PLAIN) || name.endsWith(SEALED);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "A key file can't be used.";
}
