/** The key ring: keys and their timestamps. A key's state is a function of these and the clock. */

/** What a configuration asks for. */
export type SigningAlgorithm = "ES256" | "EdDSA";

/** An `alg` header. A key has one for life (RFC 8725bis §3.1), so an Ed25519 key goes by one of its two names (RFC 9864). */
export type JwsAlgorithm = "ES256" | "EdDSA" | "Ed25519";

/** HS256 keys make the MAC of refresh tokens and are never published. */
export type KeyAlgorithm = JwsAlgorithm | "HS256";

export type JwkPublic =
  | { readonly kty: "EC"; readonly crv: "P-256"; readonly x: string; readonly y: string }
  | { readonly kty: "OKP"; readonly crv: "Ed25519"; readonly x: string };

export type KeyState = "staged" | "active" | "retiring" | "retired" | "revoked";

export interface RingKey {
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  readonly algorithm: KeyAlgorithm;
  readonly publicJwk?: JwkPublic;
  /** HS256 only: the first byte of the refresh tokens made with it. */
  readonly macVersion?: number;
  /** Where the private part is: a URI, e.g. `file:<kid>`. */
  readonly custody: string;
  /** The private part itself where the ring keeps it: compact JWE under the key-encryption key. */
  readonly sealed?: string;
  /** Its private part was there before it was taken in, and is not ours to erase. */
  readonly isForeign?: true;
  /** The first version of the ring that names it; absent in rings of before this was noted. */
  readonly since?: number;
  readonly publishedAt: number;
  /** When it starts to sign; absent while nobody has planned it. */
  readonly activeAt?: number;
  readonly revokedAt?: number;
  /** When the private part was erased; absent for key files, which every machine erases for itself. */
  readonly erasedAt?: number;
  /** The longest lifetime (milliseconds) ever signed under it; never falls. */
  readonly longestLifetimeMillis: number;
}

export interface Ring {
  /** Only rises. */
  readonly version: number;
  readonly keys: readonly RingKey[];
  /** Which key-encryption key the sealed parts are under: tells one from another and nothing else. Absent where none is. */
  readonly encryptionKeyCheck?: string;
}

/** What the times of the ring are computed with; milliseconds. */
export interface RingPolicy {
  /** HS256 included. */
  readonly algorithms: readonly KeyAlgorithm[];
  readonly stageForMillis: number;
  /** Undefined: nothing rotates by itself. */
  readonly rotateEveryMillis: number | undefined;
  readonly jwksMaxAgeMillis: number;
  readonly clockSkewMillis: number;
  /** The longest lifetime that may be signed under a key of this algorithm. */
  readonly longestLifetimeMillis: (algorithm: KeyAlgorithm) => number;
}

/** A node whose view of the ring is older than this answers no grants. */
export const RING_LAG_MILLIS = 5_000;

export const EMPTY_RING: Ring = { version: 0, keys: [] };

export interface KeyTimes {
  readonly state: KeyState;
  /** When the successor starts to sign. */
  readonly retiringAt?: number;
  /** When the last token signed under it has expired everywhere. */
  readonly retiredAt?: number;
}

/** Why a key can't be taken in that the ring knows already; undefined where it doesn't. */
export function presenceOf({ keys }: Ring, kid: string): string | undefined {
  const known = keys.find((key) => key.kid === kid);
  if (known === undefined) return undefined;
  if (known.revokedAt === undefined) return `the key ring has this key already: ${kid}`;
  return `this key was revoked (${new Date(known.revokedAt).toISOString()}) and never signs again: ${kid}`;
}

/** The keys of an algorithm in the order in which they sign; one revoked before its turn never signed. */
function succession(ring: Ring, algorithm: KeyAlgorithm): readonly RingKey[] {
  return ring.keys
    .filter((key) => key.algorithm === algorithm && key.activeAt !== undefined && key.activeAt < (key.revokedAt ?? Infinity))
    .toSorted((a, b) => (a.activeAt ?? 0) - (b.activeAt ?? 0) || (a.kid < b.kid ? -1 : 1));
}

export function keyTimes(ring: Ring, key: RingKey, now: number, policy: RingPolicy): KeyTimes {
  const order = succession(ring, key.algorithm);
  const place = order.indexOf(key);
  const retiringAt = place < 0 ? undefined : order[place + 1]?.activeAt;
  if (retiringAt === undefined) return { state: stateOf(key, now, undefined, undefined) };
  const retiredAt = retiringAt + key.longestLifetimeMillis + policy.jwksMaxAgeMillis + policy.clockSkewMillis + RING_LAG_MILLIS;
  return { state: stateOf(key, now, retiringAt, retiredAt), retiringAt, retiredAt };
}

function stateOf(key: RingKey, now: number, retiringAt: number | undefined, retiredAt: number | undefined): KeyState {
  if (key.revokedAt !== undefined) return "revoked";
  if (key.activeAt === undefined || now < key.activeAt) return "staged";
  if (retiringAt === undefined || now < retiringAt) return "active";
  return retiredAt === undefined || now < retiredAt ? "retiring" : "retired";
}

/** The one key that signs now; undefined where the last one was revoked and none has taken over. */
export function activeKey(ring: Ring, algorithm: KeyAlgorithm, now: number): RingKey | undefined {
  const current = succession(ring, algorithm).findLast((key) => (key.activeAt ?? Infinity) <= now);
  return current?.revokedAt === undefined ? current : undefined;
}

/** Keys that wait for their turn, the one published first at the front. */
export function stagedKeys(ring: Ring, algorithm: KeyAlgorithm, now: number): readonly RingKey[] {
  return ring.keys
    .filter((key) => key.algorithm === algorithm && stateOf(key, now, undefined, undefined) === "staged")
    .toSorted((a, b) => (a.activeAt ?? Infinity) - (b.activeAt ?? Infinity) || a.publishedAt - b.publishedAt);
}

/**
 * From when on a staged key may sign without costing any resource server a false 401: the JWK Set of the slowest node, too,
 * has shown it for `stageFor`.
 */
export function agedAt({ publishedAt }: Pick<RingKey, "publishedAt">, { stageForMillis }: Pick<RingPolicy, "stageForMillis">): number {
  return publishedAt + RING_LAG_MILLIS + stageForMillis;
}

/** Of the keys of one algorithm: none has ever signed, and it is planned when the first one will. */
export function isFirstAwaited(keys: readonly { readonly activeAt?: number | undefined }[], now: number): boolean {
  const starts = keys.flatMap(({ activeAt }) => (activeAt === undefined ? [] : [activeAt]));
  return starts.length > 0 && starts.every((at) => at > now);
}

export interface PublishedKeys {
  /** In a stable order. */
  readonly keys: readonly RingKey[];
  /** When the set will change although nobody touches the ring; Infinity where it won't. */
  readonly nextChangeAt: number;
}

/** What the JWK Set shows: staged, active and retiring signing keys. */
export function publishedKeys(ring: Ring, now: number, policy: RingPolicy): PublishedKeys {
  const shown = ring.keys
    .filter((key) => key.algorithm !== "HS256")
    .map((key) => ({ key, ...keyTimes(ring, key, now, policy) }))
    .filter(({ state }) => state === "staged" || state === "active" || state === "retiring");
  return {
    keys: shown.map(({ key }) => key).toSorted((a, b) => a.publishedAt - b.publishedAt || (a.kid < b.kid ? -1 : 1)),
    nextChangeAt: Math.min(Infinity, ...shown.map(({ retiredAt }) => retiredAt ?? Infinity)),
  };
}

const MIN_MAX_AGE_MILLIS = 30_000;

/** `max-age` of the JWK Set in milliseconds: never past the next change, never under the floor. */
export function jwksMaxAge(nextChangeAt: number, now: number, capMillis: number): number {
  return Math.max(Math.min(capMillis, nextChangeAt - now), Math.min(MIN_MAX_AGE_MILLIS, capMillis));
}
