/**
 * After the load, when nothing is under way: what is every token good for? The order matters, since a probe is a use. First
 * introspection, which changes nothing, says which tokens are current. Then the newest is presented, as its owner would, and
 * the older ones after it: within the window each gives the same successor, outside it ends the session.
 */

import { inLanes } from "../../../scripts/figures/support/lanes.ts";
import { pause } from "../../../scripts/figures/support/wait.ts";
import type { Calls, Result } from "../clients/calls.ts";
import type { Ledger } from "../clients/ledger.ts";
import type { ClientSession, KnownToken } from "../clients/session.ts";

const LANES = 8;
/** A store that is still a little busy is asked again. */
const ATTEMPTS = 20;
const AGAIN_MILLIS = 250;
/** Assertions live a minute; a few of the last ones can still be told from expired ones. */
const ASSERTIONS = 20;

/** `calls` are those of a prober. */
export async function probe(calls: Calls, ledger: Ledger): Promise<void> {
  const { sessions } = ledger;
  await inLanes(LANES, sessions.length, async (_, index) => {
    const session = sessions[index];
    if (session !== undefined) await probeSession(calls, session);
  });
  await presentAssertions(calls, ledger);
}

/** Each was taken once. */
export async function presentAssertions(calls: Calls, ledger: Ledger): Promise<void> {
  for (const { clientId, text } of ledger.assertions.slice(-ASSERTIONS)) await calls.presentAssertion(clientId, text);
}

async function probeSession(calls: Calls, session: ClientSession): Promise<void> {
  const known = session.known;
  if (session.clientId === "backend") for (const token of known) await insist(() => calls.introspectRefreshToken(session, token));
  await insist(() => calls.introspectAccessToken(session, session.accessToken));
  const isOwners = !session.isOver && !session.isStolen;
  // The one in the token store, which need not be the last one that was granted.
  await present(isOwners ? calls.as("owner") : calls, session, session.current);
  for (const token of known.toReversed()) if (token !== session.current) await present(calls, session, token);
}

function present(calls: Calls, session: ClientSession, token: KnownToken): Promise<void> {
  return insist(() => calls.refresh(session, token));
}

async function insist(ask: () => Promise<Result>): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if ((await ask()).outcome !== "unknown") return;
    await pause(AGAIN_MILLIS);
  }
}
