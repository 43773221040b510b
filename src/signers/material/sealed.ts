/** Seals a private JWK as compact JWE (`dir`, A256GCM: RFC 7516, RFC 7518 §4.5, §5.3) under the key-encryption key. */

import { CompactEncrypt, compactDecrypt } from "jose";
import { textOf, utf8 } from "../../domain/bytes.ts";
import type { Bytes } from "../../domain/ports.ts";

/** The protected header is authenticated, so a sealed key can't be passed off under another name. */
export async function seal(json: string, kid: string, encryptionKey: Bytes): Promise<string> {
  return new CompactEncrypt(utf8(json)).setProtectedHeader({ alg: "dir", enc: "A256GCM", cty: "jwk+json", kid }).encrypt(encryptionKey);
}

/** The JSON, or what is wrong. */
export type Unsealed =
  | { readonly json: string }
  /** In a few words, to follow the file's name; `isClosed`: not by this key-encryption key. */
  | { readonly fault: string; readonly isClosed: boolean };

export async function unseal(sealed: string, kid: string, encryptionKey: Bytes): Promise<Unsealed> {
  try {
    const { plaintext, protectedHeader } = await compactDecrypt(sealed.trim(), encryptionKey, {
      keyManagementAlgorithms: ["dir"],
      contentEncryptionAlgorithms: ["A256GCM"],
    });
    if (protectedHeader.kid !== kid)
      return { fault: "was sealed under the name of another key; restore the file from a backup", isClosed: false };
    return { json: textOf(plaintext) };
  } catch {
    return {
      fault:
        "can't be opened with the key-encryption key: either it is another one than the file was sealed with " +
        "(see keys.encryptionKeyFile), or the file is damaged (restore it from a backup)",
      isClosed: true,
    };
  }
}
