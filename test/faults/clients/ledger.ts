/** The sessions that clients have had: what is probed when the load is over. */

import type { ClientId, ClientSession } from "./session.ts";

const KEPT_OVER = 300;
const KEPT_ASSERTIONS = 200;

export interface UsedAssertion {
  readonly clientId: ClientId;
  readonly text: string;
}

export class Ledger {
  readonly #sessions = new Set<ClientSession>();
  readonly #assertions: UsedAssertion[] = [];

  add(session: ClientSession, used?: UsedAssertion): void {
    this.#sessions.add(session);
    if (used !== undefined) this.#assertions.push(used);
    if (this.#assertions.length > KEPT_ASSERTIONS) this.#assertions.shift();
    const over = this.over;
    for (const old of over.slice(0, Math.max(0, over.length - KEPT_OVER))) this.#sessions.delete(old);
  }

  /** The oldest first. */
  get sessions(): readonly ClientSession[] {
    return [...this.#sessions];
  }

  get over(): readonly ClientSession[] {
    return this.sessions.filter(({ isOver }) => isOver);
  }

  /** Those of the last logins. */
  get assertions(): readonly UsedAssertion[] {
    return this.#assertions;
  }
}
