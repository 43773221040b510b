/** What a drill is held to: everything that its history can tell. */

import type { InvariantId } from "../history/lines.ts";

export const OF_A_DRILL: readonly InvariantId[] = ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I12", "I13"];

/** After this, one Redis and the issuers on it must be as before, on a slow machine too. */
export const RECOVER_MILLIS = 5_000;
