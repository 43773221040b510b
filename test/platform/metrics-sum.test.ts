import t from "tap";
import { createMetrics } from "../../src/platform/metrics.ts";
import type { Metrics } from "../../src/platform/metrics.ts";
import { createMetricsSum } from "../../src/platform/metrics-sum.ts";
import type { MetricsSum } from "../../src/platform/metrics-sum.ts";

const ROTATED = 'mintmark_refreshes_total{outcome="rotated"}';
const ACTIVE = 'mintmark_keys{algorithm="ES256",state="active"}';

/** The sum by series, with the metrics of a first process that counted nothing. */
async function seriesOf(sum: MetricsSum, own = createMetrics()): Promise<(series: string) => number | undefined> {
  const lines = (await sum.text(await own.snapshot())).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const series = new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]));
  return (name) => series.get(name);
}

/** Metrics of a worker, as another process gets them: a copy that shares nothing. */
async function sent(metrics: Metrics) {
  return structuredClone(await metrics.snapshot());
}

async function workerWith(refreshes: number): Promise<Metrics> {
  const metrics = createMetrics();
  metrics.count("mintmark_refreshes_total", { outcome: "rotated" }, refreshes);
  metrics.observe("mintmark_store_seconds", { op: "get" }, 0.0002);
  metrics.resetKeys([{ algorithm: "ES256", state: "active", count: 1 }]);
  metrics.gauge("mintmark_store_emptied", {}, 0);
  return metrics;
}

t.test("counters and histograms are summed, what all processes see alike is not", async (t) => {
  const sum = createMetricsSum();
  const [one, two] = [await workerWith(3), await workerWith(4)];
  two.gauge("mintmark_store_emptied", {}, 1);
  sum.take(1, await sent(one));
  sum.take(2, await sent(two));
  const series = await seriesOf(sum);
  t.equal(series(ROTATED), 7);
  t.equal(series('mintmark_store_seconds_count{op="get"}'), 2);
  t.equal(series('mintmark_store_seconds_bucket{le="0.0001",op="get"}'), 0);
  t.equal(series('mintmark_store_seconds_bucket{le="0.00025",op="get"}'), 2);
  t.equal(series(ACTIVE), 1, "the ring has one active key, whoever looks at it");
  t.equal(series("mintmark_store_emptied"), 1, "one that has noticed is enough");
});

t.test("what a process says later takes the place of what it said before", async (t) => {
  const sum = createMetricsSum();
  const metrics = await workerWith(3);
  sum.take(1, await sent(metrics));
  metrics.count("mintmark_refreshes_total", { outcome: "rotated" }, 2);
  sum.take(1, await sent(metrics));
  t.equal((await seriesOf(sum))(ROTATED), 5);
});

t.test("no sum falls when a process ends, and what it measured of itself goes with it", async (t) => {
  const sum = createMetricsSum();
  for (let worker = 1; worker <= 20; worker += 1) {
    sum.take(worker, await sent(await workerWith(2)));
    t.equal((await seriesOf(sum))(ROTATED), 2 * worker);
    if (worker < 20) sum.gone(worker);
  }
  const series = await seriesOf(sum);
  t.equal(series('mintmark_store_seconds_count{op="get"}'), 20);
  t.equal(series(ACTIVE), 1);
  sum.gone(20);
  t.equal((await seriesOf(sum))(ACTIVE), undefined);
  t.equal((await seriesOf(sum))(ROTATED), 40);
});

t.test("a process that ends without ever having said anything changes nothing", async (t) => {
  const sum = createMetricsSum();
  sum.take(1, await sent(await workerWith(1)));
  sum.gone(2);
  t.equal((await seriesOf(sum))(ROTATED), 1);
});

t.test("the first process is part of the sum", async (t) => {
  const sum = createMetricsSum();
  const own = createMetrics();
  own.count("mintmark_worker_restarts_total", {});
  own.count("mintmark_http_responses_total", { route: "/metrics", status: "200" });
  const worker = createMetrics();
  worker.count("mintmark_http_responses_total", { route: "/metrics", status: "200" });
  sum.take(1, await sent(worker));
  const series = await seriesOf(sum, own);
  t.equal(series("mintmark_worker_restarts_total"), 1);
  t.equal(series('mintmark_http_responses_total{route="/metrics",status="200"}'), 2);
  t.ok((series("process_resident_memory_bytes") ?? 0) > process.memoryUsage.rss() * 1.5, "memory is the sum of all processes");
});
