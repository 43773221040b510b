/** Where private parts are, as the composition needs it: paths absolute, defaults in place. */

import { resolve } from "node:path";
import type { Settings } from "./document.ts";
import type { Environment } from "./environment.ts";
import type { KeysTarget } from "./keysTarget.ts";

type Remote<Kind extends KeysTarget["kind"]> = Extract<KeysTarget, { readonly kind: Kind }>;

/** A custodian outside. May hold a secret: never to be shown. */
export type CustodianConfig =
  | (Remote<"pkcs11"> & { readonly pin: string | undefined })
  | Remote<"awskms">
  | (Remote<"vault"> & { readonly token: string | undefined });

export interface KeysConfig {
  /** Of key files and of this node's copy of the ring; absolute. */
  readonly directory: string;
  /** The schemes where new signing keys and new MAC keys are made. */
  readonly signing: KeysTarget["kind"];
  readonly mac: "file" | "shared";
  /** At most one of a kind. */
  readonly custodians: readonly CustodianConfig[];
  /** 32 bytes. */
  readonly encryptionKey: Uint8Array | undefined;
  /** 32 bytes; accepted beside the other. */
  readonly oldEncryptionKey: Uint8Array | undefined;
  readonly signatureTimeoutMillis: number;
  readonly maxSignaturesInFlight: number;
}

export interface KeysSurroundings {
  readonly workingDirectory: string;
  readonly environment: Environment;
  readonly encryptionKey: Uint8Array | undefined;
  readonly oldEncryptionKey: Uint8Array | undefined;
}

export function keysOf({ keys }: Settings, surroundings: KeysSurroundings): KeysConfig {
  const { workingDirectory, encryptionKey, oldEncryptionKey } = surroundings;
  const { store, otherStores, macStore } = keys;
  const folders = [store, macStore, ...otherStores].flatMap((target) => (target?.kind === "file" ? [target.path] : []));
  const nearby = store.kind === "file" || store.kind === "shared" ? store.kind : encryptionKey === undefined ? "file" : "shared";
  return {
    directory: resolve(workingDirectory, folders[0] ?? keys.folder ?? "keys"),
    signing: store.kind,
    mac: macStore === undefined ? nearby : macStore.kind === "shared" ? "shared" : "file",
    custodians: [store, ...otherStores].flatMap((target) => custodianOf(target, surroundings)),
    encryptionKey,
    oldEncryptionKey,
    signatureTimeoutMillis: keys.signatureTimeout,
    maxSignaturesInFlight: keys.maxSignaturesInFlight,
  };
}

function custodianOf(target: KeysTarget, { workingDirectory, environment }: KeysSurroundings): readonly CustodianConfig[] {
  const absolute = (path: string | undefined): string | undefined => (path === undefined ? undefined : resolve(workingDirectory, path));
  switch (target.kind) {
    case "file":
    case "shared":
      return [];
    case "pkcs11":
      return [{ ...target, pinFile: absolute(target.pinFile), pin: environment["MINTMARK_PKCS11_PIN"] }];
    case "awskms":
      return [target];
    case "vault":
      return [{ ...target, tokenFile: absolute(target.tokenFile), token: environment["MINTMARK_VAULT_TOKEN"] }];
  }
}
