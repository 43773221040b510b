/** What is taken for the name of a key. */

/** A kid may name a file: nothing but these characters gets any further. The fault, or undefined. */
export function checkKid(kid: string): string | undefined {
  return /^[A-Za-z0-9_-]{1,128}$/.test(kid) ? undefined : "a KID has 1 to 128 characters of A-Za-z0-9_- (see: mintmark keys list)";
}
