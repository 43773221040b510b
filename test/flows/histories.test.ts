/** Random histories of sessions on two issuers and one store, held against the model. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import fc, { runs } from "../support/fast-check.ts";
import { openEmbeddedStore } from "../../src/stores/embedded/index.ts";
import { openRedisStore } from "../../src/stores/redis/index.ts";
import type { WorldOptions } from "../support/issuer-world.ts";
import { type Command, commands, History } from "../support/histories.ts";
import { skipWithoutRedis, startRedis } from "../support/redis.ts";

// Of the whole file, on a machine that is slow and busy.
// The matrix of faults runs many more, and waits for them.
t.setTimeout(process.env["MINTMARK_RUNS"] === undefined ? 600_000 : 0);

const IN_MEMORY = runs(500);
const ON_REAL_STORES = Math.max(24, Math.round(IN_MEMORY / 20));

type Open = NonNullable<WorldOptions["open"]>;

/** What 500 histories can't do without; a few dozen may. */
const USUAL = [
  "rotate: granted",
  "retry: granted",
  "replay: refused",
  "refuse: refused",
  "rotate: error",
  "response lost",
  "theft",
  "revoke: done",
  "revoked while used",
  "end all: client",
  "outage",
  "roll back",
  "restart",
  "rotate keys",
];

async function check(
  t: Test,
  numRuns: number,
  maxLength: number,
  makeStore: () => Promise<{ open?: Open; start?: number; remove(): Promise<void> }>,
): Promise<void> {
  const outcomes = new Map<string, number>();
  const holds = fc.asyncProperty(commands(maxLength), async (history: readonly Command[]) => {
    const { remove, ...options } = await makeStore();
    const running = await History.begin(options);
    try {
      for (const command of history) await running.run(command);
      await running.settle();
    } finally {
      await running.close();
      await remove();
      for (const [what, count] of running.outcomes) outcomes.set(what, (outcomes.get(what) ?? 0) + count);
    }
  });
  // A failure prints its seed and the shortest history that fails.
  await fc.assert(holds, { numRuns });
  t.comment(
    [...outcomes]
      .map(([what, count]) => `${what} ${count}`)
      .sort()
      .join(" · "),
  );
  const missing = (numRuns < 500 ? USUAL.slice(0, 2) : USUAL).filter((what) => !outcomes.has(what));
  t.same(missing, [], "nothing that should happen never happened");
}

t.test(`${IN_MEMORY} histories in memory`, async (t) => {
  await check(t, IN_MEMORY, 40, async () => ({ remove: async () => undefined }));
});

t.test(`${ON_REAL_STORES} histories on the embedded store`, async (t) => {
  await check(t, ON_REAL_STORES, 20, async () => {
    const directory = await mkdtemp(join(tmpdir(), "mintmark-histories-"));
    return {
      open: (clock) => openEmbeddedStore({ directory, clock }),
      remove: () => rm(directory, { recursive: true, force: true }),
    };
  });
});

t.test(`${ON_REAL_STORES} histories on Redis`, { skip: skipWithoutRedis }, async (t) => {
  const server = await startRedis();
  let histories = 0;
  try {
    await check(t, ON_REAL_STORES, 20, async () => {
      histories += 1;
      const keyPrefix = `history:${histories}:`;
      return {
        // A Redis counts by its own clock when it may forget.
        start: Date.now(),
        open: (clock) =>
          openRedisStore({
            url: server.url,
            keyPrefix,
            commandTimeoutMillis: 5_000,
            waitReplicas: 0,
            clock,
            random: (count) => new Uint8Array(count),
            production: false,
          }),
        remove: async () => undefined,
      };
    });
  } finally {
    await server.remove();
  }
});
