import t from "tap";
import { nextRestart } from "../../../src/cli/workers/restarts.ts";

const HOUR = 3_600_000;

/** The waits before the successors of workers that served for these times, one after the other. */
function delays(...served: readonly number[]): number[] {
  let early = 0;
  return served.map((servedMillis) => {
    const restart = nextRestart(early, servedMillis);
    early = restart.early;
    return restart.delayMillis;
  });
}

t.test("a worker that ends is replaced at once, however often, where it has served for a while", async (t) => {
  t.same(delays(HOUR, HOUR, 10_000, HOUR), [0, 0, 0, 0]);
});

t.test("one that ends right after its start is replaced at once, the next ones after waits that double", async (t) => {
  t.same(delays(0, 0, 0, 0, 9_999), [0, 250, 500, 1_000, 2_000]);
});

t.test("no wait is longer than half a minute", async (t) => {
  const waits = delays(...Array.from({ length: 2_000 }, () => 0));
  t.equal(Math.max(...waits), 30_000);
  t.equal(waits.at(-1), 30_000);
});

t.test("what was early is forgotten by one that serves", async (t) => {
  t.same(delays(0, 0, 0, HOUR, 0, 0), [0, 250, 500, 0, 0, 250]);
});
