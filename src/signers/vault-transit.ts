/** Keys in the transit engine of HashiCorp Vault or OpenBao. The version of a key is always named: there, rotating a key makes another one. */

import { parseKeyUri, spellKeyUri } from "../domain/key-uri.ts";
import { CustodianError, KeyError } from "../domain/ports.ts";
import type { Bytes, NewKey, Random, Signer } from "../domain/ports.ts";
import type { JwkPublic, JwsAlgorithm, KeyAlgorithm, RingKey } from "../domain/ring.ts";
import { thumbprintInput } from "../domain/thumbprint.ts";
import type { Custodian } from "./custodian.ts";
import type { GateLimits } from "./gate.ts";
import { kidOf } from "./kid.ts";
import { proves } from "./prove.ts";
import { connectToVault } from "./vault-transit/connection.ts";
import type { Answer, Ask } from "./vault-transit/connection.ts";
import { givenToken, tokenInFile } from "./vault-transit/token.ts";
import { readSignature, readTransitKey, signingPart, TRANSIT_TYPES } from "./vault-transit/transit-key.ts";
import type { TransitKey } from "./vault-transit/transit-key.ts";

export interface VaultOptions {
  readonly address: string;
  readonly mount: string;
  readonly namespace: string | undefined;
  readonly tokenFile: string | undefined;
  /** Goes before the file. */
  readonly token: string | undefined;
  readonly limits: GateLimits;
  readonly random: Random;
}

const NAME_BYTES = 16;
/** A name that the policy for our keys allows, and that none of them has. */
const NO_KEY = "mintmark-check";
/** What transit takes for a name; it becomes part of a path, so nothing else may. */
const NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,126}[A-Za-z0-9_])?$/;
const VERSION = /^[1-9][0-9]{0,8}$/;

interface Place {
  readonly name: string;
  readonly version: number;
}

export function openVaultCustodian({ tokenFile, token, random, ...options }: VaultOptions): Custodian {
  const tokens = token !== undefined || tokenFile === undefined ? givenToken(token) : tokenInFile(tokenFile, options.limits.clock);
  const vault = connectToVault({ ...options, tokens });

  /** Undefined where there is no such key. */
  async function read(ask: Ask, name: string): Promise<TransitKey | undefined> {
    const answer = await ask("GET", `keys/${name}`);
    if (answer.outcome === "absent") return undefined;
    return readTransitKey(done(answer, `GET keys/${name}`));
  }

  function done(answer: Answer, asked: string): Readonly<Record<string, unknown>> {
    if (answer.outcome === "done") return answer.data;
    const status = { absent: 404, refused: 400, failed: 500 }[answer.outcome];
    throw new CustodianError(`${vault.name}: answers ${asked} with status ${status}.`);
  }

  /** The public part of a key that can sign. Throws `KeyError`. */
  async function readSigning(ask: Ask, place: Place, algorithm: JwsAlgorithm): Promise<JwkPublic> {
    const key = await read(ask, place.name);
    if (key === undefined) throw new KeyError(`${uriOf(place)}: is missing at ${vault.name}: restore it there, or revoke it here.`);
    return signingOf(key, place, algorithm);
  }

  function signerOf(place: Place, kid: string, algorithm: JwsAlgorithm): Signer {
    const isEcdsa = algorithm === "ES256";
    const path = `sign/${place.name}${isEcdsa ? "/sha2-256" : ""}`;
    const fixed = { key_version: place.version, ...(isEcdsa ? { marshaling_algorithm: "jws" } : {}) };

    async function sign(ask: Ask, signingInput: string): Promise<Bytes> {
      const answer = await ask("POST", path, { ...fixed, input: Buffer.from(signingInput, "latin1").toString("base64") });
      if (answer.outcome !== "done") {
        await readSigning(ask, place, algorithm);
        if (answer.outcome === "refused") throw new KeyError(`${uriOf(place)}: ${vault.name} refuses to sign with it (400).`);
      }
      const signature = readSignature(done(answer, `POST ${path}`), place.version, algorithm);
      if (signature !== undefined) return signature;
      throw new CustodianError(`${vault.name}: answers POST ${path} with no signature of version ${place.version} of 64 bytes.`);
    }

    return { kid, algorithm, sign: (signingInput) => vault.run((ask) => sign(ask, signingInput)) };
  }

  return {
    async create(algorithm: KeyAlgorithm): Promise<NewKey> {
      if (algorithm === "HS256") throw new KeyError("vault: MAC keys are not made there; see keys.macStore.");
      const place = { name: `mintmark-${Buffer.from(random(NAME_BYTES)).toString("hex")}`, version: 1 };
      return vault.run(async (ask) => {
        const path = `keys/${place.name}`;
        const wanted = { type: TRANSIT_TYPES[algorithm], exportable: false, allow_plaintext_backup: false };
        done(await ask("POST", path, wanted), `POST ${path}`);
        const key = await read(ask, place.name);
        // An engine of another kind takes what is written to it, too.
        if (key === undefined)
          throw new CustodianError(`${vault.name}: took a new key and doesn't have it; is what is mounted there a transit engine?`);
        return newKeyOf(place, algorithm, signingOf(key, place, algorithm));
      });
    },

    async openSigner({ kid, algorithm, custody, publicJwk }: RingKey): Promise<Signer> {
      const place = placeOf(custody);
      if (algorithm === "HS256" || publicJwk === undefined) throw new KeyError(`${custody}: is no place for a key of ${algorithm}.`);
      const part = await vault.run((ask) => readSigning(ask, place, algorithm));
      const signer = signerOf(place, kid, algorithm);
      if (thumbprintInput(part) !== thumbprintInput(publicJwk) || !(await proves(signer, publicJwk)))
        throw new KeyError(
          `${custody}: is another key than the ring's ${kid}; restore the one of before, or revoke it: mintmark keys revoke ${kid}`,
        );
      return signer;
    },

    async adopt(uri: string, algorithm: JwsAlgorithm): Promise<NewKey> {
      const { name, version } = readPlace(uri);
      return vault.run(async (ask) => {
        if (version !== undefined) return newKeyOf({ name, version }, algorithm, await readSigning(ask, { name, version }, algorithm));
        const key = await read(ask, name);
        if (key === undefined) throw new KeyError(`${uri}: is missing at ${vault.name}.`);
        throw new KeyError(`${uri}: names no version; the latest is ${uriOf({ name, version: key.latestVersion })}`);
      });
    },

    // Whether it has such a key or not: who answers has taken the token and its policy.
    check: async () => void (await vault.look((ask) => read(ask, NO_KEY))),

    async erase({ custody }) {
      const { name } = placeOf(custody);
      return vault.run(async (ask) => {
        const key = await read(ask, name);
        // Somebody rotated it there: deleting it would delete what is not ours.
        if (key === undefined || key.latestVersion > 1) return false;
        const steps = [
          ...(key.isDeletionAllowed ? [] : [["POST", `keys/${name}/config`, { deletion_allowed: true }] as const]),
          ["DELETE", `keys/${name}`] as const,
        ];
        for (const [method, path, body] of steps) {
          const answer = await ask(method, path, body);
          // Another node may have been faster.
          if (answer.outcome !== "done" && (await read(ask, name)) === undefined) return false;
          done(answer, `${method} ${path}`);
        }
        return true;
      });
    },
  };
}

/** Throws `KeyError`. */
function signingOf(key: TransitKey, place: Place, algorithm: JwsAlgorithm): JwkPublic {
  const part = signingPart(key, place.version, algorithm);
  if (typeof part === "string") throw new KeyError(`${uriOf(place)}: ${part}.`);
  return part;
}

function newKeyOf(place: Place, algorithm: JwsAlgorithm, publicJwk: JwkPublic): NewKey {
  return { kid: kidOf(publicJwk), algorithm, publicJwk, custody: uriOf(place) };
}

function uriOf({ name, version }: Place): string {
  return spellKeyUri("vault", { name, version: String(version) });
}

function placeOf(uri: string): Place {
  const { name, version } = readPlace(uri);
  if (version === undefined) throw new KeyError(`${uri}: names no version of the key.`);
  return { name, version };
}

/** Throws `KeyError`. */
function readPlace(uri: string): { readonly name: string; readonly version: number | undefined } {
  const { scheme, path, query } = parseKeyUri(uri) ?? {};
  const name = path?.get("name");
  const version = path?.get("version");
  const isPlain = scheme === "vault" && query?.size === 0 && path?.size === (version === undefined ? 1 : 2);
  if (!isPlain || name === undefined || !NAME.test(name) || (version !== undefined && !VERSION.test(version)))
    throw new KeyError(`${uri}: is no URI of a key in Vault: vault:name=NAME;version=NUMBER`);
  return { name, version: version === undefined ? undefined : Number(version) };
}
