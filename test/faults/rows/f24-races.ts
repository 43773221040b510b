/** F24: revocation, the end of all sessions and password changes race refreshes and logins, on two processes. */

import { RACES, races } from "../../../scripts/figures/races.ts";
import { verdictOf } from "./figure.ts";
import type { Row } from "./row.ts";

export const f24: Row = {
  id: "F24",
  title: "revoke, logout of all, password change against refresh and login",
  minutes: 6,
  invariants: ["I1", "I4"],
  rounds: 200,
  quickRounds: 6,
  async run(context) {
    const verdict = verdictOf(context);
    for (const race of RACES) {
      context.say(race);
      const { alive, lost, close, errors, rounds } = await races({ race, rounds: context.rounds, store: "redis", processes: 2, lanes: 4 });
      verdict.expect("I1", `${race}: nothing lives that was ended (${alive} of ${rounds})`, alive === 0);
      verdict.expect("I4", `${race}: nothing is gone that should live (${lost} of ${rounds})`, lost === 0);
      verdict.expect("row", `${race}: every request is granted or refused (${errors} are not)`, errors === 0);
      verdict.count("operations", rounds);
      verdict.count("close races", close);
    }
  },
};
