/** One login of one subject on one device, and what happens when one of its refresh tokens is presented. */

import { sameBytes } from "./bytes.ts";
import type { Bytes } from "./ports.ts";
import { MAX_GENERATION } from "./refresh-token.ts";

export interface GrantedResource {
  readonly id: string;
  readonly scopes: readonly string[];
}

/** All generations up to `generation` (and after the previous checkpoint's) were superseded at `at` at the latest. */
export interface Checkpoint {
  readonly generation: number;
  readonly at: number;
}

export interface Session {
  /** base64url of 16 bytes. */
  readonly sid: string;
  readonly clientId: string;
  /** The login: `auth_time`. */
  readonly createdAt: number;
  /** Set once at login; rotation never moves it. */
  readonly absoluteEndAt: number;
  /** The current generation; the first is 1. */
  readonly generation: number;
  /** When the current generation began, which is when the one before it was superseded; without rotation, when it was last used. */
  readonly generationAt: number;
  /** The MAC key that was active then: a retry spells the same token. */
  readonly macVersion: number;
  /** 16 bytes: digest of the Idempotency-Key of the exchange that began the current generation. */
  readonly exchangeKey?: Bytes | undefined;
  /** No generation under this one was current within the retry window at the last rotation. */
  readonly oldestInWindow: number;
  /** When generations from `oldestInWindow` to the last but one were superseded; ascending. */
  readonly checkpoints: readonly Checkpoint[];
  readonly userAgent: string;
  readonly resources: readonly GrantedResource[];
  /** The account's claims as copied at login: a JSON object's text. */
  readonly claims?: string | undefined;
}

export interface Interval {
  readonly from: number;
  readonly to: number;
}

export interface PresentPolicy {
  /** False: the token stays the same, there are no generations and no window. */
  readonly rotates: boolean;
  /** 0: no retry without a key. */
  readonly retryWindowMillis: number;
  /** 0: no keyed retry. */
  readonly keyedRetryWindowMillis: number;
  readonly idleLifetimeMillis: number;
  readonly clockSkewMillis: number;
  readonly heal: boolean;
}

export interface Presentation {
  readonly clientId: string;
  readonly generation: number;
  readonly exchangeKey?: Bytes | undefined;
}

export interface PresentContext {
  readonly now: number;
  /** When the token came, if that was before now: no window counts the time it waited for its turn here. */
  readonly presentedAt?: number;
  /** The active MAC key's version: what a new generation is spelled with. */
  readonly macVersion: number;
  /** When this issuer could not reach the store: time that no window counts. */
  readonly downtime: readonly Interval[];
}

export type Presented =
  | { readonly outcome: "rotated" | "healed" | "kept"; readonly session: Session }
  | { readonly outcome: "retried"; readonly session: Session }
  | { readonly outcome: "unknown" | "client_mismatch" | "expired" | "replayed" };

/**
 * What presenting a refresh token (its MAC already checked) of a living session means. The order is the design's:
 * the first row that fits decides. RFC 9700 §4.14.2 for `replayed`.
 */
export function present(
  session: Session | undefined,
  presentation: Presentation,
  policy: PresentPolicy,
  context: PresentContext,
): Presented {
  if (session === undefined) return { outcome: "unknown" };
  if (session.clientId !== presentation.clientId) return { outcome: "client_mismatch" };
  if (context.now >= sessionEndsAt(session, policy.idleLifetimeMillis)) return { outcome: "expired" };
  const { generation } = presentation;
  if (generation === session.generation) {
    if (!policy.rotates) return { outcome: "kept", session: touch(session, context) };
    return { outcome: "rotated", session: advance(session, presentation, policy, context) };
  }
  if (isRetry(session, presentation, policy, context)) return { outcome: "retried", session };
  if (generation > session.generation && policy.heal) {
    const healed = policy.rotates ? advance(session, presentation, policy, context) : touch({ ...session, generation }, context);
    return { outcome: "healed", session: healed };
  }
  return { outcome: "replayed" };
}

/** The earlier of the idle and the absolute end. */
export function sessionEndsAt(session: Session, idleLifetimeMillis: number): number {
  return Math.min(session.absoluteEndAt, session.generationAt + idleLifetimeMillis);
}

/** All scopes of all its resources (RFC 6749 §3.3). */
export function scopeOf(session: Session): string {
  return [...new Set(session.resources.flatMap(({ scopes }) => scopes))].join(" ");
}

function isRetry(session: Session, presentation: Presentation, policy: PresentPolicy, context: PresentContext): boolean {
  const { generation, exchangeKey } = presentation;
  const at = supersededAt(session, generation);
  if (at === undefined) return false;
  const age = countedAge(at, { ...context, now: context.presentedAt ?? context.now });
  if (age <= windowOf(policy.retryWindowMillis, policy)) return true;
  // That the successor was never used is the same as that it is current: its first use would have moved on.
  if (generation !== session.generation - 1) return false;
  if (exchangeKey === undefined || session.exchangeKey === undefined) return false;
  return sameBytes(exchangeKey, session.exchangeKey) && age <= windowOf(policy.keyedRetryWindowMillis, policy);
}

/** When a generation stopped being current, or undefined where it is not known to have done so within the window. */
function supersededAt(session: Session, generation: number): number | undefined {
  if (generation >= session.generation || generation < session.oldestInWindow) return undefined;
  if (generation === session.generation - 1) return session.generationAt;
  return session.checkpoints.find((checkpoint) => checkpoint.generation >= generation)?.at;
}

/** The session after the presented generation, which may be newer than the stored one (a healed store), was rotated. */
function advance(session: Session, presentation: Presentation, policy: PresentPolicy, context: PresentContext): Session {
  const { generation, exchangeKey } = presentation;
  if (generation >= MAX_GENERATION) throw new RangeError("a session has no more generations");
  const window = windowOf(policy.retryWindowMillis, policy);
  const superseded = [{ generation: session.generation - 1, at: session.generationAt }];
  // After a roll-back nobody knows when the lost generations were superseded: as late as possible logs nobody out.
  if (generation > session.generation) superseded.push({ generation: generation - 1, at: context.now });
  const known = superseded
    .filter((checkpoint) => checkpoint.generation >= session.oldestInWindow)
    .reduce((checkpoints: readonly Checkpoint[], next) => thinned(checkpoints, next, window, context), session.checkpoints);
  const gone = known.findLast((checkpoint) => countedAge(checkpoint.at, context) > window);
  return {
    ...session,
    generation: generation + 1,
    generationAt: context.now,
    macVersion: context.macVersion,
    exchangeKey,
    oldestInWindow: gone === undefined ? session.oldestInWindow : gone.generation + 1,
    checkpoints: gone === undefined ? known : known.slice(known.indexOf(gone) + 1),
  };
}

/** The same generation, used now: its idle lifetime begins anew, and of no older one is it known any more when it was superseded. */
function touch(session: Session, { now }: PresentContext): Session {
  return { ...session, generationAt: now, exchangeKey: undefined, oldestInWindow: session.generation, checkpoints: [] };
}

const CHECKPOINTS_PER_WINDOW = 4;

/**
 * Adds a checkpoint; those closer than a quarter of the window become one, so that their number is bounded. Close in time that
 * counts, as the window is: outages would otherwise keep any number of them apart, and in the window.
 */
function thinned(checkpoints: readonly Checkpoint[], next: Checkpoint, window: number, context: PresentContext): readonly Checkpoint[] {
  const beforeLast = checkpoints.at(-2);
  if (beforeLast === undefined) return [...checkpoints, next];
  const apart = countedAge(beforeLast.at, context) - countedAge(next.at, context);
  if (apart >= window / CHECKPOINTS_PER_WINDOW) return [...checkpoints, next];
  return [...checkpoints.slice(0, -1), next];
}

/** A window of 0 is off; any other is lengthened by the clock skew. */
function windowOf(millis: number, policy: PresentPolicy): number {
  return millis === 0 ? -1 : millis + policy.clockSkewMillis;
}

/** Time since `at` that counts: never negative, without the time the store was out of reach. */
function countedAge(at: number, context: PresentContext): number {
  let counted = context.now - at;
  if (context.downtime.length === 0) return Math.max(0, counted);
  let end = at;
  // Gaps found in two ways may overlap: no moment is taken off twice.
  for (const { from, to } of context.downtime.toSorted((a, b) => a.from - b.from)) {
    const start = Math.max(from, end);
    end = Math.max(end, Math.min(to, context.now));
    counted -= Math.max(0, end - start);
  }
  return Math.max(0, counted);
}
