/**
 * The rows of `shared/bad-inputs.json` about the routes, and more of their kinds, against a running issuer: what a refused
 * request is answered, and that it changed nothing.
 */

import t from "tap";
import { skipWithoutRedis } from "../support/redis.ts";
import { chosen, differences, leftOut, slow } from "./bad-inputs.ts";
import { after } from "./bad-inputs/after.ts";
import { rowsOfFile } from "./bad-inputs/row.ts";
import { countsOf, faultsOf } from "./bad-inputs/run.ts";
import { whole } from "./bad-inputs/whole.ts";
import { makeWorld } from "./bad-inputs/world.ts";
import { moreRows } from "./more-bad-inputs.ts";

// Of the whole file, on a machine that is slow and busy.
t.setTimeout(600_000);

const fileRows = rowsOfFile();

t.test(
  "every row is run or left out with a reason",
  { skip: fileRows.length === 0 && "no bad-inputs.json beside the project" },
  async (t) => {
    const ids = new Set(fileRows.map(({ id }) => id));
    for (const id of [leftOut, slow, chosen, differences, after, whole].flatMap(Object.keys)) t.ok(ids.has(id), id);
    t.equal(fileRows.length - Object.keys(leftOut).length, 107);
  },
);

t.test("the rows about the routes, against a running issuer", { skip: skipWithoutRedis }, async (t) => {
  const world = await makeWorld(t, { store: "redis" });
  const ofFile = fileRows.filter(({ id }) => !(id in leftOut || id in slow));
  const rows = [...ofFile, ...moreRows];
  t.equal(new Set(rows.map(({ id }) => id)).size, rows.length, "no id twice");
  const passed = new Set<string>();
  for (const row of rows) {
    const faults = await faultsOf(world, row);
    t.same(faults, [], `${row.id} ${row.area}: ${row.description}`);
    if (faults.length === 0) passed.add(row.id);
  }
  for (const { area, ofFile: file, more } of countsOf(ofFile, moreRows, passed))
    t.comment(`${area}: ${file.join(" of ")} rows of the file, ${more.join(" of ")} more`);
  t.same([await world.issuer.stop(), await world.usual.stop()], [0, 0]);
});
