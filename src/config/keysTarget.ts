/** Where private parts are, as written: a folder, the store, or a custodian that is named by a URI (see domain/key-uri.ts). */

import { parseKeyUri } from "../domain/key-uri.ts";
import { isFetchable } from "./addresses.ts";
import { pathAfter } from "./storeUrl.ts";

export type KeysTarget =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "shared" }
  | {
      readonly kind: "pkcs11";
      /** Path of the module (a shared library); whatever the library search finds by this name. */
      readonly modulePath: string;
      /** The label of the token, its serial number or its slot: one of them. */
      readonly token: string | undefined;
      readonly serial: string | undefined;
      readonly slotId: number | undefined;
      /** A file with the PIN. */
      readonly pinFile: string | undefined;
    }
  | { readonly kind: "awskms"; readonly region: string | undefined; readonly endpoint: string | undefined }
  | {
      readonly kind: "vault";
      readonly address: string;
      /** Where the transit engine is mounted. */
      readonly mount: string;
      readonly namespace: string | undefined;
      /** A file with the token, which an agent may write anew at any time. */
      readonly tokenFile: string | undefined;
    };

type Attributes = ReadonlyMap<string, string>;

interface Scheme {
  readonly path: readonly string[];
  readonly query: readonly string[];
  /** Or what is wrong, without a value. */
  read(path: Attributes, query: Attributes): KeysTarget | string;
}

const SCHEMES: Readonly<Record<string, Scheme>> = {
  pkcs11: { path: ["token", "serial", "slot-id"], query: ["module-path", "pin-source"], read: readPkcs11 },
  awskms: { path: ["region"], query: ["endpoint"], read: readAwsKms },
  vault: { path: ["mount"], query: ["address", "namespace", "token-source"], read: readVault },
};

/** Those of custodians outside. */
export const CUSTODIAN_SCHEMES: readonly string[] = Object.keys(SCHEMES);

export const KEYS_TARGET_EXPECTED =
  "file:FOLDER, shared, pkcs11:token=LABEL?module-path=LIBRARY[&pin-source=file:PATH], awskms:[region=REGION][?endpoint=URL] " +
  "or vault:mount=MOUNT?address=URL[&namespace=NAME][&token-source=file:PATH] (values percent-encoded)";
export const KEYS_TARGET_PATTERN = "^(?:file:.+|shared|pkcs11:.+|awskms:.*|vault:.+)$";

export function parseKeysTarget(text: string): KeysTarget | undefined {
  const read = readTarget(text);
  return typeof read === "string" ? undefined : read;
}

/** What is wrong with the attributes of a URI that names a custodian; undefined where it doesn't even name one. */
export function keysTargetFault(text: string): string | undefined {
  const read = readTarget(text);
  return typeof read === "string" ? read : undefined;
}

function readTarget(text: string): KeysTarget | string | undefined {
  if (text === "shared") return { kind: "shared" };
  const path = pathAfter("file:", text);
  if (path !== undefined) return { kind: "file", path };
  const uri = parseKeyUri(text);
  const scheme = uri === undefined || !Object.hasOwn(SCHEMES, uri.scheme) ? undefined : SCHEMES[uri.scheme];
  if (uri === undefined || scheme === undefined) return undefined;
  const areKnown = (names: Attributes, known: readonly string[]): boolean => [...names.keys()].every((name) => known.includes(name));
  if (!areKnown(uri.path, scheme.path)) return `expected before the ? of ${uri.scheme}: nothing but ${scheme.path.join(", ")}`;
  if (!areKnown(uri.query, scheme.query)) return `expected after the ? of ${uri.scheme}: nothing but ${scheme.query.join(", ")}`;
  return scheme.read(uri.path, uri.query);
}

function readPkcs11(path: Attributes, query: Attributes): KeysTarget | string {
  const modulePath = query.get("module-path");
  const slot = path.get("slot-id");
  const pin = fileOf(query.get("pin-source"));
  if (path.size !== 1) return "expected one of token, serial and slot-id in pkcs11:";
  if (modulePath === undefined) return "expected ?module-path=LIBRARY in pkcs11:, the shared library that comes with the HSM";
  if (pin === false) return "expected file:PATH as the pin-source of pkcs11:";
  if (slot !== undefined && !/^[0-9]{1,9}$/.test(slot)) return "expected a number as the slot-id of pkcs11:";
  const slotId = slot === undefined ? undefined : Number(slot);
  return { kind: "pkcs11", modulePath, token: path.get("token"), serial: path.get("serial"), slotId, pinFile: pin };
}

function readAwsKms(path: Attributes, query: Attributes): KeysTarget | string {
  const [region, endpoint] = [path.get("region"), query.get("endpoint")];
  if (region !== undefined && !/^[a-z0-9-]{1,32}$/.test(region)) return "expected a region such as eu-central-1 in awskms:";
  if (endpoint !== undefined && !isFetchable(endpoint)) return `expected as the endpoint of awskms: ${FETCHABLE}`;
  return { kind: "awskms", region, endpoint };
}

const FETCHABLE = "an https: URL without user info or fragment (http: on this machine only)";
const SEGMENTS = /^[A-Za-z0-9._/-]{1,128}$/;

function readVault(path: Attributes, query: Attributes): KeysTarget | string {
  const [mount = "transit", address, namespace] = [path.get("mount"), query.get("address"), query.get("namespace")];
  const tokenFile = fileOf(query.get("token-source"));
  if (address === undefined) return "expected ?address=URL in vault:";
  if (!isFetchable(address)) return `expected as the address of vault: ${FETCHABLE}`;
  if (tokenFile === false) return "expected file:PATH as the token-source of vault:";
  if (!SEGMENTS.test(mount) || (namespace !== undefined && !SEGMENTS.test(namespace)))
    return "expected 1 to 128 characters of A-Za-z0-9._/- as the mount and the namespace of vault:";
  return { kind: "vault", address, mount, namespace, tokenFile };
}

/** False: a source that is no file. A secret itself never stands in the configuration. */
function fileOf(source: string | undefined): string | undefined | false {
  return source === undefined ? undefined : (pathAfter("file:", source) ?? false);
}
