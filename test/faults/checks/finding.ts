/** What a check says. */

import type { History } from "../history/read.ts";

export interface Finding {
  readonly what: string;
  /** Of the history that it is about. */
  readonly lines: readonly number[];
  /** Why it is no violation: what the store's settings gave away. Counted apart. */
  readonly excuse?: "writes lost" | undefined;
}

/** Pure, and O(n log n) in the lines of the history. */
export type Check = (history: History) => readonly Finding[];
