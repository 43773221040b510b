import t from "tap";
import { createMetrics } from "../../src/platform/metrics.ts";

/** The values of the text format by series, without comments. */
async function seriesOf(metrics: ReturnType<typeof createMetrics>): Promise<Map<string, string>> {
  const lines = (await metrics.text()).split("\n").filter((line) => line.startsWith("mintmark_"));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), line.slice(line.lastIndexOf(" ") + 1)]));
}

t.test("what is counted, observed and set is in the text", async (t) => {
  const metrics = createMetrics();
  metrics.count("mintmark_refreshes_total", { outcome: "rotated" });
  metrics.count("mintmark_refreshes_total", { outcome: "rotated" }, 4);
  metrics.count("mintmark_refreshes_total", { outcome: "replayed" });
  metrics.count("mintmark_logins_total", { outcome: "ok" });
  metrics.count("mintmark_session_ends_total", { reason: "logout" });
  metrics.count("mintmark_store_errors_total", { outcome: "unknown" });
  metrics.count("mintmark_http_responses_total", { route: "/sessions/{sid}", status: "204" });
  metrics.observe("mintmark_store_seconds", { op: "get" }, 0.0002);
  metrics.observe("mintmark_store_seconds", { op: "get" }, 3);
  metrics.gauge("mintmark_keys", { algorithm: "ES256", state: "active" }, 1);
  metrics.gauge("mintmark_keys", { algorithm: "ES256", state: "active" }, 0);
  metrics.gauge("mintmark_store_emptied", {}, 1);

  const series = await seriesOf(metrics);
  const expected: [series: string, value: string][] = [
    ['mintmark_refreshes_total{outcome="rotated"}', "5"],
    ['mintmark_refreshes_total{outcome="replayed"}', "1"],
    ['mintmark_logins_total{outcome="ok"}', "1"],
    ['mintmark_session_ends_total{reason="logout"}', "1"],
    ['mintmark_store_errors_total{outcome="unknown"}', "1"],
    ['mintmark_http_responses_total{route="/sessions/{sid}",status="204"}', "1"],
    ['mintmark_store_seconds_count{op="get"}', "2"],
    ['mintmark_store_seconds_bucket{le="0.0001",op="get"}', "0"],
    ['mintmark_store_seconds_bucket{le="0.00025",op="get"}', "1"],
    ['mintmark_store_seconds_bucket{le="2.5",op="get"}', "1"],
    ['mintmark_store_seconds_bucket{le="+Inf",op="get"}', "2"],
    ['mintmark_keys{algorithm="ES256",state="active"}', "0"],
    ["mintmark_store_emptied", "1"],
  ];
  for (const [name, value] of expected) t.equal(series.get(name), value, name);
});

t.test("each registry counts for itself, and shows the process too", async (t) => {
  const first = createMetrics();
  const second = createMetrics();
  first.count("mintmark_logins_total", { outcome: "ok" });
  t.equal((await seriesOf(second)).has('mintmark_logins_total{outcome="ok"}'), false);
  t.match(await second.text(), /^process_cpu_seconds_total /m);
});

t.test("the content type is the one of the text format", async (t) => {
  t.match(createMetrics().contentType, /^text\/plain; version=0\.0\.4; charset=utf-8$/);
});

t.test("a name or label that is not in the table is the programmer's error", async (t) => {
  const metrics = createMetrics();
  // @ts-expect-error the table has no such name
  t.throws(() => metrics.count("mintmark_other_total", {}), TypeError);
  // @ts-expect-error nor such a label
  t.throws(() => metrics.count("mintmark_logins_total", { username: "x" }));
});
