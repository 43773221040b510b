/** F25: one assertion at two issuers in the same millisecond. */

import { assertions } from "../../../scripts/figures/assertions.ts";
import { verdictOf } from "./figure.ts";
import type { Row } from "./row.ts";

export const f25: Row = {
  id: "F25",
  title: "an assertion at two issuers in the same millisecond",
  minutes: 1,
  invariants: ["I10"],
  rounds: 1_000,
  quickRounds: 50,
  async run(context) {
    const verdict = verdictOf(context);
    const counts = await assertions({ store: "redis", rounds: context.rounds });
    verdict.expect("I10", `no assertion is taken twice (${counts.acceptedTwice} are)`, counts.acceptedTwice === 0);
    const odd = counts.acceptedNever + counts.serverErrors + counts.otherAnswers;
    verdict.expect("row", `each is taken by one and refused by the other (${odd} are not)`, odd === 0);
    verdict.count("operations", 2 * counts.rounds);
  },
};
