/** Small versions of the figures of `scripts/figures`: the same code, fewer rounds. */

import t from "tap";
import { assertions } from "../../scripts/figures/assertions.ts";
import { emergency } from "../../scripts/figures/emergency.ts";
import { fleetStarts } from "../../scripts/figures/fleet-starts.ts";
import { kill9 } from "../../scripts/figures/kill9.ts";
import { lossy, thefts } from "../../scripts/figures/lossy.ts";
import { parallel } from "../../scripts/figures/parallel.ts";
import { RACES, races } from "../../scripts/figures/races.ts";
import { skipWithoutRedis } from "../support/redis.ts";

// Of the whole file, on a machine that is slow and busy.
t.setTimeout(600_000);

const STORES = [
  { store: "embedded", skip: false, chosen: ["login-passwd", "refresh-delete", "refresh-revoke"] },
  // Each takes a deployment of its own: every race on every store is the figure's.
  { store: "redis", skip: skipWithoutRedis, chosen: ["refresh-passwd", "login-delete"] },
] as const;

t.same([...new Set(STORES.flatMap(({ chosen }) => [...chosen]))].sort(), [...RACES].sort(), "every race is run on one of the stores");

for (const { store, skip, chosen } of STORES) {
  t.test(`64 refreshes of one token at once have one successor, from two processes as from one (${store})`, { skip }, async (t) => {
    const { errors, forkedRounds, mostSuccessors, requests } = await parallel({ store, rounds: 4, width: 64, processes: 2 });
    t.same({ errors, forkedRounds, mostSuccessors, requests }, { errors: 0, forkedRounds: 0, mostSuccessors: 1, requests: 256 });
  });

  t.test(`64 refreshes of one token at once have one successor, from three workers of one process (${store})`, { skip }, async (t) => {
    const { errors, forkedRounds, mostSuccessors, requests } = await parallel({ store, rounds: 4, width: 64, processes: 1, workers: 3 });
    t.same({ errors, forkedRounds, mostSuccessors, requests }, { errors: 0, forkedRounds: 0, mostSuccessors: 1, requests: 256 });
  });

  t.test(`an assertion at two processes in the same millisecond is taken once (${store})`, { skip }, async (t) => {
    const { wonBySecond: _, ...counts } = await assertions({ store, rounds: 20 });
    t.same(counts, { rounds: 20, acceptedTwice: 0, acceptedNever: 0, serverErrors: 0, otherAnswers: 0 });
  });

  t.test(`nothing lives that was ended while it was refreshed or logged in (${store})`, { skip }, async (t) => {
    for (const race of chosen) {
      const { alive, lost, errors } = await races({ race, store, rounds: 4, processes: 1, lanes: 2 });
      t.same({ alive, lost, errors }, { alive: 0, lost: 0, errors: 0 }, race);
    }
  });
}

t.test(
  "a client that loses every fifth response and retries is never logged out, not by an outage either",
  { skip: skipWithoutRedis },
  async (t) => {
    const counts = await lossy({ store: "redis", refreshes: 60, sessions: 3, outageSeconds: 5 });
    for (const [name, { logouts, errors, lost, refreshes }] of Object.entries(counts)) {
      t.same({ logouts, errors }, { logouts: 0, errors: 0 }, name);
      t.ok(lost > 0 && refreshes > 0, `${name}: there was something to lose`);
    }
  },
);

t.test("a thief outside the window is found, and the subject's other sessions live", async (t) => {
  const { thefts: count, found, othersTouched } = await thefts({ store: "embedded", thefts: 4 });
  t.same({ count, found, othersTouched }, { count: 4, found: 4, othersTouched: 0 });
});

t.test("a server that is killed in the middle of its commits loses nothing that it acknowledged", async (t) => {
  const counts = await kill9({ store: "embedded", rounds: 2, sessions: 3 });
  const { rotationsLost, endsLost, errors } = counts;
  t.same({ rotationsLost, endsLost, errors }, { rotationsLost: 0, endsLost: 0, errors: 0 });
  t.ok(counts.rotationsAcknowledged + counts.endsAcknowledged > 0, "there was something to lose");
});

t.test("nodes that start at once on an empty shared store make one ring", { skip: skipWithoutRedis }, async (t) => {
  t.same(await fleetStarts({ rounds: 1, nodes: 4 }), { rounds: 1, starts: 4, otherRings: 0, otherNodes: 0, errors: 0 });
});

t.test("a revoked key costs no token of another key, and is accepted by no introspection", { skip: skipWithoutRedis }, async (t) => {
  const { false401, acceptedAfter, tokens } = await emergency({ rounds: 1, nodes: 2, lanes: 2 });
  t.same({ false401, acceptedAfter }, { false401: 0, acceptedAfter: 0 });
  t.ok(tokens > 0);
});
