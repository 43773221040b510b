/** One verifier on trial: what it did with each token, as it was seen. */

import { partOf } from "../../test/support/client-calls.ts";
import { ALGORITHMS } from "./types.ts";
import type { Algorithm, Missing, Opened, Resource, Verdict } from "./types.ts";
import type { Tokens } from "./issuer.ts";

/** What a verifier must refuse. */
export const ALTERATIONS = ["tampered", "audience", "expired", "unknown kid"] as const;
export type Alteration = (typeof ALTERATIONS)[number];

export interface Facts {
  readonly version: string;
  readonly good: Readonly<Record<Algorithm, Verdict>>;
  /** Verdicts on altered tokens of the algorithms it verifies; empty where it was never asked. */
  readonly altered: Readonly<Record<Alteration, readonly Verdict[]>>;
  /** Good tokens while the keys rotated. `keys`: how many keys had signed them, of the algorithm with the fewest. */
  readonly rotation: { readonly keys: number; readonly presented: number; readonly refusals: readonly string[] };
  /** For how many seconds it was seen to accept a token of a revoked key; `over`: then it refused. */
  readonly revoked: { readonly seconds: number; readonly over: boolean } | undefined;
}

type Present = Exclude<Opened, Missing>;

export class Trial {
  readonly #opened: Present;
  readonly #resources: readonly Resource[];
  readonly #good = new Map<Algorithm, Verdict>();
  readonly #altered: Record<Alteration, Verdict[]> = { tampered: [], audience: [], expired: [], "unknown kid": [] };
  readonly #refusals: string[] = [];
  readonly #kids = new Map<Algorithm, Set<unknown>>();
  #presented = 0;
  #revoked: Facts["revoked"];

  constructor(opened: Present, resources: readonly Resource[]) {
    this.#opened = opened;
    this.#resources = resources;
  }

  /** The first tokens it sees. Later ones are only of the algorithms that it verified then. */
  async meet(tokens: Tokens): Promise<void> {
    for (const resource of this.#resources) this.#good.set(resource.alg, await this.#verdict(resource, tokens));
  }

  async refuse(alteration: Alteration, tokens: Tokens): Promise<void> {
    for (const resource of this.#verified()) this.#altered[alteration].push(await this.#verdict(resource, tokens));
  }

  /** Good tokens while keys rotate. */
  async goOn(tokens: Tokens): Promise<void> {
    for (const resource of this.#verified()) {
      const kids = this.#kids.get(resource.alg) ?? new Set();
      this.#kids.set(resource.alg, kids.add(partOf(tokens[resource.alg], 0)["kid"]));
      const verdict = await this.#verdict(resource, tokens);
      this.#presented += 1;
      if (!verdict.ok) this.#refusals.push(`${resource.alg}: ${verdict.why}`);
    }
  }

  /** Tokens that are good but for their key, which was revoked `seconds` ago. */
  async meetRevoked(tokens: Tokens, seconds: number): Promise<void> {
    if (this.#revoked?.over === true) return;
    const verdicts: Verdict[] = [];
    for (const resource of this.#verified()) verdicts.push(await this.#verdict(resource, tokens));
    if (verdicts.length > 0) this.#revoked = { seconds, over: verdicts.every(({ ok }) => !ok) };
  }

  facts(): Facts {
    const unseen: Verdict = { ok: false, why: "never asked" };
    return {
      version: this.#opened.version,
      good: Object.fromEntries(ALGORITHMS.map((alg) => [alg, this.#good.get(alg) ?? unseen])) as Record<Algorithm, Verdict>,
      altered: this.#altered,
      rotation: {
        keys: Math.min(...[...this.#kids.values()].map(({ size }) => size)),
        presented: this.#presented,
        refusals: this.#refusals,
      },
      revoked: this.#revoked,
    };
  }

  #verified(): readonly Resource[] {
    return this.#resources.filter(({ alg }) => this.#good.get(alg)?.ok === true);
  }

  async #verdict(resource: Resource, tokens: Tokens): Promise<Verdict> {
    try {
      return await this.#opened.verify({ ...resource, token: tokens[resource.alg] });
    } catch (error) {
      return { ok: false, why: `no answer: ${error instanceof Error ? error.message : ""}` };
    }
  }
}
