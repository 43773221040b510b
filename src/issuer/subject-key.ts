import { base64url } from "../domain/bytes.ts";
import { KEYS } from "../domain/documents.ts";
import type { Bytes } from "../domain/ports.ts";

/** Where the document of a subject is. */
export function subjectDocumentKey(subjectKey: Bytes): string {
  return KEYS.subjectPrefix + base64url(subjectKey);
}
