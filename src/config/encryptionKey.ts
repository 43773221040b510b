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

/** What a key-encryption key is read from. */
const SOURCES = {
  current: { variable: "MINTMARK_KEY_ENCRYPTION_KEY", member: "encryptionKeyFile" },
  old: { variable: "MINTMARK_OLD_KEY_ENCRYPTION_KEY", member: "oldEncryptionKeyFile" },
} as const;

/** Whether one is named at all: one that can't be used has its fault already. */
export function namesEncryptionKey({ keys }: SeenSettings, environment: Environment): boolean {
  return environment[SOURCES.current.variable] !== undefined || keys?.[SOURCES.current.member] !== null;
}

/** A key-encryption key from the environment or its file; undefined where there is none or it can't be used. */
export function readEncryptionKey(
  which: keyof typeof SOURCES,
  settings: SeenSettings,
  sources: EncryptionKeySources,
  root: Place,
): Uint8Array | undefined {
  const { variable, member } = SOURCES[which];
  const text = sources.environment[variable];
  if (text) return decodeKey(text) ?? root.member(variable).fault(EXPECTED);
  const file = settings.keys?.[member];
  if (file === undefined || file === null) return undefined;
  return readKeyFile(resolve(sources.workingDirectory, file), member, sources, root.member("keys").member(member));
}

/** 32 bytes, from exactly their base64url (RFC 4648 §5, §3.5: no spare bits). */
function decodeKey(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9_-]{43}$/.test(text)) return undefined;
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? new Uint8Array(bytes) : undefined;
}

function readKeyFile(path: string, member: string, sources: EncryptionKeySources, place: Place): Uint8Array | undefined {
  let descriptor: number | undefined;
  try {
    // Not blocking: a named pipe without a writer would hold the start.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const facts = fstatSync(descriptor);
    if (!facts.isFile() || facts.size > 64) return place.fault(`names no key file; ${EXPECTED}`);
    if ((facts.mode & 0o077) !== 0) {
      const tooOpen = "the file is open to group or others: chmod 600 it";
      if (sources.production) place.fault(tooOpen);
      else sources.warn(`keys.${member}: ${tooOpen} (refused in production)`);
    }
    return decodeKey(readFileSync(descriptor, "latin1").replace(/\r?\n$/, "")) ?? place.fault(`the file holds something else; ${EXPECTED}`);
  } catch {
    return place.fault("the file can't be read: check that it is there and who may read it");
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
