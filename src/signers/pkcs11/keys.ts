/** Key pairs on a token: made, found by their URI, signed with, erased. */

import { hash } from "node:crypto";
import { fromBase64url } from "../../domain/bytes.ts";
import { spellKeyUri } from "../../domain/key-uri.ts";
import { KeyError } from "../../domain/ports.ts";
import type { JwkPublic, JwsAlgorithm } from "../../domain/ring.ts";
import { attributesOf } from "./key-name.ts";
import { CKA, CKM, CKO, numberOf, returnValueOf } from "./module.ts";
import type { Handle, Template } from "./module.ts";
import type { TokenKey } from "./protocol.ts";
import { kidOf } from "../kid.ts";
import { ED25519, jwkOfPoint, keyTypeOf, P256 } from "./public-part.ts";
import type { Token } from "./token.ts";

/** More than enough to see that a name is not one key's. */
const FIND_MAX = 10;
const SIGNATURE_ROOM_BYTES = 256;

interface Pair {
  readonly privateKey: Handle;
  readonly publicKey: Handle;
}

/**
 * Makes a pair under a temporary label, and gives it its own when all else is done: one with a temporary label is what a
 * process that died on the way left, and no ring names it.
 */
export function createKey(token: Token, algorithm: JwsAlgorithm, temporaryLabel: string): TokenKey {
  const pair = generate(token, algorithm, temporaryLabel);
  try {
    const publicJwk = publicPart(token, algorithm, pair.publicKey);
    const kid = kidOf(publicJwk);
    const label = `mintmark-${kid}`;
    const named: Template = [
      { type: CKA.ID, value: Buffer.from(fromBase64url(kid) ?? []) },
      { type: CKA.LABEL, value: label },
    ];
    token.pkcs11.C_SetAttributeValue(token.session, pair.publicKey, named);
    token.pkcs11.C_SetAttributeValue(token.session, pair.privateKey, named);
    return { kid, publicJwk, custody: spellKeyUri("pkcs11", { object: label }) };
  } catch (error) {
    destroy(token, [pair.privateKey, pair.publicKey]);
    throw error;
  }
}

function generate(token: Token, algorithm: JwsAlgorithm, label: string): Pair {
  const { pkcs11, slot, session } = token;
  const isEc = algorithm === "ES256";
  const mechanism = isEc ? CKM.EC_KEY_PAIR_GEN : CKM.EC_EDWARDS_KEY_PAIR_GEN;
  if (!pkcs11.C_GetMechanismList(slot).includes(mechanism))
    throw new KeyError(
      isEc
        ? "makes no keys on elliptic curves (CKM_EC_KEY_PAIR_GEN), which ES256 needs."
        : `makes no Ed25519 keys (CKM_EC_EDWARDS_KEY_PAIR_GEN), which ${algorithm} needs; take it out of keys.algorithms.`,
    );
  const ofPrivate: Template = [
    { type: CKA.TOKEN, value: true },
    { type: CKA.PRIVATE, value: true },
    { type: CKA.SENSITIVE, value: true },
    { type: CKA.EXTRACTABLE, value: false },
    { type: CKA.SIGN, value: true },
    { type: CKA.LABEL, value: label },
  ];
  const [first, ...others] = isEc ? [P256] : ED25519;
  const withParameters = (value: Buffer): Pair => {
    const ofPublic: Template = [
      { type: CKA.TOKEN, value: true },
      { type: CKA.PRIVATE, value: false },
      { type: CKA.VERIFY, value: true },
      { type: CKA.EC_PARAMS, value },
      { type: CKA.LABEL, value: label },
    ];
    return pkcs11.C_GenerateKeyPair(session, { mechanism }, ofPublic, ofPrivate);
  };
  try {
    return withParameters(first);
  } catch (error) {
    const [other] = others;
    if (other === undefined || !PARAMETERS_REFUSED.has(returnValueOf(error) ?? "")) throw error;
    return withParameters(other);
  }
}

const PARAMETERS_REFUSED = new Set([
  "CKR_ATTRIBUTE_VALUE_INVALID",
  "CKR_CURVE_NOT_SUPPORTED",
  "CKR_DOMAIN_PARAMS_INVALID",
  "CKR_TEMPLATE_INCONSISTENT",
]);

function publicPart(token: Token, algorithm: JwsAlgorithm, publicKey: Handle): JwkPublic {
  const publicJwk = jwkOfPoint(algorithm, attribute(token, publicKey, CKA.EC_POINT));
  if (publicJwk !== undefined) return publicJwk;
  throw new KeyError(`the public key is none for ${algorithm}, which needs ${algorithm === "ES256" ? "P-256" : "Ed25519"}.`);
}

/** A key that somebody else made. Throws `KeyError`. */
export function describeKey(token: Token, uri: string, algorithm: JwsAlgorithm): TokenKey {
  const privateKey = findPrivateKey(token, uri, algorithm);
  const [publicKey] = findPublicKeys(token, uri, privateKey);
  if (publicKey === undefined)
    throw new KeyError(`${uri} has a private key but no public one, which says what to publish; write it to the token too.`);
  const publicJwk = publicPart(token, algorithm, publicKey);
  return { kid: kidOf(publicJwk), publicJwk, custody: uri };
}

/** Throws `KeyError` where there is not exactly one, or not of that algorithm's type. */
export function findPrivateKey(token: Token, uri: string, algorithm: JwsAlgorithm): Handle {
  const found = find(token, [{ type: CKA.CLASS, value: CKO.PRIVATE_KEY }, ...attributesOf(uri)]);
  const [privateKey] = found;
  if (privateKey === undefined)
    throw new KeyError(`there is no private key ${uri} on the token; if it is gone for ever, take it out: mintmark keys revoke`);
  if (found.length > 1) throw new KeyError(`${uri} is the name of several private keys; name one by its id as well.`);
  if (numberOf(attribute(token, privateKey, CKA.KEY_TYPE)) === keyTypeOf(algorithm)) return privateKey;
  throw new KeyError(`${uri} is a key of another type than ${algorithm} needs.`);
}

/** Of the same name, or else of the private key's id. */
function findPublicKeys(token: Token, uri: string, privateKey: Handle | undefined): readonly Handle[] {
  const isPublic = { type: CKA.CLASS, value: CKO.PUBLIC_KEY };
  const found = find(token, [isPublic, ...attributesOf(uri)]);
  if (found.length > 0 || privateKey === undefined) return found;
  const id = attribute(token, privateKey, CKA.ID);
  return id.length === 0 ? [] : find(token, [isPublic, { type: CKA.ID, value: id }]);
}

/** Looks for an object that nobody has: the token must answer, and the session must be good. */
export function askForNothing(token: Token): void {
  find(token, [{ type: CKA.LABEL, value: "mintmark-check" }]);
}

/** Whether there was anything. Throws `KeyError` where the name is not one key's. */
export function eraseKey(token: Token, uri: string): boolean {
  const privateKeys = find(token, [{ type: CKA.CLASS, value: CKO.PRIVATE_KEY }, ...attributesOf(uri)]);
  const publicKeys = findPublicKeys(token, uri, privateKeys[0]);
  if (privateKeys.length > 1 || publicKeys.length > 1) throw new KeyError(`${uri} is the name of several keys, so none is erased.`);
  const all = [...privateKeys, ...publicKeys];
  for (const object of all) token.pkcs11.C_DestroyObject(token.session, object);
  return all.length > 0;
}

const KEY_REFUSED = new Set([
  "CKR_KEY_FUNCTION_NOT_PERMITTED",
  "CKR_KEY_SIZE_RANGE",
  "CKR_KEY_TYPE_INCONSISTENT",
  "CKR_MECHANISM_INVALID",
  "CKR_MECHANISM_PARAM_INVALID",
]);

/** Tokens take the digest for ECDSA and give r‖s (PKCS#11 §2.3.1); Ed25519 is over the data itself. */
export function signWith({ pkcs11, session }: Token, privateKey: Handle, algorithm: JwsAlgorithm, signingInput: string): Buffer {
  // Node.js gives an empty buffer no address, which a module takes for an absent argument.
  const data = signingInput === "" ? Buffer.alloc(1).subarray(1) : Buffer.from(signingInput, "latin1");
  const isEc = algorithm === "ES256";
  try {
    pkcs11.C_SignInit(session, { mechanism: isEc ? CKM.ECDSA : CKM.EDDSA }, privateKey);
  } catch (error) {
    const answer = returnValueOf(error) ?? "";
    if (!KEY_REFUSED.has(answer)) throw error;
    throw new KeyError(`the token doesn't sign with it for ${algorithm} (${answer}).`);
  }
  return pkcs11.C_Sign(session, isEc ? hash("sha256", data, "buffer") : data, Buffer.alloc(SIGNATURE_ROOM_BYTES));
}

function find({ pkcs11, session }: Token, template: Template): readonly Handle[] {
  pkcs11.C_FindObjectsInit(session, template);
  try {
    return pkcs11.C_FindObjects(session, FIND_MAX);
  } finally {
    pkcs11.C_FindObjectsFinal(session);
  }
}

function attribute({ pkcs11, session }: Token, object: Handle, type: number): Buffer {
  return pkcs11.C_GetAttributeValue(session, object, [{ type }])[0]?.value ?? Buffer.alloc(0);
}

/** As far as it can be done: what stays has its temporary label. */
function destroy({ pkcs11, session }: Token, objects: readonly Handle[]): void {
  for (const object of objects) {
    try {
      pkcs11.C_DestroyObject(session, object);
    } catch {
      // The error that led here is the one to tell.
    }
  }
}
