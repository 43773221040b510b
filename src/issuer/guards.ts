/** What commands look at first: by a wrong clock they end nothing, or everything for a year to come; in a wrong store, nothing at all. */

import type { KeyRing } from "./key-ring.ts";
import { UnavailableError } from "./types.ts";

/** Looks at both clocks. Throws `UnavailableError` where this one differs from the store's by more than the clock skew. */
export async function clockAgreed(keyRing: KeyRing): Promise<void> {
  await keyRing.reload();
  if (!keyRing.clockAgrees) throw new UnavailableError("this machine's clock differs from the store's: set it right first");
}

const UNMARKED =
  "no server has started on this store, or it was emptied: see that store names the one that the servers use; " +
  "then start a server, or, if it was emptied, run: mintmark doctor --accept-empty-store";

/** Looks also whether the store is one that a server has started on. Throws `UnavailableError` where it is not. */
export async function storeAgreed(keyRing: KeyRing): Promise<void> {
  await clockAgreed(keyRing);
  if (!keyRing.isMarked) throw new UnavailableError(UNMARKED);
}
