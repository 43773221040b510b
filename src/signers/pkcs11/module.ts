/** The package `pkcs11js`, narrowed to the calls used here, and what its errors mean. */

import { KeyError } from "../../domain/ports.ts";

export type Handle = Buffer;
export type Template = readonly { readonly type: number; readonly value?: boolean | number | string | Buffer }[];

export interface Mechanism {
  readonly mechanism: number;
}

export interface Pkcs11 {
  load(path: string): void;
  C_Initialize(): void;
  C_Finalize(): void;
  C_GetSlotList(withToken: boolean): Handle[];
  C_GetTokenInfo(slot: Handle): { readonly label: string; readonly serialNumber: string; readonly flags: number };
  C_GetMechanismList(slot: Handle): number[];
  C_OpenSession(slot: Handle, flags: number): Handle;
  C_Login(session: Handle, user: number, pin: string): void;
  C_GenerateKeyPair(
    session: Handle,
    mechanism: Mechanism,
    ofPublic: Template,
    ofPrivate: Template,
  ): { publicKey: Handle; privateKey: Handle };
  C_FindObjectsInit(session: Handle, template: Template): void;
  C_FindObjects(session: Handle, count: number): Handle[];
  C_FindObjectsFinal(session: Handle): void;
  C_GetAttributeValue(session: Handle, object: Handle, template: Template): { readonly value: Buffer }[];
  C_SetAttributeValue(session: Handle, object: Handle, template: Template): void;
  C_DestroyObject(session: Handle, object: Handle): void;
  C_SignInit(session: Handle, mechanism: Mechanism, key: Handle): void;
  C_Sign(session: Handle, data: Buffer, room: Buffer): Buffer;
}

// PKCS#11 3.0 numbers: the package knows those of 2.40, which has no EdDSA.
export const CKF = { RW_SESSION: 0x2, SERIAL_SESSION: 0x4, LOGIN_REQUIRED: 0x4, USER_PIN_FINAL_TRY: 0x2_0000, USER_PIN_LOCKED: 0x4_0000 };
export const CKU_USER = 1;
export const CKO = { PUBLIC_KEY: 2, PRIVATE_KEY: 3 };
export const CKK = { EC: 0x3, EC_EDWARDS: 0x40 };
export const CKM = { EC_KEY_PAIR_GEN: 0x1040, ECDSA: 0x1041, EC_EDWARDS_KEY_PAIR_GEN: 0x1055, EDDSA: 0x1057 };
export const CKA = {
  CLASS: 0x0,
  TOKEN: 0x1,
  PRIVATE: 0x2,
  LABEL: 0x3,
  KEY_TYPE: 0x100,
  ID: 0x102,
  SENSITIVE: 0x103,
  SIGN: 0x108,
  VERIFY: 0x10a,
  EXTRACTABLE: 0x162,
  EC_PARAMS: 0x180,
  EC_POINT: 0x181,
};

const PACKAGE = "pkcs11js";

/** Throws `KeyError` where the package or the module isn't there. */
export async function loadModule(path: string): Promise<Pkcs11> {
  const { PKCS11 } = await loadPackage();
  const pkcs11 = new PKCS11();
  try {
    pkcs11.load(path);
  } catch {
    throw new KeyError(`${path} can't be loaded as a PKCS#11 module; see module-path in keys.store.`, { isSetup: true });
  }
  return pkcs11;
}

async function loadPackage(): Promise<{ readonly PKCS11: new () => Pkcs11 }> {
  try {
    // Not as a literal: it is an optional peer, and its types are not there where it is not.
    const loaded = (await import(PACKAGE)) as { default: { PKCS11: new () => Pkcs11 } };
    return loaded.default;
  } catch (error) {
    const isAbsent = error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND";
    throw new KeyError(
      isAbsent
        ? `needs the package ${PACKAGE}, which is not installed: npm install ${PACKAGE}@2`
        : `the package ${PACKAGE} is installed but not built, which needs a C++ compiler: npm rebuild ${PACKAGE}`,
      { isSetup: true },
    );
  }
}

/** The name of what a token answered, `CKR_…`; undefined for an error of another kind. */
export function returnValueOf(error: unknown): string | undefined {
  // Some calls of the package throw errors of a class of its own, others plain ones.
  return error instanceof Error ? /CKR_[A-Z0-9_]+/.exec(error.message)?.[0] : undefined;
}

/** An unsigned long of the module's machine. */
export function numberOf(value: Buffer): number {
  return value.length === 0 ? Number.NaN : value.readUIntLE(0, Math.min(6, value.length));
}
