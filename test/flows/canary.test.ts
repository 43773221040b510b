/** Nothing secret leaves by a side door: log, metrics, error bodies, what a store is sent and holds, file names, arguments. */

import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import t from "tap";
import type { Test } from "tap";
import { unseal } from "../../src/signers/material/sealed.ts";
import type { ConfigDocument } from "../../src/config.ts";
import { newParty } from "../support/assertions.ts";
import { Canaries } from "../support/canary.ts";
import { call } from "../support/http-call.ts";
import { API, baseSettings, Home, SECRET } from "../support/issuer-process.ts";
import type { RunningIssuer } from "../support/issuer-process.ts";
import { monitorRedis } from "../support/redis-monitor.ts";
import { freePort, skipWithoutRedis, startRedis } from "../support/redis.ts";
import {
  KEY,
  LOGIN_ISSUER,
  ofTheApp,
  ofTheMachines,
  ofThePage,
  ORIGIN,
  PASSWORD,
  Watched,
  whileNothingWorks,
  WRONG,
} from "./canary/actors.ts";
import type { Cast } from "./canary/actors.ts";
import { atTheCommandLine, withFaultyConfigurations } from "./canary/operators.ts";
import { DURABLE } from "./stores.ts";

// Of the whole file, on a machine that is slow and busy.
t.setTimeout(600_000);

const URL_SECRET = "canary-in-the-query-of-a-url";
const CONFIG_SECRET = "canary-that-stands-in-a-configuration";
const STORE_PASSWORD = "canary-password-of-the-store";

function newCast(): Cast {
  return { machine: newParty("ES256", "machine-1"), remote: newParty("EdDSA", "remote-1"), login: newParty("EdDSA", "login-1") };
}

function settings({ machine, login }: Cast, closedPort: number): Partial<ConfigDocument> {
  const common = { resources: [API], scopes: ["read", "write"] };
  const base = baseSettings();
  const away = `http://127.0.0.1:${closedPort}/jwks?key=${URL_SECRET}`;
  const jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";
  return {
    refreshToken: { retryWindow: "0s", keyedRetryWindow: "0s" },
    clockSkew: "1s",
    clients: [
      ...base.clients,
      {
        ...common,
        id: "web",
        type: "public",
        grants: ["login", "refresh_token"],
        refreshTokenDelivery: "cookie",
        allowedOrigins: [ORIGIN],
      },
      { ...common, id: "machine", type: "confidential", grants: ["client_credentials"], jwks: machine.jwks },
      { ...common, id: "remote", type: "confidential", grants: ["client_credentials"], jwksUri: away },
      { ...common, id: "partner", type: "public", grants: [jwtBearer, "refresh_token"] },
    ],
    trustedIssuers: [
      { issuer: LOGIN_ISSUER, jwks: login.jwks, subjectPrefix: "ext:", clients: ["partner"] },
      { issuer: "https://elsewhere.example.net", jwksUri: away, subjectPrefix: "else:", clients: ["partner"] },
    ],
  };
}

/** What is known from the start, in every spelling. */
function canariesOf(cast: Cast, encryptionKey: string): Canaries {
  const canaries = new Canaries();
  const texts = { PASSWORD, WRONG, SECRET, KEY, URL_SECRET, CONFIG_SECRET, STORE_PASSWORD };
  for (const [name, text] of Object.entries(texts)) canaries.text(name, text);
  for (const [name, { privateKey }] of Object.entries(cast))
    canaries.key(`private key of ${name}`, String(privateKey.export({ format: "jwk" }).d));
  canaries.key("key-encryption key", encryptionKey);
  return canaries;
}

/** The private members of all keys in the folder, sealed or not. */
async function addKeyFiles(canaries: Canaries, home: Home, encryptionKey: string): Promise<void> {
  for (const name of readdirSync(home.keysFolder).filter((name) => name !== "ring.json")) {
    const text = readFileSync(join(home.keysFolder, name), "utf8");
    const [kid = ""] = name.split(".");
    const opened = text.startsWith("{") ? { json: text } : await unseal(text, kid, Buffer.from(encryptionKey, "base64url"));
    if (!("json" in opened)) throw new Error(`${name} ${opened.fault}`);
    const { d, k } = JSON.parse(opened.json) as { d?: string; k?: string };
    canaries.key(`private part of ${name.split(".").at(-1)}`, d ?? k ?? "");
  }
}

/** Names of all files below a folder; what is in those that may hold no secret. */
function filesBelow(folder: string, isOpen: (path: string) => boolean): readonly (readonly [string, Buffer])[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name));
  const names = paths.map((path) => relative(folder, path)).join("\n");
  return [
    ["file names", Buffer.from(names)],
    ...paths.filter((path) => !isOpen(path)).map((path) => [relative(folder, path), readFileSync(path)] as const),
  ];
}

/** The arguments and the title of a process, where the system shows them as files. */
function shownOfProcess(pid: number): string {
  return ["cmdline", "comm"]
    .map((name) => `/proc/${pid}/${name}`)
    .map((path) => (existsSync(path) ? readFileSync(path, "latin1") : ""))
    .join(" ");
}

interface Played {
  readonly places: (readonly [name: string, found: string | Buffer])[];
  readonly canaries: Canaries;
  readonly issuer: RunningIssuer;
}

/** All flows on one store; `stop` makes the store fail, where that can be done. */
async function play(home: Home, cast: Cast, encryptionKey: string, stop: () => Promise<void>): Promise<Played> {
  const canaries = canariesOf(cast, encryptionKey);
  const issuer = await home.start();
  const watched = new Watched(issuer, canaries);
  await home.addUser("birdie", PASSWORD);
  const said = await atTheCommandLine(home);
  const grant = await ofTheApp(watched);
  await ofThePage(watched);
  await ofTheMachines(watched, canaries, cast);
  await addKeyFiles(canaries, home, encryptionKey);
  const metrics = (await call(`${issuer.opsUrl}/metrics`)).body;
  const shown = shownOfProcess(issuer.pid);
  const privateJwk = cast.machine.privateKey.export({ format: "jwk" }) as Readonly<Record<string, unknown>>;
  const faults = await withFaultyConfigurations(home, { secret: CONFIG_SECRET, encryptionKey, privateJwk });
  await stop();
  if (home.isOnRedis) await whileNothingWorks(watched, grant, canaries, cast);
  const places = [
    ["metrics", metrics],
    ["arguments and title", shown],
    ["command line", said],
    ["faulty configurations", faults],
    ["refusals", watched.refusals.join("\n")],
  ] as const;
  return { places: [...places], canaries, issuer };
}

async function look(t: Test, { places, canaries, issuer }: Played): Promise<void> {
  await issuer.stop();
  t.match(issuer.stdout(), '"event":"login"', "there is a log");
  t.match(issuer.stdout(), '"event":"trouble"', "and trouble in it");
  places.push(["stdout", issuer.stdout()], ["stderr", issuer.stderr()]);
  t.ok(canaries.count >= 20, `${canaries.count} kinds of secrets`);
  for (const [name, found] of places) {
    t.ok(found.length > 0, `${name} is not empty`);
    t.same(canaries.hitsIn(found), [], name);
  }
}

t.test("a secret is found in every spelling", async (t) => {
  const canaries = new Canaries();
  const secret = "a secret, to be found: 100 %";
  canaries.text("it", secret);
  const basic = Buffer.from(`someone:${secret}`).toString("base64");
  const spellings = [
    secret,
    encodeURIComponent(secret),
    new URLSearchParams([["password", secret]]).toString(),
    Buffer.from(secret).toString("hex"),
    `Basic ${basic}`,
    secret.slice(0, 16),
  ];
  for (const spelling of spellings) t.equal(canaries.hitsIn(`before ${spelling} after`).length, 1, spelling);
  t.same(canaries.hitsIn("a secret, to …"), []);
});

t.test("no secret is anywhere it must not be (Redis)", { skip: skipWithoutRedis }, async (t) => {
  const redis = await startRedis({ config: { ...DURABLE, requirepass: STORE_PASSWORD, appendfsync: "always" }, password: STORE_PASSWORD });
  t.teardown(() => redis.remove());
  const cast = newCast();
  const encryptionKey = randomBytes(32).toString("base64url");
  const home = await Home.make(t, {
    store: redis.url.replace("//", `//:${STORE_PASSWORD}@`),
    settings: { ...settings(cast, await freePort()), keys: { encryptionKeyFile: "key-encryption-key" } },
  });
  writeFileSync(join(home.folder, "key-encryption-key"), encryptionKey, { mode: 0o600 });
  const monitor = await monitorRedis(redis.port, STORE_PASSWORD);
  t.teardown(() => monitor.close());
  const stored: [string, string | Buffer][] = [];
  const played = await play(home, cast, encryptionKey, async () => {
    const names = (await redis.command("keys", "*")) as string[];
    // The file of all writes: every key and value there ever was.
    const folder = join(redis.folder, "appendonlydir");
    const written = Buffer.concat(readdirSync(folder).map((name) => readFileSync(join(folder, name))));
    stored.push(["Redis keys", names.join("\n")], ["Redis writes", written], ["Redis commands", monitor.text()]);
    await redis.kill();
  });
  const isOpen = (path: string): boolean => /mintmark\.config\.json$|key-encryption-key$/.test(path);
  played.places.push(...stored, ...filesBelow(home.folder, isOpen));
  t.match(String(stored[1]?.[1]), "mintmark:");
  t.match(stored[2]?.[1], "mintmark:");
  await look(t, played);
});

t.test("no secret is anywhere it must not be (embedded)", async (t) => {
  const cast = newCast();
  const home = await Home.make(t, { settings: settings(cast, await freePort()) });
  const encryptionKey = randomBytes(32).toString("base64url");
  const played = await play(home, cast, encryptionKey, async () => undefined);
  // Key files that are not sealed hold what they are for.
  const isOpen = (path: string): boolean =>
    path.endsWith("mintmark.config.json") || (path.startsWith(home.keysFolder) && !path.endsWith("ring.json"));
  played.places.push(...filesBelow(home.folder, isOpen));
  t.ok(
    played.places.some(([name]) => name.endsWith("mintmark.db")),
    "the store's file is looked into",
  );
  await look(t, played);
});
