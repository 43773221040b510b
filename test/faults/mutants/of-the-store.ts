/** Faults of the Redis store, and of what is made of its failures. */

import { f11 } from "../rows/f11-replies-lost.ts";
import { calm } from "./drills/calm.ts";
import { outage } from "./drills/outage.ts";
import { overtaken } from "./drills/overtaken.ts";
import { stopped } from "./drills/stopped.ts";
import { unconfirmed } from "./drills/unconfirmed.ts";
import type { Mutant } from "./mutant.ts";

const CONFIRMING = "src/stores/redis/confirming.ts";
const CONNECTION = "src/stores/redis/connection.ts";
const PRIMARY = "src/stores/redis/primary.ts";
const FAILURES = "src/http/failures.ts";

export const OF_THE_STORE: readonly Mutant[] = [
  {
    name: "compares-nothing",
    what: "compare-and-set sets whatever is there",
    changes: [
      {
        file: "src/stores/redis/compare-and-set.lua",
        find: "if redis.call('GET', KEYS[1]) ~= ARGV[1] then",
        replace: "if false then",
      },
      // Where the server has its own.
      {
        file: "src/stores/redis/swap.ts",
        find: 'return [key, next, "IFEQ", expected, "PXAT", expiry];',
        replace: 'return [key, next, "PXAT", expiry];',
      },
    ],
    row: overtaken,
    invariant: "I1",
  },
  {
    name: "absent-compares-nothing",
    what: "what is to be absent is not looked for",
    changes: [{ file: "src/stores/redis/swap.ts", find: '[key, next, "NX", "PXAT", expiry]', replace: '[key, next, "PXAT", expiry]' }],
    row: calm,
    invariant: "I10",
  },
  {
    name: "unknown-is-success",
    what: "a write whose end nobody saw counts as done",
    changes: [
      {
        file: PRIMARY,
        find: "return once().then((isDone) => isDone ?? once().then((again) => again === true));",
        replace: "return once().then((isDone) => isDone ?? once().then((again) => again === true), () => true);",
      },
    ],
    row: f11,
    rounds: 2,
    invariant: "I4",
  },
  {
    name: "wait-number-ignored",
    what: "WAIT is asked, and how many replicas it names does not matter",
    changes: [
      { file: CONFIRMING, find: 'typeof reached === "number" && reached >= this.#replicas', replace: 'typeof reached === "number"' },
    ],
    row: unconfirmed,
    invariant: "I1",
  },
  {
    name: "wait-elsewhere",
    what: "WAIT is asked on a connection of its own, on which nothing was written",
    changes: [
      {
        file: CONFIRMING,
        find: 'await this.#connection.send("wait", args, this.#connection.deadline());',
        replace: "await this.#connection.waitElsewhere(args);",
      },
      {
        file: CONNECTION,
        find: "  /** Whether a command can be sent now. */",
        replace: `  async waitElsewhere(args: string[]): Promise<unknown> {
    const other = this.#redis.duplicate({ enableReadyCheck: false, disableClientInfo: true, protocol: 2, enableOfflineQueue: true });
    other.on("error", () => undefined);
    try {
      return await other.call("wait", ...args);
    } finally {
      other.disconnect();
    }
  }

  /** Whether a command can be sent now. */`,
      },
    ],
    row: unconfirmed,
    invariant: "I1",
  },
  {
    name: "no-wait",
    what: "redis.waitReplicas is not looked at",
    changes: [{ file: PRIMARY, find: "if (options.waitReplicas === 0) return;", replace: "if (options.waitReplicas >= 0) return;" }],
    row: unconfirmed,
    invariant: "I1",
  },
  {
    name: "no-deadlines",
    what: "a call of the store waits for its answer as long as it takes",
    changes: [
      {
        file: "src/stores/redis/deadlines.ts",
        find: "if (call === undefined || call.isSettled || call.deadline > this.#tick) continue;",
        replace: "if (this.#tick >= 0 || call === undefined) continue;",
      },
    ],
    row: stopped,
    invariant: "I12",
  },
  {
    name: "no-reconnect",
    what: "a connection to Redis that was lost is not made again",
    changes: [
      {
        file: CONNECTION,
        find: "    retryStrategy: (attempt) => retryDelayMillis(attempt, random),",
        replace: "    retryStrategy: () => null,",
      },
    ],
    row: outage,
    invariant: "I13",
  },
  {
    name: "outage-is-a-refusal",
    what: "where the store can't answer the client is told invalid_grant",
    changes: [
      {
        file: FAILURES,
        find: '      status: 503,\n      error: "temporarily_unavailable",',
        replace: '      status: 400,\n      error: "invalid_grant",',
      },
    ],
    row: outage,
    invariant: "I4",
  },
  {
    name: "outage-is-our-fault",
    what: "where the store can't answer the client is told that something is wrong with the server",
    changes: [
      { file: FAILURES, find: "if (UNAVAILABLE.some((kind) => error instanceof kind)) {", replace: "if (error === UNAVAILABLE) {" },
    ],
    row: outage,
    invariant: "I12",
  },
];
