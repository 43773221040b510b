/** The key-encryption keys of a node: the one in force and, while it takes the place of another, that one as well. */

import { createHmac } from "node:crypto";
import { KeyError } from "../../domain/ports.ts";
import type { Bytes } from "../../domain/ports.ts";
import { unseal } from "./sealed.ts";
import type { Unsealed } from "./sealed.ts";

const ENCRYPTION_KEY_BYTES = 32;
const CHECK_BYTES = 12;
const CHECK_INPUT = "mintmark: which key-encryption key this is";

export interface EncryptionKey {
  readonly bytes: Bytes;
  /** Tells it from others; says nothing about it. 16 characters. */
  readonly check: string;
}

export interface EncryptionKeys {
  /** New private parts are sealed under it. */
  readonly current: EncryptionKey;
  readonly all: readonly EncryptionKey[];
}

/** Undefined without any. Throws `KeyError` for one of the wrong length. */
export function encryptionKeys(current: Bytes | undefined, old: Bytes | undefined): EncryptionKeys | undefined {
  if (current === undefined) return undefined;
  const keys = { current: checked(current) };
  return { ...keys, all: old === undefined ? [keys.current] : [keys.current, checked(old)] };
}

function checked(bytes: Bytes): EncryptionKey {
  if (bytes.length !== ENCRYPTION_KEY_BYTES)
    throw new KeyError(`The key-encryption key has ${bytes.length} bytes; it must have ${ENCRYPTION_KEY_BYTES}.`, { isSetup: true });
  return { bytes, check: createHmac("sha256", bytes).update(CHECK_INPUT).digest().toString("base64url", 0, CHECK_BYTES) };
}

export async function unsealWithAny(sealed: string, kid: string, keys: EncryptionKeys): Promise<Unsealed> {
  let result = await unseal(sealed, kid, keys.current.bytes);
  for (const { bytes } of keys.all.slice(1)) {
    if ("json" in result) break;
    result = await unseal(sealed, kid, bytes);
  }
  return result;
}
