import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { SeenSettings } from "./document.ts";
import type { Environment } from "./environment.ts";
import type { Place } from "./place.ts";

const EXPECTED = "expected 32 bytes in base64url: 43 characters, no padding";

export interface EncryptionKeySources {
  readonly environment: Environment;
  readonly workingDirectory: string;
  readonly production: boolean;
  warn(message: string): void;
}

/** The key-encryption key from the environment or its file; undefined where there is none or it can't be used. */
export function readEncryptionKey(settings: SeenSettings, sources: EncryptionKeySources, root: Place): Uint8Array | undefined {
  const text = sources.environment["MINTMARK_KEY_ENCRYPTION_KEY"];
  if (text) return decodeKey(text) ?? root.member("MINTMARK_KEY_ENCRYPTION_KEY").fault(EXPECTED);
  const file = settings.keys?.encryptionKeyFile;
  if (file === undefined || file === null) return undefined;
  return readKeyFile(resolve(sources.workingDirectory, file), sources, root.member("keys").member("encryptionKeyFile"));
}

/** 32 bytes, from exactly their base64url (RFC 4648 §5, §3.5: no spare bits). */
export function decodeKey(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9_-]{43}$/.test(text)) return undefined;
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? new Uint8Array(bytes) : undefined;
}

function readKeyFile(path: string, sources: EncryptionKeySources, place: Place): Uint8Array | undefined {
  let descriptor: number | undefined;
  try {
    // Not blocking: a named pipe without a writer would hold the start.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const facts = fstatSync(descriptor);
    if (!facts.isFile() || facts.size > 64) return place.fault(`names no key file; ${EXPECTED}`);
    if ((facts.mode & 0o077) !== 0) {
      const tooOpen = "the file is open to group or others: chmod 600 it";
      if (sources.production) place.fault(tooOpen);
      else sources.warn(`keys.encryptionKeyFile: ${tooOpen} (refused in production)`);
    }
    return decodeKey(readFileSync(descriptor, "latin1").replace(/\r?\n$/, "")) ?? place.fault(`the file holds something else; ${EXPECTED}`);
  } catch {
    return place.fault("the file can't be read: check that it is there and who may read it");
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
