/** Subjects with one session, as the issuer itself would have written them. */

import { base64url } from "../src/domain/bytes.ts";
import { KEYS } from "../src/domain/documents.ts";
import type { Bytes, Store } from "../src/domain/ports.ts";
import { HANDLE_BYTES, parseRefreshToken, sidOf, subjectKeyOf } from "../src/domain/refresh-token.ts";
import { present } from "../src/domain/session.ts";
import type { GrantedResource, Session } from "../src/domain/session.ts";
import { decodeSubject, encodeSubject } from "../src/domain/subject-codec.ts";
import { addSession, emptySubject, replaceSession, subjectExpiresAt } from "../src/domain/subject.ts";
import { systemDigests } from "../src/platform/digests.ts";
import { systemRandom } from "../src/platform/random.ts";
import { openRedisStore } from "../src/stores/redis/index.ts";

const USER_AGENT = "Firefox on Linux, laptop";
const DAY_MILLIS = 86_400_000;
const MINUTE_MILLIS = 60_000;
const IDLE_MILLIS = 30 * DAY_MILLIS;
/** As in the configuration's defaults. */
const POLICY = {
  rotates: true,
  retryWindowMillis: 30_000,
  keyedRetryWindowMillis: 3_600_000,
  idleLifetimeMillis: IDLE_MILLIS,
  clockSkewMillis: 10_000,
  heal: true,
};

export interface NewSubject {
  readonly sub: string;
  readonly handle: Bytes;
  readonly session: Session;
}

const RESOURCE: GrantedResource = { id: "https://api.example.com", scopes: ["read", "write"] };

/** A `sub` of 22 characters, one resource of 23 and others if given, two scopes, no claims, a label of 24 bytes. */
export function newSubject(createdAt: number, macVersion: number, others: readonly GrantedResource[] = []): NewSubject {
  const handle = systemRandom(HANDLE_BYTES);
  const session = {
    sid: sidOf(handle, systemDigests),
    clientId: "app",
    createdAt,
    absoluteEndAt: createdAt + 180 * DAY_MILLIS,
    generation: 1,
    generationAt: createdAt,
    macVersion,
    oldestInWindow: 1,
    checkpoints: [],
    userAgent: USER_AGENT,
    resources: [RESOURCE, ...others],
  };
  return { sub: base64url(systemRandom(16)), handle, session };
}

/** The session after so many refreshes, ten minutes apart. */
export function refreshedTimes(session: Session, times: number): Session {
  let current = session;
  for (let time = 1; time <= times; time += 1) {
    const now = session.createdAt + time * 10 * MINUTE_MILLIS;
    const presentation = { clientId: current.clientId, generation: current.generation };
    const presented = present(current, presentation, POLICY, { now, macVersion: current.macVersion, downtime: [] });
    if (presented.outcome !== "rotated") throw new Error(`a current token was ${presented.outcome}`);
    current = presented.session;
  }
  return current;
}

/** Swaps `expected` for the subject with this session, and says what is there now. */
export async function writeSubject(
  store: Store,
  issuer: string,
  sub: string,
  session: Session,
  expected: Bytes | undefined,
): Promise<{ readonly subjectKey: Bytes; readonly value: Bytes }> {
  const document = addSession(emptySubject(sub), session);
  const subjectKey = subjectKeyOf(issuer, sub, systemDigests);
  const value = encodeSubject(document);
  const expiresAt = subjectExpiresAt(document, () => IDLE_MILLIS);
  if (expiresAt === undefined) throw new Error("a living session has an end");
  const key = KEYS.subjectPrefix + base64url(subjectKey);
  if (!(await store.compareAndSet(key, expected, value, { expiresAt, confirmed: false }))) throw new Error("nobody else writes here");
  return { subjectKey, value };
}

/** Puts the one session of a token's subject back to where its first refresh left it. */
export async function rewindSession(store: Store, refreshToken: string): Promise<void> {
  const parsed = parseRefreshToken(refreshToken);
  if (parsed === undefined) throw new Error("this is no refresh token");
  const key = KEYS.subjectPrefix + base64url(parsed.subjectKey);
  const stored = await store.get(key);
  const document = stored === undefined ? undefined : decodeSubject(stored);
  const session = document?.sessions[0];
  if (stored === undefined || document === undefined || session === undefined) throw new Error("the session is gone");
  const begun = { ...session, generation: 1, generationAt: session.createdAt, oldestInWindow: 1, checkpoints: [] };
  const rewound = replaceSession(document, refreshedTimes(begun, 1));
  const options = { expiresAt: subjectExpiresAt(rewound, () => IDLE_MILLIS) ?? 0, confirmed: false };
  if (!(await store.compareAndSet(key, stored, encodeSubject(rewound), options))) throw new Error("nobody else writes here");
}

/** The store as the issuer opens it. */
export function openStore(url: string, clock: () => number): Promise<Store> {
  return openRedisStore({
    url,
    keyPrefix: "mintmark:",
    commandTimeoutMillis: 5_000,
    waitReplicas: 0,
    clock,
    random: systemRandom,
    production: false,
  });
}
