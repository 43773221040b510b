/** Which kids were in every JWK Set that was served, and since when. */

export class Published {
  /** When a JWK Set without the kid was last served; never for those of the first one. */
  readonly #lackedAt = new Map<string, number>();
  #lastServedAt = -Infinity;

  served(kids: readonly string[], now: number): void {
    for (const kid of kids) if (!this.#lackedAt.has(kid)) this.#lackedAt.set(kid, this.#lastServedAt);
    for (const kid of this.#lackedAt.keys()) if (!kids.includes(kid)) this.#lackedAt.set(kid, now);
    this.#lastServedAt = now;
  }

  /** For how long each JWK Set had the kid; milliseconds, 0 for one that nobody has seen. */
  sinceMillis(kid: string, now: number): number {
    return now - (this.#lackedAt.get(kid) ?? now);
  }
}
