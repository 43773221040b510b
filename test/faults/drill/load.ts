/** The model clients of a drill, at work until they are stopped. */

import { streamOf } from "../../../scripts/figures/support/random.ts";
import type { Actor } from "../clients/actor.ts";
import { Calls } from "../clients/calls.ts";
import type { World } from "../clients/calls.ts";
import type { Ledger } from "../clients/ledger.ts";
import { owner, passwordUser, tabs } from "../clients/owner.ts";
import { PASSWORD } from "../clients/parties.ts";
import { revoker } from "../clients/revoker.ts";
import { robbed } from "../clients/thief.ts";
import type { Rules } from "../history/lines.ts";
import type { Crowd } from "./options.ts";

export interface LoadOptions {
  readonly world: World;
  readonly ledger: Ledger;
  readonly rules: Rules;
  readonly crowd: Crowd;
  readonly seed: number;
  /** Before the name of each client. */
  readonly prefix?: string;
  /** Names of the accounts, one for each client with a password. */
  readonly accounts: readonly string[];
}

export class Load {
  readonly #stop = new AbortController();
  readonly #working: Promise<unknown>;

  constructor(options: LoadOptions) {
    this.#working = Promise.all(begin(options, this.#stop.signal));
    // Told by `stop`.
    this.#working.catch(() => undefined);
  }

  /** Lets every client finish what it has begun. Rejects where one of them broke. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#working;
  }
}

function begin({ world, ledger, rules, crowd, seed, prefix = "", accounts }: LoadOptions, stop: AbortSignal): readonly Promise<void>[] {
  const many = (name: string, count: number, work: (actor: Actor, index: number) => Promise<void>): readonly Promise<void>[] =>
    Array.from({ length: count }, (_, index) => {
      const client = `${prefix}${name}-${index}`;
      const draw = streamOf(seed, client);
      const calls = new Calls(world, client, draw);
      const actor = { name: client, draw, calls, ledger, time: world.recorder, rules, thinkMillis: crowd.thinkMillis, stop };
      return work(actor, index);
    });
  const clientOf = (index: number) => (index % 2 === 0 ? "backend" : "app");
  return [
    ...many("owner", crowd.owners, (actor, index) => owner(actor, clientOf(index), false)),
    ...many("lossy", crowd.lossy, (actor, index) => owner(actor, clientOf(index), true)),
    ...many("browser", crowd.browsers.length, (actor, index) => tabs(actor, crowd.browsers[index] ?? 0)),
    ...many("robbed", crowd.robbed, (actor) => robbed(actor, world.recorder)),
    ...many("revoker", crowd.revokers, (actor, index) => revoker(actor, clientOf(index), world.issuer)),
    ...many("password", crowd.passwordUsers, (actor, index) => passwordUser(actor, accounts[index] ?? "", PASSWORD)),
  ];
}
