/**
 * The rows of `shared/bad-inputs.json` about the routes, against a running issuer: what a refused request is answered,
 * and that it changed nothing.
 */

import { cpSync, existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Test } from "tap";
import t from "tap";
import { sha256Hex } from "../../src/compose.ts";
import type { ConfigDocument } from "../../src/config.ts";
import { form, logIn, mustLogIn, mustRefresh, refresh, tokensOf } from "../support/client-calls.ts";
import type { Tokens } from "../support/client-calls.ts";
import { membersOf, outcomeOf } from "../support/http-call.ts";
import type { HttpAnswer } from "../support/http-call.ts";
import { API, Home, SECRET } from "../support/issuer-process.ts";
import type { RunningIssuer } from "../support/issuer-process.ts";
import { skipWithoutRedis, startRedis } from "../support/redis.ts";
import type { RedisServer } from "../support/redis.ts";
import { pause, until } from "../support/wait.ts";
import { differences, leftOut } from "./bad-inputs.ts";
import { DURABLE } from "./stores.ts";

// Of the whole file, on a machine that is slow and busy.
t.setTimeout(600_000);

const FILE = join(import.meta.dirname, "../../../shared/bad-inputs.json");
const AREAS = ["token-endpoint", "login", "revoke", "introspect", "jwks"];
const PASSWORD = "the password that bad inputs get";
/** 72 bytes and more: where bcrypt would stop reading. */
const LONG_PASSWORD = `${"x".repeat(72)}RIGHT`;
const PATHS: Readonly<Record<string, string>> = { TOKEN: "/token", LOGIN: "/login", REVOKE: "/revoke", INTROSPECT: "/introspect" };

interface Row {
  readonly id: string;
  readonly area: string;
  readonly description: string;
  readonly input: {
    readonly method: string;
    readonly path: string | readonly string[];
    readonly headers?: Readonly<Record<string, string | readonly string[]>> | null;
    readonly body?: string | null;
    readonly precondition?: string;
    readonly path_query?: string;
    readonly concurrency?: number | string;
    readonly raw?: { readonly body_hex?: string };
    readonly repeat?: { readonly n: number; readonly char?: string; readonly template?: string };
  };
  readonly expected: {
    readonly status: readonly number[];
    readonly error?: readonly string[] | null;
    readonly headers?: Readonly<Record<string, string>> | null;
    readonly invariants: readonly string[];
  };
}

const rows = existsSync(FILE) ? (JSON.parse(readFileSync(FILE, "utf8")) as Row[]).filter(({ area }) => AREAS.includes(area)) : [];
const skip = rows.length === 0 ? "shared/bad-inputs.json is not beside the project" : skipWithoutRedis;

/** Made per row, as the row names them. */
type Values = Readonly<Record<string, string>>;

const basicText = (id: string, secret: string): string => Buffer.from(`${id}:${secret}`).toString("base64");

/** Changes one character of a refresh token, and leaves it one by its form. */
function flipped(token: string): string {
  const at = token.length - 10;
  return `${token.slice(0, at)}${token[at] === "A" ? "B" : "A"}${token.slice(at + 1)}`;
}

/** The claims of a good token under a signature of nobody. */
function forged(token: string): string {
  const [header, claims] = token.split(".");
  return `${header}.${claims}.${Buffer.alloc(64, 1).toString("base64url")}`;
}

function filled(text: string, values: Values, encode: (value: string) => string = (value) => value): string {
  return text.replace(/\{\{([^}]+)\}\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`a row needs ${name}, which nobody makes`);
    return encode(value);
  });
}

function repeated({ char, template, n }: NonNullable<Row["input"]["repeat"]>): string {
  if (template === undefined) return (char ?? "").repeat(n);
  return Array.from({ length: n }, (_, index) => template.replace("{i}", String(index))).join("");
}

function bodyOf({ input, area }: Row, values: Values): string | Buffer | undefined {
  if (input.raw?.body_hex !== undefined) return Buffer.from(input.raw.body_hex, "hex");
  if (input.body === null || input.body === undefined) return undefined;
  const text = filled(input.body, values);
  // INTERFACE: a request that names no client is 401 invalid_client; the rows about logins leave it out.
  if (input.body.includes('"disabled"')) return JSON.stringify({ username: "disabled", password: PASSWORD, client_id: "app" });
  if (area === "login") return text.replace(/^\{/, '{"client_id":"app",');
  return text + (input.repeat === undefined ? "" : repeated(input.repeat));
}

async function send(issuer: RunningIssuer, row: Row, path: string, values: Values): Promise<HttpAnswer> {
  const { method, headers, path_query: query = "" } = row.input;
  const named = Object.entries(headers ?? {}).map(([name, value]) => [name, typeof value === "string" ? filled(value, values) : value]);
  const body = bodyOf(row, values);
  const target = (path.startsWith("/") ? path : filled(path, PATHS)) + query;
  return issuer.send(target, {
    method,
    headers: Object.fromEntries(named) as Record<string, string>,
    ...(body === undefined ? {} : { body }),
  });
}

/** What a row expects, with what INTERFACE or DESIGN say otherwise. */
function check(t: Test, row: Row, answer: HttpAnswer): void {
  const { status, error = null } = { ...row.expected, ...differences[row.id] };
  const [, word = ""] = outcomeOf(answer).split(" ");
  t.ok(status.includes(answer.status), `status ${answer.status} is one of ${status.join()}`);
  if (error !== null && answer.status !== 200) t.ok(error.includes(word), `error ${word} is one of ${error.join()}`);
  for (const [name, value] of Object.entries(row.expected.headers ?? {})) t.equal(answer.headers[name], value, name);
  t.ok(answer.headers["x-request-id"]);
  if (answer.status === 405) t.ok(answer.headers["allow"]);
  if (answer.status === 503 || answer.status === 429) t.match(answer.headers["retry-after"], /^[1-9]\d*$/);
  if (answer.status === 401 && row.input.headers?.["authorization"] !== undefined) t.match(answer.headers["www-authenticate"], /^Basic /);
  t.notOk("set-cookie" in answer.headers);
  if (answer.status >= 400)
    t.match(answer.body, /^\{"error":"[\x20-\x21\x23-\x5b\x5d-\x7e]+","error_description":"[\x20-\x21\x23-\x5b\x5d-\x7e]+"\}$/);
}

const OWN = { type: "public", grants: ["login", "refresh_token"], resources: [API], scopes: ["read", "write"] } as const;

/** A token that was presented once is used up here, so that a refused request that rotated it would show. */
const STRICT = { ...OWN, id: "app", retryWindow: "0s", keyedRetryWindow: "0s" };
const BACKEND = { id: "service", type: "confidential", secretSha256: sha256Hex(SECRET), resources: [API], scopes: ["read"] } as const;

const SETTINGS = {
  clockSkew: "0s",
  login: { failuresPerMinute: 1_000, failuresPerMinutePerAddress: 1_000 },
  resources: [{ id: API, scopes: ["read", "write"] }],
  clients: [
    STRICT,
    { ...OWN, id: "patient" },
    { ...OWN, id: "other" },
    { ...OWN, id: "idle", idleLifetime: "1s", accessTokenLifetime: "1s" },
    { ...OWN, id: "absolute", idleLifetime: "1s", absoluteLifetime: "1s" },
    { ...BACKEND, grants: ["client_credentials"] },
  ],
} satisfies Partial<ConfigDocument>;

/** Rows whose refresh token is another client's than `app`. */
const CLIENTS: Readonly<Record<string, string>> = {
  "te-017": "patient",
  "te-038": "absolute",
  "te-039": "idle",
  "te-042": "patient",
  "te-045": "patient",
  "te-101": "patient",
};

interface Scene {
  readonly home: Home;
  readonly redis: RedisServer;
  readonly issuer: RunningIssuer;
  readonly row: Row;
  readonly clientId: string;
  /** The newest token of the session that the row is about. */
  readonly token: string;
  readonly values: Values;
  send(): Promise<HttpAnswer>;
}

async function logInTo(issuer: RunningIssuer, clientId: string): Promise<Tokens> {
  return mustLogIn(issuer, "u", PASSWORD, { client_id: clientId });
}

async function next(issuer: RunningIssuer, clientId: string, token: string): Promise<string> {
  return (await mustRefresh(issuer, token, { client_id: clientId })).refreshToken;
}

/** What the names in a row stand for; made for it alone. */
async function valuesOf(issuer: RunningIssuer, row: Row, clientId: string): Promise<{ token: string; values: Values }> {
  const text = JSON.stringify(row.input);
  const first = await logInTo(issuer, clientId);
  let token = first.refreshToken;
  const values: Record<string, string> = {
    PUBLIC_CLIENT: clientId,
    OTHER_CLIENT: "other",
    CONF_CLIENT: "service",
    CONF_SECRET: SECRET,
    CONF_BASIC: basicText("service", SECRET),
    CONF_BASIC_WRONG: basicText("service", `${SECRET}x`),
    RT: token,
    RT_BITFLIP: flipped(token),
    ACCESS_JWT: first.accessToken,
    FORGED_JTI: forged(first.accessToken),
    "72 bytes": LONG_PASSWORD.slice(0, 72),
  };
  if (text.includes("{{RT2}}")) values["RT2"] = (await logInTo(issuer, clientId)).refreshToken;
  if (text.includes("{{RT_REVOKED}}")) {
    values["RT_REVOKED"] = (await logInTo(issuer, clientId)).refreshToken;
    await form(issuer, "/revoke", { token: values["RT_REVOKED"], client_id: clientId });
  }
  if (text.includes("{{ACCESS_EXPIRED}}")) values["ACCESS_EXPIRED"] = (await logInTo(issuer, "idle")).accessToken;
  if (text.includes("_EXPIRED}}")) {
    values["RT_IDLE_EXPIRED"] = values["RT_ABS_EXPIRED"] = token;
    await pause(1_150);
  }
  if (/\{\{RT_(PREV_LATE|GRANDPARENT)/.test(text)) {
    values["RT_PREV_LATE"] = values["RT_GRANDPARENT"] = token;
    token = await next(issuer, clientId, token);
    if (text.includes("GRANDPARENT")) token = await next(issuer, clientId, token);
    await pause(20);
  }
  const { etag = "" } = (await issuer.send("/.well-known/jwks.json")).headers;
  return { token, values: { ...values, ETAG: etag, OLD_ETAG: etag } };
}

/** Unless a row says more: the session is as it was, and its token has not been presented. */
async function unchanged(t: Test, { issuer, clientId, token }: Scene): Promise<void> {
  t.equal((await refresh(issuer, token, { client_id: clientId })).status, 200, "the next good request works");
}

async function isOver(t: Test, { issuer, clientId, token }: Scene): Promise<void> {
  t.equal(outcomeOf(await refresh(issuer, token, { client_id: clientId })), "400 invalid_grant", "the session is over");
}

type After = (t: Test, scene: Scene, answer: HttpAnswer) => unknown;

/** What a row promises beside its answer. */
const AFTER: Readonly<Record<string, After>> = {
  "te-026": async (t, scene) => {
    await unchanged(t, scene);
    await unchanged(t, { ...scene, token: scene.values["RT2"] ?? "" });
  },
  "te-036": async (t, scene) => {
    await unchanged(t, scene);
    t.match(scene.issuer.stdout(), /"outcome":"client_mismatch"/, "a security event");
  },
  "te-038": isOver,
  "te-039": isOver,
  "te-041": async (t, scene) => {
    await isOver(t, scene);
    t.match(scene.issuer.stdout(), /"outcome":"replayed"/);
  },
  "te-042": async (t, scene, answer) => {
    t.equal(tokensOf(answer).refreshToken, scene.token, "the current token, not a new one");
    await unchanged(t, scene);
  },
  "te-060": (t, _scene, answer) => t.notMatch(answer.body, "refresh_token"),
  "li-001": async (t, { issuer }, answer) => {
    const wrong = await logIn(issuer, "u", "not the password of u");
    t.same([wrong.status, wrong.body], [answer.status, answer.body]);
  },
  "li-007": async (t, { issuer }) => t.equal((await logIn(issuer, "u72", LONG_PASSWORD)).status, 200),
  "li-010": (t, { issuer }) => {
    const lines = issuer.stdout().trimEnd().split("\n");
    t.same(
      lines.filter((line) => !/^\{.*\}$/.test(line) || line.includes("\u001b")),
      [],
      "every line of the log is one record",
    );
  },
  "li-016": async (t, { issuer }, answer) => t.equal((await logIn(issuer, "nobody", PASSWORD)).body, answer.body),
  "rv-005": isOver,
  "rv-010": async (t, scene) => {
    await unchanged(t, scene);
    await unchanged(t, { ...scene, token: scene.values["RT2"] ?? "" });
  },
  "ir-002": (t, _scene, answer) => t.equal(outcomeOf(answer), "400 invalid_request"),
  "jw-001": (t, _scene, answer) => t.notMatch(answer.body, /"(d|p|q|dp|dq|qi|k|oth)":/),
  "jw-004": (t, _scene, answer) => t.same([answer.body, answer.headers["cache-control"]], ["", "public, max-age=600"]),
  "jw-007": (t, { home }, answer) => {
    if (answer.status === 200) t.match(membersOf(answer), { issuer: home.issuer, jwks_uri: `${home.issuer}/.well-known/jwks.json` });
  },
};

for (const id of ["ir-011", "ir-012", "ir-020"])
  (AFTER as Record<string, After>)[id] = (t, _, { body }) => t.equal(body, '{"active":false}');

async function isBack(issuer: RunningIssuer): Promise<void> {
  await until("the store is back", async () => (await logIn(issuer, "u", PASSWORD)).status === 200);
}

/** What must be so before, and what is put right again afterwards. */
const BEFORE: Readonly<Record<string, (scene: Scene) => Promise<() => Promise<void>>>> = {
  "kill -9 redis": async ({ redis, issuer }) => {
    await redis.kill();
    return async () => {
      await redis.start();
      await isBack(issuer);
    };
  },
  "SIGSTOP redis, SIGCONT after 10 s": async ({ redis, issuer }) => {
    redis.pause();
    return async () => {
      redis.resume();
      await isBack(issuer);
    };
  },
  "active key file removed and process asked to reload": async ({ home, issuer }) => {
    // Another node has the keys of this one, and makes one that this one gets no file of.
    cpSync(home.keysFolder, join(home.folder, "keys-of-another-node"), { recursive: true });
    const there = async (...argv: readonly string[]): Promise<string> => {
      const { code, stdout, stderr } = await home.command(argv, { env: { MINTMARK_KEYS: "file:./keys-of-another-node" } });
      if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}: ${stderr}`);
      return stdout;
    };
    const staged = async (): Promise<readonly string[]> => {
      const { keys } = JSON.parse(await there("keys", "list", "--json")) as { keys: { kid: string; alg: string; state: string }[] };
      return keys.filter((key) => key.alg === "ES256" && key.state === "staged").map(({ kid }) => kid);
    };
    const own = await staged();
    await there("keys", "stage", "--alg", "ES256");
    const [made = ""] = (await staged()).filter((kid) => !own.includes(kid));
    await there("keys", "promote", made, "--force", "--reason", "a drill");
    await until("the key that can't sign is the active one", async () => (await issuer.send("/readyz")).status === 503);
    return async () => {
      await there("keys", "revoke", made, "--force", "--reason", "a drill");
      const isKey = (path: string): boolean => !path.endsWith("ring.json");
      cpSync(join(home.folder, "keys-of-another-node"), home.keysFolder, { recursive: true, filter: isKey });
    };
  },
};

/** Rows that are more than one request and its answer. */
const WHOLE: Readonly<Record<string, (t: Test, scene: Scene) => Promise<void>>> = {
  "te-017": async (t, { issuer, row, values, clientId }) => {
    const { hostname, port } = new URL(issuer.url);
    const body = String(bodyOf(row, values));
    const socket = connect(Number(port), hostname, () => {
      const head = `POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n`;
      socket.end(head + body, () => socket.destroy());
    });
    await new Promise((resolve) => socket.once("close", resolve));
    const again = await mustRefresh(issuer, values["RT"] ?? "", { client_id: clientId });
    t.equal((await refresh(issuer, again.refreshToken, { client_id: clientId })).status, 200);
  },
  "te-045": async (t, { send, row }) => {
    const answers = await Promise.all(Array.from({ length: Number(row.input.concurrency) }, send));
    t.same(new Set(answers.map(({ status }) => status)), new Set([200]));
    t.equal(new Set(answers.map((answer) => tokensOf(answer).refreshToken)).size, 1, "one successor");
  },
  "jw-005": async (t, { home, issuer, row, values }) => {
    const before = membersOf(await issuer.send("/.well-known/jwks.json"))["keys"] as { kid: string }[];
    await home.must("keys", "stage", "--alg", "ES256");
    const ask = () => send(issuer, row, String(row.input.path), values);
    await until("a change of the JWK Set", async () => (await ask()).status === 200);
    const kids = (membersOf(await ask())["keys"] as { kid: string }[]).map(({ kid }) => kid);
    t.ok(before.every(({ kid }) => kids.includes(kid)) && kids.length > before.length, "the keys of before and the new one");
  },
  "jw-008": async (t, { issuer, row, values }) => {
    const { body } = await issuer.send("/.well-known/jwks.json");
    for (const path of row.input.path) {
      const answer = await send(issuer, row, path, values);
      check(t, row, answer);
      if (answer.status === 200) t.equal(answer.body, body, "never another key set");
    }
  },
};

async function run(t: Test, scene: Scene): Promise<void> {
  const { row } = scene;
  const whole = WHOLE[row.id];
  if (whole !== undefined) return whole(t, scene);
  const putRight = await BEFORE[row.input.precondition ?? (row.id === "li-017" ? "kill -9 redis" : "")]?.(scene);
  const answer = await scene.send();
  await putRight?.();
  check(t, row, answer);
  await (AFTER[row.id] ?? (row.area === "jwks" || row.area === "login" ? () => undefined : unchanged))(t, scene, answer);
}

t.test("every row is run or left out with a reason", { skip: rows.length === 0 && skip }, async (t) => {
  const ids = new Set(rows.map(({ id }) => id));
  for (const id of [...Object.keys(leftOut), ...Object.keys(differences), ...Object.keys(AFTER), ...Object.keys(WHOLE)])
    t.ok(ids.has(id), id);
  t.equal(rows.length - Object.keys(leftOut).length, 75);
});

t.test("the rows about the routes, against a running issuer", { skip }, async (t) => {
  const redis = await startRedis({ config: { ...DURABLE, appendfsync: "always" } });
  const home = await Home.make(t, { store: redis.url, settings: SETTINGS });
  t.teardown(() => redis.remove());
  const issuer = await home.start();
  for (const [name, password] of [
    ["u", PASSWORD],
    ["u72", LONG_PASSWORD],
    ["disabled", PASSWORD],
  ] as const)
    await home.addUser(name, password);
  await home.must("users", "disable", "disabled");

  for (const row of rows.filter(({ id }) => !(id in leftOut))) {
    await t.test(`${row.id} ${row.area}: ${row.description}`, async (t) => {
      const clientId = CLIENTS[row.id] ?? "app";
      const { token, values } = await valuesOf(issuer, row, clientId);
      const path = String(row.input.path);
      await run(t, { home, redis, issuer, row, clientId, token, values, send: () => send(issuer, row, path, values) });
    });
  }
  t.equal(await issuer.stop(), 0);
});
