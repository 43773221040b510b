/** What a row of the matrix is, and what the runner gives it. */

import type { Draw } from "../../../scripts/figures/support/random.ts";
import type { InvariantId, Rules } from "../history/lines.ts";
import type { Recorder } from "../history/recorder.ts";

export interface RowContext {
  readonly seed: number;
  /** How often the row does what it is about. */
  readonly rounds: number;
  /** For histories and what processes write. */
  readonly folder: string;
  /** The program that issuers run; this project's own if undefined. */
  readonly main: string | undefined;
  /** False: the machine is too busy to judge how long answers take. */
  readonly isTimed: boolean;
  /** Random numbers by the seed, of their own for each name. */
  draw(name: string): Draw;
  /** Progress, for people. */
  say(text: string): void;
  /** Begins a history; `part` names one of several. The runner closes it. */
  record(rules: Rules, part?: string): Recorder;
}

export interface Row {
  /** As in the matrix: `F1`. */
  readonly id: string;
  readonly title: string;
  /** About how long the whole row takes. */
  readonly minutes: number;
  readonly invariants: readonly InvariantId[];
  readonly rounds: number;
  readonly quickRounds: number;
  /** Throws `Skip` where the machine has not what it takes. */
  run(context: RowContext): Promise<void>;
}

/** What the row needs is not here; the message says what. */
export class Skip extends Error {}

/** Rounds, one after the other, with progress. */
export async function inRounds(context: RowContext, round: (index: number) => Promise<void>): Promise<void> {
  for (let index = 0; index < context.rounds; index += 1) {
    context.say(`round ${index + 1} of ${context.rounds}`);
    await round(index);
  }
}
