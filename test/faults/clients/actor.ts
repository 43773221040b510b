/** What every model client has, and the two things that most of them do: log in, and exchange a token until it is answered. */

import type { Call } from "../../../scripts/figures/support/http.ts";
import { between } from "../../../scripts/figures/support/random.ts";
import type { Draw } from "../../../scripts/figures/support/random.ts";
import { pause } from "../../../scripts/figures/support/wait.ts";
import type { Rules } from "../history/lines.ts";
import type { AwayTime } from "../history/recorder.ts";
import type { Calls } from "./calls.ts";
import { newExchangeKey } from "./calls.ts";
import type { Ledger } from "./ledger.ts";
import type { ClientId, ClientSession } from "./session.ts";

const BACK_OFF_MILLIS = { from: 100, to: 400 };
/** After the load has ended an exchange may still go on for so long. */
const PATIENCE_MILLIS = 30_000;

export interface Actor {
  readonly name: string;
  readonly draw: Draw;
  readonly calls: Calls;
  readonly ledger: Ledger;
  readonly time: AwayTime & { now(): number };
  readonly rules: Rules;
  /** Between two exchanges, on average. */
  readonly thinkMillis: number;
  /** The load ends. */
  readonly stop: AbortSignal;
}

export function think({ draw, thinkMillis }: Actor): Promise<void> {
  return pause(between(draw, thinkMillis >> 1, thinkMillis + (thinkMillis >> 1)));
}

export function backOff({ draw }: Actor): Promise<void> {
  return pause(between(draw, BACK_OFF_MILLIS.from, BACK_OFF_MILLIS.to));
}

/** Until it is granted; undefined where the load ends first. */
export async function logIn(actor: Actor, clientId: ClientId, person = actor.name): Promise<ClientSession | undefined> {
  while (!actor.stop.aborted) {
    const { session, assertion } = await actor.calls.logIn(clientId, person);
    if (session !== undefined) {
      actor.ledger.add(session, { clientId, text: assertion });
      return session;
    }
    await backOff(actor);
  }
  return undefined;
}

export interface ExchangeOptions {
  /** With an Idempotency-Key of its own. */
  readonly isKeyed: boolean;
  /** What happens to the first answer. */
  readonly lose?: Call["lose"] | undefined;
  /** Asked for instead of the API. */
  readonly resource?: string;
}

/** One exchange of the current token, carried through. True: the session lives; false: it is over, or nobody answers any more. */
export async function exchange(actor: Actor, session: ClientSession, { isKeyed, lose, resource }: ExchangeOptions): Promise<boolean> {
  const exchangeKey = isKeyed ? newExchangeKey() : undefined;
  const wanted = { exchangeKey, ...(resource === undefined ? {} : { resource }) };
  const deadline = patience(actor);
  for (let attempt = 0; !deadline(); attempt += 1) {
    const { outcome, token, accessToken } = await actor.calls.refresh(
      session,
      session.current,
      attempt === 0 ? { ...wanted, lose } : wanted,
    );
    if (token !== undefined && accessToken !== undefined) {
      session.take(token, accessToken, exchangeKey);
      return true;
    }
    if (outcome === "refused") {
      session.isOver = true;
      return false;
    }
    await backOff(actor);
  }
  return false;
}

/** True when the load has been over for longer than anybody waits. */
export function patience({ stop, time }: Actor): () => boolean {
  let until = Infinity;
  return () => {
    if (stop.aborted && until === Infinity) until = time.now() + PATIENCE_MILLIS;
    return time.now() > until;
  };
}
