/** The policy document: what is over for everyone, or for all sessions of a client. */

import { KEYS, NEVER, notBeforeDocument } from "../domain/documents.ts";
import { laterNotBefore, NO_NOT_BEFORE } from "../domain/subject.ts";
import { type Context, REQUEST_BUDGET_MILLIS } from "./context.ts";
import { UnavailableError } from "./types.ts";

/**
 * Writes that sessions of a client, or all, that began at or before `at` are over; always, since whoever repeats it may
 * never have seen it confirmed. Throws `StoreError`.
 */
export async function writeNotBefore(context: Context, at: number, clientId: string | undefined): Promise<void> {
  const { store, clock } = context;
  const wanted = clientId === undefined ? { all: at, clients: {} } : { all: 0, clients: { [clientId]: at } };
  const deadline = clock() + REQUEST_BUDGET_MILLIS;
  for (;;) {
    const bytes = await store.get(KEYS.policy);
    const next = laterNotBefore(bytes === undefined ? NO_NOT_BEFORE : notBeforeDocument.decode(bytes), wanted);
    if (await store.compareAndSet(KEYS.policy, bytes, notBeforeDocument.encode(next), { expiresAt: NEVER, confirmed: true })) return;
    if (clock() >= deadline) throw new UnavailableError("the policy is being changed by others");
  }
}
