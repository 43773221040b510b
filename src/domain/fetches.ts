/** Who has fetched the JWK Set: a bounded table of verifiers, as far as a request shows who sent it. */

const DAY_MILLIS = 86_400_000;

/** One GET that was answered with the set, or with word that the set it holds is still the one. */
export interface JwksFetch {
  readonly address: string;
  readonly userAgent: string | undefined;
  /** Of the ring that the set was made from. */
  readonly ringVersion: number;
  /** It named the ETag of that set: it held it already. */
  readonly isUnchanged: boolean;
}

/** All processes that fetch from one address under one User-Agent. Times are milliseconds since the epoch. */
export interface Verifier {
  readonly address: string;
  /** At most 128 characters of printable ASCII; empty where none was sent. */
  readonly userAgent: string;
  /** The highest version of the ring whose JWK Set it was given. */
  readonly version: number;
  readonly firstSeenAt: number;
  readonly lastFetchedAt: number;
  readonly count: number;
  /** How many of them it held the set already. */
  readonly unchanged: number;
}

/** So many are remembered, and no more. */
export const VERIFIERS_MAX = 500;

/** So long after its last fetch a verifier is forgotten, and its address with it. */
export const VERIFIER_KEPT_MILLIS = 30 * DAY_MILLIS;

/** One that has not fetched for so long has most likely gone: no verifier we know of that fetches by the clock waits longer. */
export const QUIET_AFTER_MILLIS = DAY_MILLIS;

const USER_AGENT_MAX = 128;

/** A User-Agent as it is remembered. */
export function agentText(header: string | undefined): string {
  return (header ?? "").slice(0, USER_AGENT_MAX).replaceAll(/[^\x20-\x7e]/g, "");
}

/** What tells verifiers apart. No address has a line break. */
export function verifierKey({ address, userAgent }: Pick<Verifier, "address" | "userAgent">): string {
  return `${address}\n${userAgent}`;
}

export function verifierOf({ address, userAgent, ringVersion, isUnchanged }: JwksFetch, now: number): Verifier {
  return {
    address,
    userAgent: agentText(userAgent),
    version: ringVersion,
    firstSeenAt: now,
    lastFetchedAt: now,
    count: 1,
    unchanged: isUnchanged ? 1 : 0,
  };
}

/** What is known of one verifier from two places that have each counted fetches of their own. */
export function mergedVerifier(a: Verifier, b: Verifier): Verifier {
  return {
    address: a.address,
    userAgent: a.userAgent,
    version: Math.max(a.version, b.version),
    firstSeenAt: Math.min(a.firstSeenAt, b.firstSeenAt),
    lastFetchedAt: Math.max(a.lastFetchedAt, b.lastFetchedAt),
    count: a.count + b.count,
    unchanged: a.unchanged + b.unchanged,
  };
}

/** All of both, in whichever order they come. */
export function mergedVerifiers(a: readonly Verifier[], b: readonly Verifier[]): readonly Verifier[] {
  const all = new Map<string, Verifier>();
  for (const verifier of [...a, ...b]) {
    const key = verifierKey(verifier);
    const known = all.get(key);
    all.set(key, known === undefined ? verifier : mergedVerifier(known, verifier));
  }
  return [...all.values()];
}

/**
 * Those that are worth remembering. Where there are too many, the ones that have gone quiet give way, then those that were
 * seen over the shortest time: whoever comes under ever new names has never been here long, however often he comes.
 */
export function keptVerifiers(verifiers: readonly Verifier[], now: number): readonly Verifier[] {
  const living = verifiers
    .map((verifier) => notAhead(verifier, now))
    .filter(({ lastFetchedAt }) => lastFetchedAt > now - VERIFIER_KEPT_MILLIS);
  if (living.length <= VERIFIERS_MAX) return living;
  return living.toSorted((a, b) => compareStanding(a, b, now)).slice(0, VERIFIERS_MAX);
}

/** A clock that ran ahead must not keep a verifier here longer than the others. */
function notAhead(verifier: Verifier, now: number): Verifier {
  if (verifier.lastFetchedAt <= now) return verifier;
  return { ...verifier, firstSeenAt: Math.min(verifier.firstSeenAt, now), lastFetchedAt: now };
}

/** The better first; which of two equals that is depends on nothing but themselves. */
function compareStanding(a: Verifier, b: Verifier, now: number): number {
  return (
    Number(isQuiet(a, now)) - Number(isQuiet(b, now)) ||
    spanOf(b) - spanOf(a) ||
    b.count - a.count ||
    b.lastFetchedAt - a.lastFetchedAt ||
    (verifierKey(a) < verifierKey(b) ? -1 : 1)
  );
}

function spanOf({ firstSeenAt, lastFetchedAt }: Verifier): number {
  return lastFetchedAt - firstSeenAt;
}

/** Whether it has not fetched for so long that nobody need wait for it. */
export function isQuiet({ lastFetchedAt }: Verifier, now: number, afterMillis: number = QUIET_AFTER_MILLIS): boolean {
  return now - lastFetchedAt > afterMillis;
}
