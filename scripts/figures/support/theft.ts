/** Someone copies a refresh token and uses it, or its owner uses it again, outside the window. */

import type { HttpClient } from "./http.ts";
import { at, inLanes } from "./lanes.ts";
import { pause } from "./wait.ts";
import { mustLogIn, mustRefresh, refresh } from "./tokens.ts";

export interface TheftCounts {
  readonly thefts: number;
  /** The second use was refused and neither holder has a token that works. */
  readonly found: number;
  /** Bystanders (one other session per subject) that could not go on. */
  readonly othersTouched: number;
}

const THEFTS_AT_ONCE = 50;

/** Takes turns: the thief comes late, or the thief comes first and the owner steps outside the window. */
export async function rob(
  client: HttpClient,
  users: readonly string[],
  password: string,
  { thefts, windowMillis }: { readonly thefts: number; readonly windowMillis: number },
): Promise<TheftCounts> {
  const victims: string[] = [];
  const bystanders: string[] = [];
  await inLanes(2, thefts, async (_, index) => {
    victims.push((await mustLogIn(client, at(users, index % users.length), password)).refreshToken);
  });
  await inLanes(2, users.length, async (_, index) => {
    bystanders.push((await mustLogIn(client, at(users, index), password)).refreshToken);
  });

  let found = 0;
  await inLanes(THEFTS_AT_ONCE, thefts, async (_, index) => {
    const stolen = at(victims, index);
    // Whoever is first goes on for a while; the other one has the old token.
    const first = await mustRefresh(client, stolen);
    const newest = await mustRefresh(client, index % 2 === 0 ? first.refreshToken : stolen);
    await pause(windowMillis);
    const second = await refresh(client, stolen);
    const after = await refresh(client, newest.refreshToken);
    if (second.error === "invalid_grant" && after.error === "invalid_grant") found += 1;
  });

  let othersTouched = 0;
  await inLanes(2, bystanders.length, async (_, index) => {
    const { tokens } = await refresh(client, at(bystanders, index));
    if (tokens === undefined) othersTouched += 1;
  });
  return { thefts, found, othersTouched };
}
