/** URIs of keys on a token: `pkcs11:object=LABEL`, `pkcs11:id=BYTES` or both (RFC 7512 §2.3). */

import { KeyError } from "../../domain/ports.ts";
import { CKA } from "./module.ts";
import type { Template } from "./module.ts";

/** What an object of that name must have. Throws `KeyError`. */
export function attributesOf(uri: string): Template {
  const names = /^pkcs11:(.+)$/.exec(uri)?.[1]?.split(";") ?? [];
  const attributes = names.map((text) => {
    const [, name, encoded = ""] = /^(object|id)=(.+)$/.exec(text) ?? [];
    const value = percentDecoded(encoded);
    if (name === undefined || value === undefined) throw unusable();
    return { type: name === "id" ? CKA.ID : CKA.LABEL, value };
  });
  const types = new Set(attributes.map(({ type }) => type));
  if (attributes.length === 0 || types.size < attributes.length) throw unusable();
  return attributes;
}

function unusable(): KeyError {
  return new KeyError("a key on a token is named pkcs11:object=LABEL or pkcs11:id=%01%02 (percent-encoded).");
}

/** Bytes, not text: an id can be any. */
function percentDecoded(text: string): Buffer | undefined {
  if (!/^(?:%[0-9A-Fa-f]{2}|[A-Za-z0-9_.~\-:[\]@!$'()*+,=&/?])+$/.test(text)) return undefined;
  const latin = text.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(latin, "latin1");
}
