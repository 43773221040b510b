/** Clients that obey the protocol: on a good network, on a bad one, and many tabs over one token store. */

import { between } from "../../../scripts/figures/support/random.ts";
import { exchange, logIn, patience, backOff, think } from "./actor.ts";
import type { Actor } from "./actor.ts";
import type { ClientId, ClientSession } from "./session.ts";

const LOST_EVERY = 5;

/** `isLossy`: every fifth answer is lost, on the way there or back. */
export async function owner(actor: Actor, clientId: ClientId, isLossy: boolean): Promise<void> {
  let session = await logIn(actor, clientId);
  for (let exchanges = 1; session !== undefined && !actor.stop.aborted; exchanges += 1) {
    await think(actor);
    const isLost = isLossy && exchanges % LOST_EVERY === 0;
    const lose = isLost ? (actor.draw(2) === 0 ? "sent" : "answered") : undefined;
    const isAlive = await exchange(actor, session, { isKeyed: actor.draw(2) === 0, lose });
    if (!isAlive) session = await logIn(actor, clientId);
  }
}

/** Tabs of one browser: each takes the token that is stored at the moment, and the last answer is stored. */
export async function tabs(actor: Actor, count: number): Promise<void> {
  const session = await logIn(actor, "app");
  if (session === undefined) return;
  await Promise.all(Array.from({ length: count }, () => tab(actor, session)));
}

async function tab(actor: Actor, session: ClientSession): Promise<void> {
  const isLate = patience(actor);
  while (!actor.stop.aborted && !session.isOver) {
    // Now and then all wake up at once.
    if (actor.draw(4) > 0) await think(actor);
    await present(actor, session, isLate);
  }
}

async function present(actor: Actor, session: ClientSession, isLate: () => boolean): Promise<void> {
  while (!isLate() && !session.isOver) {
    const presented = session.current;
    const { outcome, token, accessToken } = await actor.calls.refresh(session, presented);
    if (token !== undefined && accessToken !== undefined) return session.take(token, accessToken, undefined);
    if (outcome === "refused") session.isOver = true;
    else await backOff(actor);
  }
}

/** Logs in with a password, works a little, and leaves. */
export async function passwordUser(actor: Actor, username: string, password: string): Promise<void> {
  while (!actor.stop.aborted) {
    const session = await actor.calls.logInWithPassword(username, password);
    if (session === undefined) {
      await backOff(actor);
      continue;
    }
    actor.ledger.add(session);
    for (let left = between(actor.draw, 5, 20); left > 0 && !session.isOver && !actor.stop.aborted; left -= 1) {
      await think(actor);
      await exchange(actor, session, { isKeyed: false });
    }
  }
}
