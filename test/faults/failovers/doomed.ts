/** Sessions that are revoked around a failover, each by a client that insists until it is acknowledged; and whether they stay ended. */

import { inLanes } from "../../../scripts/figures/support/lanes.ts";
import { between } from "../../../scripts/figures/support/random.ts";
import type { Draw } from "../../../scripts/figures/support/random.ts";
import { pause } from "../../../scripts/figures/support/wait.ts";
import type { Calls, Result } from "../clients/calls.ts";
import type { ClientSession } from "../clients/session.ts";

const LANES = 16;
const INSIST_MILLIS = { from: 50, to: 250 };

export class Doomed {
  readonly #calls: Calls;
  readonly #draw: Draw;
  #logins = 0;

  constructor(calls: Calls, draw: Draw) {
    this.#calls = calls;
    this.#draw = draw;
  }

  /** Each of a subject of its own. */
  async logIn(count: number): Promise<readonly ClientSession[]> {
    const sessions: ClientSession[] = [];
    await inLanes(LANES, count, async () => {
      this.#logins += 1;
      const person = `doomed-${this.#logins}`;
      let session: ClientSession | undefined;
      while (session === undefined) {
        ({ session } = await this.#calls.logIn("backend", person));
        if (session === undefined) await this.#again();
      }
      sessions.push(session);
    });
    return sessions;
  }

  /** At random moments of the time given, all of them; resolves when all are acknowledged. */
  async end(sessions: readonly ClientSession[], spanMillis: number): Promise<void> {
    await Promise.all(
      sessions.map(async (session) => {
        await pause(this.#draw(spanMillis));
        await this.#insist(() => this.#calls.revoke(session, session.current.text));
      }),
    );
  }

  /** Those of which anything still lives. */
  async alive(sessions: readonly ClientSession[]): Promise<readonly ClientSession[]> {
    const alive: ClientSession[] = [];
    await inLanes(LANES, sessions.length, async (_, piece) => {
      const session = sessions[piece];
      if (session === undefined) return;
      const refreshed = await this.#insist(() => this.#calls.refresh(session, session.current));
      const { active } = await this.#insist(() => this.#calls.introspectAccessToken(session, session.accessToken));
      if (refreshed.outcome === "ok" || active === true) alive.push(session);
    });
    return alive;
  }

  async #insist(ask: () => Promise<Result>): Promise<Result> {
    for (;;) {
      const result = await ask();
      if (result.outcome !== "unknown") return result;
      await this.#again();
    }
  }

  #again(): Promise<void> {
    return pause(between(this.#draw, INSIST_MILLIS.from, INSIST_MILLIS.to));
  }
}
