/** What a key is called: its RFC 7638 thumbprint. */

import { hash } from "node:crypto";
import { thumbprintInput } from "../domain/thumbprint.ts";

export function kidOf(jwk: Parameters<typeof thumbprintInput>[0]): string {
  return hash("sha256", thumbprintInput(jwk), "base64url");
}
