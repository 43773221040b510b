/** What a password and a user name may be. Both are compared in Unicode's composed form (NFC), however they were typed. */

import { utf8 } from "./bytes.ts";

const PASSWORD_MAX_BYTES = 1_024;
const USERNAME_MAX_CHARACTERS = 256;
const CONTROL_CHARACTERS = /\p{Cc}/u;

/** The form that is hashed and verified (NIST SP 800-63B-4 §3.1.1.2): `é` typed in one or in two code points is one password. */
export function normalizePassword(password: string): string {
  return password.normalize("NFC");
}

/** The form that is stored and looked up. */
export function normalizeUsername(name: string): string {
  return name.normalize("NFC");
}

/**
 * Undefined where a new password will do, else one sentence that says what it must be and never contains it. `minLength`
 * counts code points; there are no rules of composition (NIST SP 800-63B-4 §3.1.1.2).
 */
export function checkPassword(password: string, minLength: number): string | undefined {
  if (!password.isWellFormed()) return "the password is not valid Unicode";
  const normalized = normalizePassword(password);
  if (CONTROL_CHARACTERS.test(normalized)) return "the password contains control characters";
  if (codePoints(normalized) < minLength) return `the password is too short: at least ${minLength} characters (login.minPasswordLength)`;
  if (utf8(normalized).length > PASSWORD_MAX_BYTES) return `the password is too long: at most ${PASSWORD_MAX_BYTES} bytes`;
  return undefined;
}

/** Undefined where a user name will do, else one sentence that never contains it. */
export function checkUsername(name: string): string | undefined {
  if (name === "") return "the user name is empty";
  if (!name.isWellFormed()) return "the user name is not valid Unicode";
  const normalized = normalizeUsername(name);
  if (CONTROL_CHARACTERS.test(normalized)) return "the user name contains control characters";
  if (codePoints(normalized) > USERNAME_MAX_CHARACTERS) return `the user name is longer than ${USERNAME_MAX_CHARACTERS} characters`;
  return undefined;
}

function codePoints(text: string): number {
  return Array.from(text).length;
}
