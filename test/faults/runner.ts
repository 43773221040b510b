/** Runs rows one after the other, each into a folder of its own, and checks what they wrote. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { streamOf } from "../../scripts/figures/support/random.ts";
import type { Rules } from "./history/lines.ts";
import { readHistory } from "./history/read.ts";
import { Recorder } from "./history/recorder.ts";
import { reportOf } from "./report.ts";
import type { HistoryReport } from "./report.ts";
import { Skip } from "./rows/row.ts";
import type { Row } from "./rows/row.ts";

export interface RunOptions {
  readonly seed: number;
  /** Of each row; its own number if undefined. */
  readonly rounds?: number | undefined;
  readonly isQuick?: boolean;
  /** For all histories and logs. */
  readonly folder: string;
  readonly main?: string | undefined;
  readonly isTimed?: boolean;
  readonly say: (text: string) => void;
}

export interface RowReport {
  readonly id: string;
  readonly title: string;
  readonly seconds: number;
  /** Why it did not run. */
  readonly skipped?: string;
  /** It broke off. */
  readonly failed?: string;
  /** One per deployment. */
  readonly parts: readonly HistoryReport[];
  readonly histories: readonly string[];
}

export async function runRow(row: Row, options: RunOptions): Promise<RowReport> {
  const { seed, say, main, isTimed = true, isQuick = false } = options;
  const folder = join(options.folder, row.id);
  mkdirSync(folder, { recursive: true });
  const rounds = options.rounds ?? (isQuick ? row.quickRounds : row.rounds);
  const recorders: Recorder[] = [];
  const record = (rules: Rules, part = ""): Recorder => {
    const path = join(folder, `${part === "" ? "history" : part}.ndjson`);
    const recorder = new Recorder(path, { row: row.id, part, seed, rounds, invariants: row.invariants, rules });
    recorders.push(recorder);
    return recorder;
  };
  const began = performance.now();
  const draw = (name: string) => streamOf(seed, `${row.id} ${name}`);
  const ended = await endOf(() => row.run({ seed, rounds, folder, main, isTimed, draw, say: (text) => say(`${row.id}: ${text}`), record }));
  for (const recorder of recorders) recorder.close();
  const histories = recorders.map(({ path }) => path);
  const seconds = Math.round((performance.now() - began) / 1_000);
  return { id: row.id, title: row.title, seconds, ...ended, histories, parts: histories.map((path) => reportOf(readHistory(path))) };
}

async function endOf(run: () => Promise<void>): Promise<Pick<RowReport, "skipped" | "failed">> {
  try {
    await run();
    return {};
  } catch (error) {
    if (error instanceof Skip) return { skipped: error.message };
    return { failed: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
