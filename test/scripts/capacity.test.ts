/** The model of capacity: its arithmetic against sums done by hand, its command line, and the page that shows it. */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { readArguments } from "../../scripts/capacity/arguments.ts";
import { COST_NAMES, type CostName, type Costs, type FlowName, FLOWS, MEASURED_COSTS } from "../../scripts/capacity/costs.ts";
import { type Capacity, capacityOf } from "../../scripts/capacity/model.ts";
import { bitsText, bytesText, numberText, secondsText } from "../../scripts/capacity/numbers.ts";
import { pageInStep } from "../../scripts/capacity/page.ts";
import { boundsOf, DEFAULT_PARAMETERS, PARAMETER_NAMES, type Parameters } from "../../scripts/capacity/parameters.ts";

const root = join(import.meta.dirname, "../..");
const SCRIPT = join(root, "scripts/capacity.ts");
const GIB = 2 ** 30;

type SomeCosts = Partial<Record<FlowName, Partial<Record<CostName, number>>>>;

/** Nothing costs anything but what is named. */
function costsOf(some: SomeCosts): Costs {
  const nothing = Object.fromEntries(COST_NAMES.map((name) => [name, 0])) as Record<CostName, number>;
  return Object.fromEntries(FLOWS.map((flow) => [flow, { ...nothing, ...some[flow] }])) as Costs;
}

/** Nobody logs in, nothing is stored, and every machine is used whole; each test says what else there is. */
const NOTHING: Parameters = {
  ...DEFAULT_PARAMETERS,
  "active-share": 0,
  "logins-per-session-day": 0,
  "ends-per-session-day": 0,
  "peak-factor": 1,
  "password-share": 0,
  verifiers: 0,
  "subject-bytes": 0,
  "cluster-key-bytes": 0,
  "usable-share": 1,
  "redis-utilisation": 1,
  "issuer-utilisation": 1,
  "wait-micros": 0,
  "tls-bytes": 0,
  "header-bytes": 0,
  "wire-factor": 1,
};

function modelled(sessions: number, parameters: Partial<Parameters>, costs: SomeCosts = {}): Capacity {
  return capacityOf(sessions, { parameters: { ...NOTHING, ...parameters }, costs: costsOf(costs) });
}

const near = (a: number, b: number): boolean => Math.abs(a - b) <= Math.abs(b) * 1e-9;

t.test("rates follow from sessions, the share that is active, and the busiest hour", async (t) => {
  const { rates } = modelled(86_400, {
    "active-share": 0.5,
    "refresh-seconds": 600,
    "logins-per-session-day": 2,
    "ends-per-session-day": 1,
    "peak-factor": 3,
    "password-share": 0.25,
    "introspections-per-refresh": 2,
    verifiers: 1_200,
    "jwks-seconds": 600,
    "jwks-unchanged-share": 0.5,
  });
  t.same(rates, { refresh: 72, "password-login": 1.5, "assertion-login": 4.5, end: 3, introspection: 144, jwks: 1, "jwks-unchanged": 1 });
});

t.test("memory is what each kind of document takes", async (t) => {
  const { memory, subjects } = modelled(1_000, {
    "sessions-per-subject": 4,
    "subject-bytes": 200,
    "extra-session-bytes": 100,
    "claims-bytes": 50,
    "claims-factor": 2,
    "password-share": 0.5,
    "account-bytes": 400,
    "logins-per-session-day": 86.4,
    "assertion-seconds": 10,
    "assertion-id-bytes": 20,
    "ends-per-session-day": 2,
    "end-seconds": 43_200,
    "ended-subject-bytes": 40,
    "end-entry-bytes": 7,
  });
  t.equal(subjects, 250);
  // 200 + 3 × 100 + 4 × 50 × 2 for each subject; 125 accounts; 1000 ends within half a day, a quarter of which empty a subject; 0.5 logins a second.
  t.same(memory, { sessions: 225_000, accounts: 50_000, endedSubjects: 10_000, assertionIds: 100, endsLog: 7_000, total: 292_100 });
});

t.test("shards are as many as memory or commands need, whichever is more", async (t) => {
  const sessions = 3 * GIB;
  const ofMemory = { "subject-bytes": 8, "shard-gib": 16, "usable-share": 0.5 };
  const byMemory = modelled(sessions, ofMemory).shards;
  t.match(byMemory, { byMemory: 3, byCommands: 0, count: 3, processes: 6, provided: 2 * 3 * 16 * GIB });

  const refreshing = { ...ofMemory, "active-share": 600 / sessions, "refresh-seconds": 0.003, "redis-utilisation": 0.5 };
  const byCommands = modelled(sessions, refreshing, { refresh: { "redis-micros": 10 } }).shards;
  t.ok(near(byCommands.byCommands, 4), "200,000 refreshes of 10 µs, on cores half used");
  t.match({ ...byCommands, count: byCommands.count }, { byMemory: 3, count: 4 });
});

t.test("a Cluster's keys are dearer; one Redis is no Cluster", async (t) => {
  const bytes = { "subject-bytes": 90, "cluster-key-bytes": 10, "shard-gib": 1 };
  t.equal(modelled(1_000, bytes).memory.total, 90_000);
  t.equal(modelled(GIB, bytes).memory.total, 100 * GIB);
  t.equal(modelled(GIB, bytes).shards.count, 100);
});

t.test("confirmed writes wait, unless there is no replica to wait for", async (t) => {
  const ends = { "ends-per-session-day": 86_400, "wait-micros": 100_000 };
  const costs = { end: { "confirmed-writes": 2, "redis-micros": 50_000, "write-bytes": 1_000 } };
  const replicated = modelled(10, { ...ends, replicas: 2 }, costs);
  t.ok(near(replicated.shards.byCommands, 2.5));
  t.equal(replicated.confirmedWritesPerSecond, 20);
  t.ok(near(replicated.network.replicationBits, 160_000));
  t.equal(replicated.shards.processes, 9);
  const alone = modelled(10, { ...ends, replicas: 0 }, costs);
  t.ok(near(alone.shards.byCommands, 0.5));
  t.equal(alone.network.replicationBits, 0);
  t.equal(alone.shards.processes, 1);
});

t.test("issuers need cores for requests and for hashes, and processes for either", async (t) => {
  const logins = { "logins-per-session-day": 86_400, "password-share": 1, "issuer-utilisation": 0.5, "hashes-per-process": 2 };
  const hashing = modelled(100, logins, { "password-login": { "issuer-micros": 1_000, "hash-micros": 20_000 } }).issuer;
  t.ok(near(hashing.requestCores, 0.2));
  t.ok(near(hashing.hashCores, 4));
  t.equal(hashing.processes, 2);
  const busy = modelled(100, logins, { "password-login": { "issuer-micros": 20_000, "hash-micros": 1_000 } }).issuer;
  t.equal(busy.processes, 4);
  t.equal(modelled(100, { ...logins, "password-share": 0 }, { "password-login": { "hash-micros": 20_000 } }).issuer.hashCores, 0);
});

t.test("the network is payload, handshakes and headers; files and their rewrites follow from the writes", async (t) => {
  const refreshing = { "active-share": 1, "refresh-seconds": 10, "subject-bytes": 2 ** 20 };
  const overhead = {
    "tls-bytes": 300,
    "header-bytes": 100,
    "wire-factor": 1.5,
    "rewrite-mib-per-second": 10,
    "copied-bytes-per-refresh": 2_000,
  };
  const costs = { "client-bytes-in": 60, "client-bytes-out": 40, "redis-bytes-in": 30, "redis-bytes-out": 20, "write-bytes": 5 };
  const { network, file } = modelled(1_000, { ...refreshing, ...overhead }, { refresh: costs });
  t.ok(near(network.edgeBits, 100 * 500 * 8 * 1.5));
  t.ok(near(network.redisBits, 100 * 50 * 8 * 1.5));
  t.ok(near(network.replicationBits, 100 * 5 * 8 * 1.5));
  t.same(file, { bytesPerHour: 1_800_000, rewriteSeconds: 100, copiedBytes: 20_000_000 });
  const most = modelled(1_000, { ...refreshing, ...overhead, "copied-bytes-per-refresh": 1e9 }, { refresh: costs }).file.copiedBytes;
  t.equal(most, 1_000 * 2 ** 20, "never more than there is");
});

t.test("the log of ends has one shard, however many there are", async (t) => {
  const log = { "append-micros": 10, "end-entry-bytes": 2 ** 20, "end-seconds": 86_400, "assert-micros": 500 };
  const byMemory = modelled(1_024, { ...log, "ends-per-session-day": 1, "shard-gib": 4, "peak-factor": 2 });
  t.ok(near(byMemory.endsLog.appendsPerSecondMax, (4_096 / 86_400) * 2), "a peak is over before the log is full");
  t.match(byMemory.endsLog, { assertSeconds: 0.512 });
  const need = byMemory.needs.find(({ resource }) => resource === "log of ends");
  t.match(need, { canBeAdded: false });
  t.ok(near(need?.units ?? 0, 0.25));
  const byCore = modelled(1, { ...log, "end-entry-bytes": 0.001, "redis-utilisation": 0.5, "wait-micros": 30 });
  t.ok(near(byCore.endsLog.appendsPerSecondMax, 12_500));
});

t.test("the need that is largest comes first", async (t) => {
  const { needs } = modelled(
    8,
    { "subject-bytes": GIB, "shard-gib": 4, "active-share": 1, "refresh-seconds": 1 },
    { refresh: { "issuer-micros": 1e6 } },
  );
  t.match(needs.slice(0, 2), [
    { resource: "requests", units: 8 },
    { resource: "memory of Redis", units: 2 },
  ]);
});

t.test("the defaults: each within its own bounds, and a subject within what is promised, in a Cluster too", async (t) => {
  for (const name of PARAMETER_NAMES) {
    const { least, most } = boundsOf(name);
    t.ok(DEFAULT_PARAMETERS[name] >= least && DEFAULT_PARAMETERS[name] <= most, name);
  }
  t.ok(DEFAULT_PARAMETERS["subject-bytes"] + DEFAULT_PARAMETERS["cluster-key-bytes"] <= 300);
});

t.test("arguments: sizes, parameters and costs by their names, everything else as it was measured", async (t) => {
  const request = readArguments([
    "--sessions",
    "250k,1.5M",
    "--sessions",
    "2e3",
    "--replicas=2",
    "--refresh-issuer-micros",
    "300",
    "--json",
  ]);
  if ("fault" in request) throw new Error(request.fault);
  t.same(request.sizes, [250_000, 1_500_000, 2_000]);
  t.same(request.assumptions.parameters, { ...DEFAULT_PARAMETERS, replicas: 2 });
  t.same(request.assumptions.costs, { ...MEASURED_COSTS, refresh: { ...MEASURED_COSTS.refresh, "issuer-micros": 300 } });
  t.same([...request.given].sort(), ["refresh-issuer-micros", "replicas"]);
  t.equal(request.output, "json");
  t.match(readArguments([]), { sizes: [1e4, 1e6, 1e8, 1e9], output: "text", assumptions: { parameters: DEFAULT_PARAMETERS } });
});

t.test("a wrong argument is one line", async (t) => {
  const wrong: [argv: string[], line: RegExp][] = [
    [["--sessions", "many"], /^--sessions is a number, 1 to 1000000000000 .*, not "many"$/],
    [["--sessions", "0"], /^--sessions is a number/],
    [["--sessions", "1k,,2k"], /^--sessions is a number.*not ""$/],
    [["--sessions", "Infinity"], /^--sessions is a number/],
    [["--sessions", "-5"], /^Option '--sessions' argument is ambiguous: see --help$/],
    [["--active-share", "1.1"], /^--active-share is a number, 0 to 1 /],
    [["--usable-share", "0"], /^--usable-share is a number, 0.001 to 1 /],
    [["--refresh-redis-micros=-1"], /^--refresh-redis-micros is a number, 0 or more /],
    [["--replicas"], /^Option '--replicas <value>' argument missing: see --help$/],
    [["--session", "5"], /^Unknown option '--session': see --help$/],
    [["1000"], /^Unexpected argument '1000': see --help$/],
    [["--json", "--help"], /^--json and --help: one of them$/],
    [["--write", "--replicas", "2"], /^--write takes no other option/],
  ];
  for (const [argv, line] of wrong) {
    const result = readArguments(argv);
    t.match("fault" in result ? result.fault : "accepted", line, argv.join(" "));
  }
});

function run(...argv: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, ...argv], { encoding: "utf8" });
  return { status, stdout, stderr };
}

t.test("the command: a table, JSON, help, and exit 2 for a wrong argument", async (t) => {
  const table = run("--sessions", "2M", "--replicas", "2");
  t.equal(table.status, 0);
  t.match(table.stdout, /^sessions +2,000,000$/m);
  t.match(table.stdout, /^replicas +2\* +given /m);
  t.match(table.stdout, /^subject-bytes +277 +bench memory /m);
  const json = JSON.parse(run("--sessions", "2M", "--json").stdout) as { sizes: Capacity[]; parameters: Parameters; costs: Costs };
  t.same(json.sizes, [capacityOf(2e6, { parameters: DEFAULT_PARAMETERS, costs: MEASURED_COSTS })]);
  t.same([json.parameters, json.costs], [DEFAULT_PARAMETERS, MEASURED_COSTS]);
  const help = run("--help").stdout;
  for (const name of [...PARAMETER_NAMES, ...COST_NAMES.map((cost) => `FLOW-${cost}`)]) t.match(help, `  --${name} N `);
  t.same(run("--replicas", "none"), {
    status: 2,
    stdout: "",
    stderr: 'capacity: --replicas is a number, 0 or more (also 250k, 1.5M, 1G), not "none"\n',
  });
});

t.test("the page shows what the model says: node scripts/capacity.ts --write", async (t) => {
  const page = readFileSync(join(root, "docs/capacity.md"), "utf8");
  t.equal(pageInStep(page), page);
  t.equal(pageInStep(page.replaceAll(/^\| refreshes .*$/gm, "| refreshes | none |")), page, "what is out of step is replaced");
  t.throws(() => pageInStep(page.replace("<!-- end of costs -->", "")), /no place for the table "costs"/);
});

t.test("numbers for people have three digits that count", async (t) => {
  t.same([0, 0.004, 0.0123456, 12.345, 999.4, 1234.5, 1e9].map(numberText), [
    "0",
    "under 0.01",
    "0.0123",
    "12.3",
    "999",
    "1,235",
    "1,000,000,000",
  ]);
  t.same([512, 2_048, 1.5 * GIB, 3 * 2 ** 50].map(bytesText), ["512 B", "2 KiB", "1.5 GiB", "3 PiB"]);
  t.same([900, 1_500, 2.5e9].map(bitsText), ["900 bit/s", "1.5 kbit/s", "2.5 Gbit/s"]);
  t.same([90, 300, 7_200].map(secondsText), ["90 s", "5 min", "2 h"]);
});
