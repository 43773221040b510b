/** Who has fetched a staged key: verifiers of several kinds at a running issuer, and the command line beside it. */

import { PassThrough } from "node:stream";
import t from "tap";
import type { Test } from "tap";
import { openServer } from "../../src/compose.ts";
import { readConfig } from "../../src/config.ts";
import { buildApp } from "../../src/http/app.ts";
import { Home } from "../support/issuer-process.ts";
import { until } from "../support/wait.ts";

/** No `stageFor` is shorter than `jwksMaxAge`. */
const KEYS = { stageFor: "2s", jwksMaxAge: "1s" } as const;
const JWKS = "/.well-known/jwks.json";

interface StatusJson {
  readonly counted: boolean;
  readonly keys: readonly {
    readonly kid: string;
    readonly alg: string;
    readonly state: string;
    readonly aged: boolean;
    readonly safe: boolean;
    readonly have: readonly { readonly userAgent: string; readonly address: string; readonly unchanged: number }[];
    readonly lack: readonly { readonly userAgent: string }[];
  }[];
}
type KeyJson = StatusJson["keys"][number];

/** The listener, store and keys of `serve`, in this process, so that nobody waits half a minute for what was noted. */
async function served(t: Test, keys: object = KEYS): Promise<{ home: Home; url: string }> {
  const home = await Home.make(t, { settings: { keys } });
  const config = await readConfig({ MINTMARK_CONFIG: home.configPath }, home.folder);
  if (!config.ok) throw new TypeError("the test's configuration has faults");
  const { issuer, http, close } = await openServer(config.config, new PassThrough().resume(), { fetchesFlushMillis: 100 });
  const app = buildApp({ ...http, issuer });
  t.teardown(async () => {
    await app.close();
    await issuer.stop();
    await close();
  });
  await issuer.start();
  return { home, url: await app.listen({ host: "127.0.0.1", port: 0 }) };
}

/** One fetch of a verifier; its ETag. */
async function fetchSet(url: string, userAgent: string, headers: Record<string, string> = {}): Promise<string> {
  const answer = await fetch(url + JWKS, { headers: { "user-agent": userAgent, ...headers } });
  await answer.arrayBuffer();
  return answer.headers.get("etag") ?? "";
}

/** Of the ES256 keys. */
async function statusOf(home: Home): Promise<StatusJson> {
  const status = JSON.parse(await home.must("keys", "status", "--json")) as StatusJson;
  return { ...status, keys: status.keys.filter(({ alg }) => alg === "ES256") };
}

async function newest(home: Home, known: readonly string[]): Promise<KeyJson> {
  const found = (await statusOf(home)).keys.find(({ kid, state }) => state === "staged" && !known.includes(kid));
  if (found === undefined) throw new Error("no new staged key");
  return found;
}

const agents = (verifiers: KeyJson["have"] | KeyJson["lack"]): string[] => verifiers.map(({ userAgent }) => userAgent).sort();

t.test("status shows who has a staged key before and after they fetch it; promote waits for them", async (t) => {
  const { home, url } = await served(t);
  const etag = await fetchSet(url, "payments/1.0");
  await fetchSet(url, "reports/2.0", { "if-none-match": etag });
  await until("both are known", async () => (await statusOf(home)).keys[0]?.have.length === 2);
  const first = await statusOf(home);
  t.same(first.keys.map(({ state }) => state).sort(), ["active", "staged"]);
  for (const { have, lack } of first.keys) t.same([agents(have), lack], [["payments/1.0", "reports/2.0"], []]);
  t.same(first.keys[0]?.have.map(({ address, unchanged }) => `${address} ${unchanged}`).sort(), ["127.0.0.1 0", "127.0.0.1 1"]);

  await home.must("keys", "stage", "--alg", "ES256");
  const known = first.keys.map(({ kid }) => kid);
  const before = await newest(home, known);
  t.same([agents(before.lack), before.safe], [["payments/1.0", "reports/2.0"], false]);
  await until("it has aged", async () => (await newest(home, known)).aged);
  t.equal((await newest(home, known)).safe, false, "though it has aged");
  t.match(await home.must("keys", "status", before.kid), /2 verifiers have not fetched it/);

  // Who sends its ETag and gets the new set has it; who asks by HEAD or for any ETag has not.
  await fetchSet(url, "payments/1.0", { "if-none-match": etag });
  await fetch(url + JWKS, { method: "HEAD", headers: { "user-agent": "reports/2.0" } });
  await fetchSet(url, "reports/2.0", { "if-none-match": "*" });
  await until("one has it", async () => (await newest(home, known)).have.length > 0);
  const between = await newest(home, known);
  t.same([agents(between.have), agents(between.lack), between.safe], [["payments/1.0"], ["reports/2.0"], false]);

  const late = await home.command(["keys", "promote", before.kid, "--wait-until-seen", "payments", "reports", "--deadline", "1s"]);
  t.equal(late.code, 1);
  t.match(late.stderr, /waiting for reports \(0 of 1 have it\)/);
  t.match(late.stderr, /not fetched by reports: nothing was changed/);
  t.equal((await newest(home, known)).state, "staged");

  const waiting = home.command(["keys", "promote", before.kid, "--wait-until-seen", "payments/1.0", "Reports", "--deadline", "30s"]);
  await fetchSet(url, "reports/2.0");
  const { code, stderr } = await waiting;
  t.equal(code, 0, stderr);
  t.equal((await statusOf(home)).keys.find(({ kid }) => kid === before.kid)?.state, "active");
});

t.test("a key that can't age before the deadline is exit 3 at once, and by force waits for the verifiers alone", async (t) => {
  const { home, url } = await served(t, { ...KEYS, stageFor: "1h" });
  const staged = await newest(home, []);
  const argv = ["keys", "promote", staged.kid, "--wait-until-seen", "127.0.0.1", "--deadline", "20s"];
  const young = await home.command(argv);
  t.equal(young.code, 3);
  t.match(young.stderr, /after the deadline/);
  const waiting = home.command([...argv, "--force", "--reason", "drill"]);
  await fetchSet(url, "payments/1.0");
  const { code, stderr } = await waiting;
  t.equal(code, 0, stderr);
  t.equal((await statusOf(home)).keys.find(({ kid }) => kid === staged.kid)?.state, "active");
});

t.test("switched off, nothing is noted", async (t) => {
  const { home, url } = await served(t, { ...KEYS, countFetches: false });
  await fetchSet(url, "payments/1.0");
  const { counted, keys } = await statusOf(home);
  t.equal(counted, false);
  t.same(
    keys.flatMap(({ have, lack }) => [...have, ...lack]),
    [],
  );
});

t.test("several workers, as processes: what each has noted is in the table when they have stopped", async (t) => {
  const home = await Home.make(t, { settings: { keys: KEYS, workers: 2 } });
  const issuer = await home.start();
  for (let index = 0; index < 20; index += 1) await fetchSet(issuer.url, `agent/${index}`, { connection: "close" });
  t.equal(await issuer.stop(), 0);
  const { keys } = await statusOf(home);
  t.equal(keys[0]?.have.length, 20);
});
