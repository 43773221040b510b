/** Runs a row: what is wrong with its answer, with the store afterwards, and with the next good request. */

import { Faults } from "../../support/expect.ts";
import type { Expect } from "../../support/expect.ts";
import type { HttpAnswer } from "../../support/http-call.ts";
import { changesBetween } from "../../support/store-dump.ts";
import { after } from "./after.ts";
import { before } from "./before.ts";
import { cookieIn } from "./clients.ts";
import { clientOf } from "./request.ts";
import { AREAS } from "./row.ts";
import type { Row } from "./row.ts";
import { checkAnswer, isOver, OVER, sendRow, unchanged } from "./scene.ts";
import type { Scene } from "./scene.ts";
import { valuesOf } from "./values.ts";
import { whole } from "./whole.ts";
import type { World } from "./world.ts";

/** What comes after a grant is the successor; after anything else the same token. */
async function follow(expect: Expect, scene: Scene, answer: HttpAnswer): Promise<void> {
  const { row, token } = scene;
  if (row.area === "jwks" || row.area === "login") return;
  if (OVER.test(JSON.stringify(row.input)) && !JSON.stringify(row.input).includes("RT_REVOKED")) return isOver(expect, scene);
  await unchanged(expect, { ...scene, token: (answer.status === 200 ? cookieIn(answer) : undefined) ?? token });
}

/** Rows whose refusal is a change by itself: a token used again ends its session. */
const ENDS = new Set(["te-041"]);

export interface RowCounts {
  readonly area: string;
  /** Rows of `bad-inputs.json`: passed, and run. */
  readonly ofFile: readonly [passed: number, rows: number];
  /** Those beside them. */
  readonly more: readonly [passed: number, rows: number];
}

/** Counts by area, of rows that were run; `passed` has the ids of those that pass. */
export function countsOf(fileRows: readonly Row[], more: readonly Row[], passed: ReadonlySet<string>): readonly RowCounts[] {
  const count = (rows: readonly Row[], area: string): readonly [number, number] => {
    const own = rows.filter((row) => row.area === area);
    return [own.filter(({ id }) => passed.has(id)).length, own.length];
  };
  return AREAS.map((area) => ({ area, ofFile: count(fileRows, area), more: count(more, area) }));
}

/** What is wrong with how a row is answered; nothing where it passes. */
export async function faultsOf(world: World, row: Row): Promise<readonly string[]> {
  const faults = new Faults();
  try {
    await runRow(faults, world, row);
  } catch (error) {
    faults.found.push(String(error));
  }
  return faults.found;
}

async function runRow(expect: Expect, world: World, row: Row): Promise<void> {
  const clientId = clientOf(row);
  const scene: Scene = { world, row, clientId, ...(await valuesOf(world, row, clientId)) };
  const alone = whole[row.id];
  if (alone !== undefined) return alone(expect, scene);
  const precondition = before[row.input.precondition ?? (row.id === "li-017" ? "kill -9 redis" : "")];
  const putRight = await precondition?.(world);
  const stored = precondition === undefined ? await world.dumps.read() : undefined;
  const answer = await sendRow(scene);
  if (stored !== undefined && answer.status >= 400 && !ENDS.has(row.id)) {
    const { documents, throttle, assertions } = changesBetween(stored, await world.dumps.read());
    expect.same(documents, [], "nothing that is stored has changed");
    if (row.area !== "login") expect.same(throttle, [], "no failed login was counted");
    expect.equal(assertions.length, row.usesUp === true ? 1 : 0, "assertions that were used up");
  }
  await putRight?.();
  checkAnswer(expect, row, answer);
  await (after[row.id] ?? follow)(expect, scene, answer);
}
