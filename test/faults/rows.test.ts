/** A small part of the matrix: a few rounds of the rows that are quick, always with the same seed. How long answers take is not judged. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import type { Test } from "tap";
import { KINDS } from "./failovers/kinds.ts";
import { seriesOf } from "./failovers/series.ts";
import { violationsIn } from "./report.ts";
import { f01 } from "./rows/f01-redis-killed.ts";
import { f11 } from "./rows/f11-replies-lost.ts";
import { f15 } from "./rows/f15-killed-after-commit.ts";
import { f17 } from "./rows/f17-rotation.ts";
import { f23 } from "./rows/f23-tabs-losses-thieves.ts";
import { NOT_YET, ROWS, SOAK } from "./rows/index.ts";
import type { Row } from "./rows/row.ts";
import { runRow } from "./runner.ts";
import { skipWithoutRedis } from "../support/redis.ts";

// Of the whole file, on a machine that is slow and busy.
t.setTimeout(600_000);

const SEED = 20_261_128;

async function holds(t: Test, row: Row, rounds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "mintmark-faults-"));
  const report = await runRow(row, { seed: SEED, rounds, folder, isTimed: false, say: (text) => t.comment(text) });
  t.equal(report.failed, undefined);
  t.same(
    report.parts.flatMap(({ told }) => told),
    [],
    `with the seed ${SEED}; the histories are ${report.histories.join(", ")}`,
  );
  t.equal(
    report.parts.reduce((sum, part) => sum + violationsIn(part), 0),
    0,
  );
  t.ok(
    report.parts.every(({ operations }) => operations > 100),
    "there was a load",
  );
  if (t.passing()) rmSync(folder, { recursive: true, force: true });
}

t.test("F1: Redis is killed under load", { skip: skipWithoutRedis }, (t) => holds(t, f01, 1));

t.test("F11: requests and replies are lost between issuer and Redis", { skip: skipWithoutRedis }, (t) => holds(t, f11, 2));

t.test("F15: an issuer is killed between commit and answer", { skip: skipWithoutRedis }, (t) => holds(t, f15, 2));

t.test("F17: keys rotate under load", { skip: skipWithoutRedis }, (t) => holds(t, f17, 1));

t.test("F23: tabs, losses and thieves", { skip: skipWithoutRedis }, (t) => holds(t, f23, 1));

t.test("a primary is killed while sessions are revoked behind Sentinel", { skip: skipWithoutRedis }, async (t) => {
  const kind = KINDS.find(({ id }) => id === "sentinel:kill9");
  if (kind === undefined) throw new Error("there is no such kind");
  await holds(t, seriesOf(kind), 1);
});

t.test("every row of the matrix is here, or it is said why not", async (t) => {
  const ids = Array.from({ length: 29 }, (_, index) => `F${index + 1}`);
  const here = [...ROWS, SOAK].map(({ id }) => id);
  t.same([...here, ...Object.keys(NOT_YET)].sort(), ids.sort());
});
