/** Somebody copies a refresh token and uses it outside the window: its owner and the thief are two holders. */

import { between } from "../../../scripts/figures/support/random.ts";
import { pause } from "../../../scripts/figures/support/wait.ts";
import { windowMillisOf } from "../history/lines.ts";
import type { Recorder } from "../history/recorder.ts";
import { backOff, exchange, logIn, patience, think } from "./actor.ts";
import type { Actor } from "./actor.ts";
import type { Calls } from "./calls.ts";
import type { ClientSession, KnownToken } from "./session.ts";

/** For what an issuer does not count: time that it needs to catch up after the store was away, and the way to it. */
const SPARE_MILLIS = 1_500;
const CATCH_UP_MILLIS = 5_000;

/** Robbed, found out, and robbed again. */
export async function robbed(actor: Actor, recorder: Recorder): Promise<void> {
  while (!actor.stop.aborted) {
    const session = await logIn(actor, actor.draw(2) === 0 ? "app" : "backend");
    if (session === undefined) return;
    for (let left = between(actor.draw, 1, 4); left > 0 && !session.isOver; left -= 1) {
      await think(actor);
      await exchange(actor, session, { isKeyed: actor.draw(2) === 0 });
    }
    if (session.isOver) continue;
    session.isStolen = true;
    recorder.fact({ fact: "stolen", sid: session.sid });
    if (actor.draw(2) === 0) await thiefComesLate(actor, session, session.current);
    else await thiefComesFirst(actor, session, session.current);
    session.isOver = true;
  }
}

async function thiefComesLate(actor: Actor, session: ClientSession, stolen: KnownToken): Promise<void> {
  if (!(await exchange(actor, session, { isKeyed: false }))) return;
  if (!(await goOnOutside(actor, session))) return;
  await definite(actor, actor.calls.as("thief"), session, stolen);
  await definite(actor, actor.calls, session, session.current);
}

/** The owner still has what was stolen, and the thief goes on. */
async function thiefComesFirst(actor: Actor, session: ClientSession, stolen: KnownToken): Promise<void> {
  const thief = { ...actor, calls: actor.calls.as("thief") };
  if (!(await exchange(thief, session, { isKeyed: false }))) return;
  if (!(await goOnOutside(thief, session))) return;
  await definite(actor, actor.calls, session, stolen);
  await definite(thief, thief.calls, session, session.current);
}

/** Exchanges until the window of what was current before is over, whatever time does not count. False: the load ends. */
async function goOnOutside(actor: Actor, session: ClientSession): Promise<boolean> {
  const { time, rules } = actor;
  const began = time.now();
  const isOutside = (): boolean => {
    const away = time.awaySince(began - SPARE_MILLIS);
    const uncounted = away === 0 ? 0 : away + CATCH_UP_MILLIS;
    return time.now() - began > windowMillisOf(rules) + SPARE_MILLIS + uncounted;
  };
  while (!isOutside()) {
    if (actor.stop.aborted) return false;
    if (!(await exchange(actor, session, { isKeyed: false }))) return false;
    await pause(200);
  }
  return true;
}

/** Presents it until there is an answer that decides. */
async function definite(actor: Actor, calls: Calls, session: ClientSession, token: KnownToken): Promise<void> {
  const isLate = patience(actor);
  while (!isLate()) {
    const { outcome } = await calls.refresh(session, token);
    if (outcome !== "unknown") return;
    await backOff(actor);
  }
}
