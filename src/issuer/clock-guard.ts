/** What a wrong clock must not do: end nothing, or everything for a year to come. */

import type { KeyRing } from "./key-ring.ts";
import { UnavailableError } from "./types.ts";

/** Looks at both clocks. Throws `UnavailableError` where this one differs from the store's by more than the clock skew. */
export async function clockAgreed(keyRing: KeyRing): Promise<void> {
  await keyRing.reload();
  if (!keyRing.clockAgrees) throw new UnavailableError("this machine's clock differs from the store's: set it right first");
}
