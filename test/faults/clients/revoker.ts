/** Ends its session in one way or another, insists until that is acknowledged, and then tries whether anything still lives. */

import { between, pick } from "../../../scripts/figures/support/random.ts";
import { backOff, exchange, logIn, patience, think } from "./actor.ts";
import type { Actor } from "./actor.ts";
import type { Result } from "./calls.ts";
import type { ClientId, ClientSession } from "./session.ts";

const WAYS = ["revoke refresh token", "revoke access token", "log out", "end session", "end sessions"] as const;
/** Of sessions that are over: each time another one. */
const PROBES = 3;

export async function revoker(actor: Actor, clientId: ClientId, issuer: string): Promise<void> {
  const over: ClientSession[] = [];
  while (!actor.stop.aborted) {
    const session = await logIn(actor, clientId);
    if (session === undefined) return;
    for (let left = between(actor.draw, 1, 3); left > 0 && !session.isOver; left -= 1) {
      await think(actor);
      await exchange(actor, session, { isKeyed: actor.draw(2) === 0 });
    }
    if (session.isOver) continue;
    await end(actor, session, issuer);
    over.push(session);
    for (let probe = 0; probe < PROBES; probe += 1) await tryAgain(actor, pick(actor.draw, over));
  }
}

async function end(actor: Actor, session: ClientSession, issuer: string): Promise<void> {
  const way = pick(actor.draw, WAYS);
  // The access token for the issuer itself.
  if (way.startsWith("end") && !(await exchange(actor, session, { isKeyed: false, resource: issuer }))) return;
  session.isOver = true;
  const isLate = patience(actor);
  const ask = (): Promise<Result> => {
    const { calls } = actor;
    if (way === "log out") return calls.logOut(session);
    if (way === "end session") return calls.endSession(session, session.accessToken);
    if (way === "end sessions") return calls.endSessions(session, session.accessToken);
    return calls.revoke(session, way === "revoke access token" ? session.accessToken : session.current.text);
  };
  while (!isLate()) {
    const { outcome } = await ask();
    if (outcome === "ok") return;
    // Where an end that nobody confirmed was one, its own access token is good for nothing any more: then only this one can tell.
    if (outcome === "refused") return acknowledge(actor, session, isLate);
    await backOff(actor);
  }
}

async function acknowledge(actor: Actor, session: ClientSession, isLate: () => boolean): Promise<void> {
  while (!isLate()) {
    const { outcome } = await actor.calls.revoke(session, session.current.text);
    if (outcome !== "unknown") return;
    await backOff(actor);
  }
}

async function tryAgain(actor: Actor, session: ClientSession): Promise<void> {
  const calls = actor.calls.as("prober");
  await think(actor);
  await calls.refresh(session, pick(actor.draw, session.known));
  await calls.introspectAccessToken(session, session.accessToken);
}
