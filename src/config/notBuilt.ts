/** What INTERFACE names and later versions will do. Read and checked like the rest, then refused. */

import type { Environment } from "./environment.ts";
import { decodeKey } from "./encryptionKey.ts";
import type { SeenSettings } from "./document.ts";
import type { Place } from "./place.ts";

export function checkNotBuilt(settings: SeenSettings, environment: Environment, root: Place): void {
  const refuse = (isUsed: boolean, place: Place, what: string): void => {
    if (isUsed) place.fault(`${what} not built yet`);
  };
  const keys = root.member("keys");
  refuse(settings.keys?.store?.kind === "shared", keys.member("store"), "keys in the shared store are");
  refuse(typeof settings.keys?.oldEncryptionKeyFile === "string", keys.member("oldEncryptionKeyFile"), "keys rewrap is");

  const oldKey = environment["MINTMARK_OLD_KEY_ENCRYPTION_KEY"];
  if (oldKey)
    root
      .member("MINTMARK_OLD_KEY_ENCRYPTION_KEY")
      .fault(decodeKey(oldKey) ? "keys rewrap is not built yet" : "expected 32 bytes in base64url, and keys rewrap is not built yet");
}
