import { SESSIONS_SCOPE } from "../domain/policy.ts";
import type { Place } from "./place.ts";

/** The scope of the issuer's own resource belongs to no other. */
export function noteReserved(scopes: readonly (string | undefined)[] | undefined, place: Place): void {
  const index = scopes?.indexOf(SESSIONS_SCOPE) ?? -1;
  if (index >= 0) place.item(index).fault(`the scope ${SESSIONS_SCOPE} is reserved: a client has it by sessions: true`);
}
