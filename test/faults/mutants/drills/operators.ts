/** Two operators rotate the keys at one moment. */

import { OF_A_DRILL } from "../../rows/invariants.ts";
import { inRounds } from "../../rows/row.ts";
import type { Row } from "../../rows/row.ts";
import { atOnce, ROTATE, withOperators } from "../../support/operators.ts";

export const operators: Row = {
  id: "operators",
  title: "two rotations at once",
  minutes: 1,
  invariants: OF_A_DRILL.filter((id) => id !== "I6" && id !== "I7"),
  rounds: 2,
  quickRounds: 1,
  async run(context) {
    await withOperators(context, (drill, operator) => inRounds(context, () => atOnce(drill, operator, [ROTATE, ROTATE])));
  },
};
