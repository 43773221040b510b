/** F29: bad inputs with random changes: no 5xx but declared ones, no change by what is refused, no secret in what processes write. */

import { mutations } from "../../../scripts/figures/mutations.ts";
import { verdictOf } from "./figure.ts";
import type { Row } from "./row.ts";

export const f29: Row = {
  id: "F29",
  title: "bad inputs with random changes, on both stores",
  minutes: 8,
  invariants: ["I11"],
  rounds: 5_000,
  quickRounds: 200,
  async run(context) {
    for (const store of ["embedded", "redis"] as const) {
      const verdict = verdictOf(context, store);
      // Whoever wrote a secret is told of when the processes end: this then throws.
      const counts = await mutations({ store, requests: context.rounds, seed: context.seed });
      verdict.expect("row", `no undeclared 5xx (${counts.serverErrors})`, counts.serverErrors === 0);
      verdict.expect("row", `what is refused changes nothing (${counts.storeChanges})`, counts.storeChanges === 0);
      verdict.expect("row", `every whole request is answered (${counts.unanswered})`, counts.unanswered === 0);
      for (const what of counts.told) verdict.expect("row", what, false);
      verdict.count("operations", counts.requests);
    }
  },
};
