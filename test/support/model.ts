/**
 * What must be true of sessions, whatever happens to store, clocks and clients: the invariants I1 to I5 and I9. The model
 * knows of each session which generation is current, when each one before was superseded and whether it is over; it
 * is told what reached the store, never what the issuer thinks.
 */

export interface Timing {
  readonly retryWindowMillis: number;
  readonly keyedRetryWindowMillis: number;
  readonly idleLifetimeMillis: number;
  readonly absoluteLifetimeMillis: number;
}

/** No two clocks differ by more. */
export const CLOCKS_DIFFER_MILLIS = 5_000;

interface Interval {
  readonly from: number;
  readonly to: number;
}

/** What the store holds of a session. */
interface Stored {
  readonly current: number;
  /** When the current generation began. */
  readonly since: number;
  readonly exchangeKey: string | undefined;
  readonly superseded: ReadonlyMap<number, number>;
  readonly isOver: boolean;
}

export type Verdict = "rotate" | "retry" | "retry or replay" | "replay" | "refuse";

export class ModelSession {
  readonly timing: Timing;
  readonly sid: string;
  readonly user: number;
  readonly clientId: string;
  readonly #createdAt: number;
  /** By generation; a token that was made and never answered is not there. */
  readonly tokens = new Map<number, string>();
  stored: Stored;
  /** The ends log has its end. */
  isLogged = false;
  /** The store went back to before its login. */
  isLost = false;
  /** Someone else has used a copy of one of its tokens. */
  isStolen = false;

  constructor(user: number, clientId: string, timing: Timing, sid: string, token: string, now: number) {
    this.user = user;
    this.clientId = clientId;
    this.timing = timing;
    this.sid = sid;
    this.#createdAt = now;
    this.tokens.set(1, token);
    this.stored = { current: 1, since: now, exchangeKey: undefined, superseded: new Map(), isOver: false };
  }

  get isOver(): boolean {
    return this.stored.isOver || this.isLost;
  }

  get expiresAt(): number {
    const { idleLifetimeMillis, absoluteLifetimeMillis } = this.timing;
    return Math.min(this.#createdAt + absoluteLifetimeMillis, this.stored.since + idleLifetimeMillis);
  }

  /** So close to its end that the clocks decide. */
  isAtItsEnd(now: number): boolean {
    return Math.abs(now - this.expiresAt) <= 2 * CLOCKS_DIFFER_MILLIS;
  }

  isExpired(now: number): boolean {
    return now >= this.expiresAt;
  }

  rotated(generation: number, now: number, exchangeKey: string | undefined): void {
    const { current, superseded, isOver } = this.stored;
    const next = new Map(superseded);
    // Only a heal skips generations.
    for (let each = Math.min(current, generation); each <= generation; each += 1) next.set(each, now);
    this.stored = { current: generation + 1, since: now, exchangeKey, superseded: next, isOver };
  }

  end(): void {
    this.stored = { ...this.stored, isOver: true };
    this.isLogged = true;
  }
}

export class Model {
  readonly #clockSkewMillis: number;
  readonly sessions: ModelSession[] = [];
  #downs: Interval[] = [];
  /** Outages that every process has seen from start to end. */
  #rememberedDowns: Interval[] = [];
  #checkpoint: ReadonlyMap<ModelSession, Stored> | undefined;

  constructor(clockSkewMillis: number) {
    this.#clockSkewMillis = clockSkewMillis;
  }

  down(from: number, to: number): void {
    this.#downs.push({ from, to });
    this.#rememberedDowns.push({ from, to });
  }

  /** A process that starts has not seen what was before, and asserts every end that is logged. */
  restarted(): void {
    this.#rememberedDowns = [];
    this.assertEnds();
  }

  assertEnds(): void {
    for (const session of this.sessions) if (session.isLogged && !session.isLost) session.end();
  }

  checkpoint(): void {
    this.#checkpoint = new Map(this.sessions.map((session) => [session, session.stored]));
  }

  rollBack(): void {
    for (const session of this.sessions) {
      const stored = this.#checkpoint?.get(session);
      if (stored === undefined) session.isLost = true;
      else session.stored = stored;
    }
    this.assertEnds();
  }

  /** What presenting a generation of a session must lead to. */
  verdict(session: ModelSession, generation: number, exchangeKey: string | undefined, now: number): Verdict {
    const { stored, timing } = session;
    if (session.isOver || session.isExpired(now)) return "refuse";
    if (generation >= stored.current) return "rotate";
    const at = stored.superseded.get(generation) ?? Number.NEGATIVE_INFINITY;
    const isKeyed = generation === stored.current - 1 && exchangeKey !== undefined && exchangeKey === stored.exchangeKey;
    const window = Math.max(timing.retryWindowMillis, isKeyed ? timing.keyedRetryWindowMillis : 0);
    if (window === 0) return "replay";
    if (age(at, now, this.#rememberedDowns) <= window) return "retry";
    // What several rotations in one window are remembered by is coarser by a quarter of it.
    const slack = this.#clockSkewMillis + 2 * CLOCKS_DIFFER_MILLIS + (window + this.#clockSkewMillis) / 4;
    return age(at, now, this.#downs) <= window + slack ? "retry or replay" : "replay";
  }
}

function age(at: number, now: number, downs: readonly Interval[]): number {
  return now - at - downs.reduce((sum, { from, to }) => sum + Math.max(0, Math.min(to, now) - Math.max(from, at)), 0);
}
