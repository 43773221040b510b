/**
 * Sessions as many logins and a refresh ten minutes ago would have left them, written beside a running issuer with its own
 * MAC key: a hundred thousand real logins would take hours of argon2.
 */

import { join } from "node:path";
import { KEYS, ringDocument } from "../src/domain/documents.ts";
import type { Store } from "../src/domain/ports.ts";
import { SESSIONS_SCOPE } from "../src/domain/policy.ts";
import { spellRefreshToken } from "../src/domain/refresh-token.ts";
import { activeKey } from "../src/domain/ring.ts";
import { systemClock } from "../src/platform/clock.ts";
import { systemRandom } from "../src/platform/random.ts";
import { openLocalCustodian } from "../src/signers/local.ts";
import { openEmbeddedStore } from "../src/stores/embedded/index.ts";
import type { Deployment } from "../scripts/figures/support/deployment.ts";
import { inLanes } from "../scripts/figures/support/lanes.ts";
import { newSubject, openStore, refreshedTimes, writeSubject } from "./subjects.ts";

const WRITERS = 64;
const TWENTY_MINUTES_MILLIS = 1_200_000;

/** The deployment's store, beside its issuers. */
export function openStoreOf({ redis, directory }: Deployment): Promise<Store> {
  if (redis === undefined) return openEmbeddedStore({ directory: join(directory, "data"), clock: systemClock });
  return openStore(redis.url, systemClock);
}

/** The refresh tokens of so many new sessions, each of a subject of its own. */
export async function seedSessions(deployment: Deployment, count: number): Promise<string[]> {
  const { directory, issuer } = deployment;
  const store = await openStoreOf(deployment);
  try {
    const { macVersion, hmac } = await macKey(await store.get(KEYS.ring), directory);
    const tokens: string[] = [];
    // The client of the figures may list and end its user's sessions.
    const own = { id: issuer, scopes: [SESSIONS_SCOPE] };
    await inLanes(WRITERS, count, async (_, index) => {
      const { sub, handle, session } = newSubject(systemClock() - TWENTY_MINUTES_MILLIS, macVersion, [own]);
      const refreshed = refreshedTimes(session, 1);
      const { subjectKey } = await writeSubject(store, issuer, sub, refreshed, undefined);
      tokens[index] = spellRefreshToken({ macVersion, subjectKey, handle, generation: refreshed.generation }, hmac);
    });
    return tokens;
  } finally {
    await store.close();
  }
}

async function macKey(ringBytes: Uint8Array | undefined, directory: string) {
  if (ringBytes === undefined) throw new Error("there is no key ring yet");
  const key = activeKey(ringDocument.decode(ringBytes), "HS256", systemClock());
  if (key?.macVersion === undefined) throw new Error("there is no active MAC key");
  const custodian = openLocalCustodian({
    directory: join(directory, "keys"),
    random: systemRandom,
    strictPermissions: false,
    onWarning: () => undefined,
  });
  return { macVersion: key.macVersion, hmac: await custodian.openMac(key) };
}
