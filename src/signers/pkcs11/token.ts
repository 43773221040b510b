/** One token, logged in to: finds it, opens the one session on it, and closes all of it again. */

import { CustodianError, KeyError } from "../../domain/ports.ts";
import { CKF, CKU_USER, loadModule, numberOf, returnValueOf } from "./module.ts";
import type { Handle, Pkcs11 } from "./module.ts";
import type { Calls, TokenChoice } from "./protocol.ts";

export interface Token {
  readonly pkcs11: Pkcs11;
  readonly slot: Handle;
  readonly session: Handle;
}

/** The token does not take the PIN. Each try is counted there, and after a few the token is locked. */
export class PinError extends CustodianError {}

/** Throws `KeyError`, of them `PinError`, and what the module throws. */
export async function openToken({ pin, ...choice }: Calls["open"]["takes"]): Promise<Token> {
  const pkcs11 = await loadModule(choice.modulePath);
  pkcs11.C_Initialize();
  try {
    const slot = findSlot(pkcs11, choice);
    const session = pkcs11.C_OpenSession(slot, CKF.SERIAL_SESSION + CKF.RW_SESSION);
    logIn(pkcs11, slot, session, pin);
    return { pkcs11, slot, session };
  } catch (error) {
    finalize(pkcs11);
    throw error;
  }
}

export function closeToken({ pkcs11 }: Token): void {
  finalize(pkcs11);
}

/** Ends all sessions; the token logs out with the last one. */
function finalize(pkcs11: Pkcs11): void {
  try {
    pkcs11.C_Finalize();
  } catch {
    // What is broken is opened anew from the beginning.
  }
}

function findSlot(pkcs11: Pkcs11, choice: TokenChoice): Handle {
  const slots = pkcs11.C_GetSlotList(true).filter((slot) => isChosen(pkcs11, slot, choice));
  const [slot] = slots;
  if (slot === undefined) throw new CustodianError("there is no such token in any slot of the module.", { isSetup: true });
  if (slots.length > 1)
    throw new KeyError("there are several tokens of that name; name it by serial= or slot-id= in keys.store.", { isSetup: true });
  return slot;
}

function isChosen(pkcs11: Pkcs11, slot: Handle, { token, serial, slotId }: TokenChoice): boolean {
  if (slotId !== undefined) return numberOf(slot) === slotId;
  try {
    const { label, serialNumber } = pkcs11.C_GetTokenInfo(slot);
    return serial === undefined ? label.trim() === token : serialNumber.trim() === serial;
  } catch {
    // A reader whose token was just pulled is no reason to pass over the others.
    return false;
  }
}

const PIN_REFUSED = new Set(["CKR_PIN_INCORRECT", "CKR_PIN_INVALID", "CKR_PIN_LEN_RANGE", "CKR_PIN_EXPIRED", "CKR_PIN_LOCKED"]);

function logIn(pkcs11: Pkcs11, slot: Handle, session: Handle, pin: string | undefined): void {
  const { flags } = pkcs11.C_GetTokenInfo(slot);
  const has = (flag: number): boolean => (flags & flag) !== 0;
  if (!has(CKF.LOGIN_REQUIRED)) return;
  const refuse = (message: string): never => {
    throw new CustodianError(message, { isSetup: true });
  };
  if (pin === undefined) return refuse("needs a PIN: set MINTMARK_PKCS11_PIN, or pin-source=file:PATH in keys.store.");
  if (has(CKF.USER_PIN_LOCKED)) return refuse("its PIN is locked; set it anew with the token's own tool.");
  if (has(CKF.USER_PIN_FINAL_TRY))
    return refuse("one more wrong PIN would lock it, so none is tried; log in once with the token's own tool.");
  try {
    pkcs11.C_Login(session, CKU_USER, pin);
  } catch (error) {
    const answer = returnValueOf(error) ?? "";
    if (!PIN_REFUSED.has(answer)) throw error;
    throw new PinError(
      `doesn't take the PIN (${answer}). It isn't tried again, because a token locks itself after a few wrong ones: ` +
        "correct the file of pin-source, or MINTMARK_PKCS11_PIN and start again.",
      { isSetup: true },
    );
  }
}
