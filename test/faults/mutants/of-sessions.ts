/** Faults of what a presented refresh token gets, and of how sessions end. */

import { f02 } from "../rows/f02-tail-cut.ts";
import { calm } from "./drills/calm.ts";
import { emptied } from "./drills/emptied.ts";
import { lifetimes } from "./drills/lifetimes.ts";
import { outage } from "./drills/outage.ts";
import { rolledBack } from "./drills/rolled-back.ts";
import type { Mutant } from "./mutant.ts";

const SESSION = "src/domain/session.ts";
const ENDS = "src/issuer/ends.ts";
const FOLLOW = "src/issuer/follow.ts";

export const OF_SESSIONS: readonly Mutant[] = [
  {
    name: "retry-rotates",
    what: "a retry gets a new successor instead of the one that there is",
    changes: [
      {
        file: SESSION,
        find: 'if (isRetry(session, presentation, policy, context)) return { outcome: "retried", session };',
        replace: `if (isRetry(session, presentation, policy, context))
    return { outcome: "rotated", session: advance(session, { ...presentation, generation: session.generation }, policy, context) };`,
      },
    ],
    row: calm,
    invariant: "I2",
  },
  {
    name: "replay-answered",
    what: "a token that was replaced long ago still gives the successor",
    changes: [{ file: SESSION, find: 'return { outcome: "replayed" };', replace: 'return { outcome: "retried", session };' }],
    row: calm,
    rounds: 3,
    invariant: "I3",
  },
  {
    name: "replay-ends-nothing",
    what: "a replay is refused, and its session goes on",
    changes: [
      {
        file: "src/issuer/refresh.ts",
        find: 'await ends.endThese(loaded, token.subjectKey, [session.sid], ends.endOf(client.id, "replayed"));',
        replace: "",
      },
    ],
    row: calm,
    rounds: 3,
    invariant: "I5",
  },
  {
    name: "downtime-counts",
    what: "the time without the store counts against the retry window",
    changes: [{ file: "src/issuer/refresh.ts", find: "downtime: reach.downtime() }", replace: "downtime: [] }" }],
    row: outage,
    invariant: "I4",
  },
  {
    name: "no-heal",
    what: "a token that is newer than the store, which lost its rotation, is taken for a replay",
    changes: [{ file: SESSION, find: "if (generation > session.generation && policy.heal) {", replace: "if (false) {" }],
    row: f02,
    invariant: "I4",
  },
  {
    name: "absence-believed",
    what: "what is not in an emptied store is taken for ended",
    changes: [
      {
        file: "src/issuer/marker.ts",
        find: "if ((await this.#context.store.get(KEYS.marker)) !== undefined) return;",
        replace: "if (this.#context !== undefined) return;",
      },
    ],
    row: emptied,
    invariant: "I4",
  },
  {
    name: "absolute-lifetime-moves",
    what: "each rotation moves the absolute end of its session",
    changes: [
      {
        file: SESSION,
        find: "    generation: generation + 1,\n    generationAt: context.now,",
        replace:
          "    generation: generation + 1,\n    absoluteEndAt: context.now + session.absoluteEndAt - session.createdAt,\n    generationAt: context.now,",
      },
    ],
    row: lifetimes,
    invariant: "row",
  },
  {
    name: "end-not-appended",
    what: "an end is marked in its document, and not appended to the log",
    changes: [{ file: ENDS, find: "await append({ ...end, subjectKey: base64url(subjectKey), sids });", replace: "" }],
    row: rolledBack,
    invariant: "I1",
  },
  {
    name: "ends-forgotten",
    what: "an issuer does not remember the ends that it reads in the log",
    changes: [
      {
        file: "src/issuer/recent-ends.ts",
        find: "if (entry.at < this.#keptSince || this.#known.has(name)) return;",
        replace: "if (name !== undefined) return;",
      },
    ],
    row: rolledBack,
    invariant: "I1",
  },
  {
    name: "ends-not-read",
    what: "an issuer does not read on in the log of ends",
    changes: [{ file: FOLLOW, find: "await this.#parts.ends.follow();", replace: "" }],
    row: rolledBack,
    invariant: "I1",
  },
  {
    name: "ends-not-asserted",
    what: "after a change of the primary the ends are not asserted again",
    changes: [
      {
        file: FOLLOW,
        find: "      this.#mustAssertEnds = true;\n      this.#assertEndsAside();\n    });",
        replace: "    });",
      },
    ],
    row: rolledBack,
    invariant: "I1",
  },
];
