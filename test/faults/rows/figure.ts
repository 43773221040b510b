/** Rows that are figures already: they count for themselves, and the history has their verdict. */

import type { InvariantId } from "../history/lines.ts";
import { rulesOf } from "../drill/options.ts";
import { skipWithoutRedis } from "../../support/redis.ts";
import { Skip } from "./row.ts";
import type { RowContext } from "./row.ts";

export interface Verdict {
  expect(invariant: InvariantId | "row", what: string, holds: boolean): void;
  count(name: string, count: number): void;
}

/** Throws `Skip` where there is no redis-server. */
export function verdictOf(context: RowContext, part?: string): Verdict {
  if (skipWithoutRedis !== false) throw new Skip(skipWithoutRedis);
  const recorder = context.record(rulesOf(), part);
  return {
    expect: (invariant, what, holds) => recorder.fact({ fact: "expected", invariant, what, holds }),
    count: (name, count) => recorder.fact({ fact: "counted", name, count }),
  };
}
