/** F28: random histories of sessions against the model: in memory, on the embedded store, on Redis, by the suite's own test. */

import { startChild } from "../../../scripts/figures/support/child.ts";
import { join } from "node:path";
import { verdictOf } from "./figure.ts";
import type { Row } from "./row.ts";

const TEST = join(import.meta.dirname, "../../flows/histories.test.ts");

export const f28: Row = {
  id: "F28",
  title: "stateful fuzz of sessions against the model; a round is 500 histories in memory and 50 on two stores",
  minutes: 12,
  invariants: [],
  rounds: 20,
  quickRounds: 1,
  async run(context) {
    const verdict = verdictOf(context);
    const env = { ...process.env, MINTMARK_SEED: String(context.seed), MINTMARK_RUNS: String(context.rounds), TAP_TIMEOUT: "0" };
    const child = startChild(process.execPath, [TEST], { env }, join(context.folder, "histories.tap"));
    let output = "";
    child.onOutput((text) => void (output += text));
    const end = await child.ended;
    verdict.expect("row", "no history differs from the model", end === 0);
    const outcomes = [...output.matchAll(/^\s*# (.*: granted \d+.*)$/gm)].flatMap(([, line = ""]) => line.split(" · "));
    verdict.count(
      "operations",
      outcomes.reduce((sum, outcome) => sum + Number(/ (\d+)$/.exec(outcome)?.[1] ?? 0), 0),
    );
  },
};
