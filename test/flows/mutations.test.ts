/** A small version of `scripts/figures/mutations.ts`: bad inputs with random changes, from a seed that is always the same. */

import t from "tap";
import { isGood, mutations } from "../../scripts/figures/mutations.ts";
import { skipWithoutRedis } from "../support/redis.ts";

// Of the whole file, on a machine that is slow and busy.
t.setTimeout(600_000);

const REQUESTS = 250;

for (const [store, seed, skip] of [
  ["embedded", 1, false],
  ["redis", 2, skipWithoutRedis],
] as const) {
  t.test(`changed at random, nothing is answered 5xx and nothing that is refused changes anything (${store})`, { skip }, async (t) => {
    const counts = await mutations({ store, requests: REQUESTS, seed });
    t.ok(isGood(counts), counts.told.join("\n"));
    t.same([counts.serverErrors, counts.storeChanges, counts.unanswered], [0, 0, 0]);
    t.ok(counts.refused > REQUESTS / 2 && counts.refused < REQUESTS, "most are refused, and not all");
  });
}
