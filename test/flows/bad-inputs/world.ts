/** What the rows are sent to: an `https:` issuer, two processes of it as behind a proxy, and everybody who has to do with it. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { sha256Hex } from "../../../src/compose.ts";
import type { ConfigDocument } from "../../../src/config.ts";
import { newParty } from "../../support/assertions.ts";
import type { Party } from "../../support/assertions.ts";
import { API, Home, SECRET } from "../../support/issuer-process.ts";
import type { RunningIssuer, Teardown } from "../../support/issuer-process.ts";
import { freePort, startRedis } from "../../support/redis.ts";
import type { RedisServer } from "../../support/redis.ts";
import { embeddedDumps, redisDumps } from "../../support/store-dump.ts";
import type { DumpReader } from "../../support/store-dump.ts";

export const ISSUER = "https://auth.example.com";
export const APP_ORIGIN = "https://app.example.com";
export const ADMIN_ORIGIN = "https://admin.example.com";
export const SITE = "example.com";
export const LOGIN_ISSUER = "https://login.example.net";
export const SECOND_ISSUER = "https://second.example.net";
export const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
export const PASSWORD = "the password that bad inputs get";
/** 72 bytes and more: where bcrypt would stop reading. */
export const LONG_PASSWORD = `${"x".repeat(72)}RIGHT`;

const COMMON = { resources: [API], scopes: ["read", "write"] };
const OWN = { ...COMMON, type: "public", grants: ["login", "refresh_token"] } as const;
/** A token that was presented once is used up, so that a refused request that rotated it would show. */
const STRICT = { retryWindow: "0s", keyedRetryWindow: "0s" } as const;
const WEB = {
  ...COMMON,
  type: "public",
  grants: ["login", "refresh_token", JWT_BEARER],
  refreshTokenDelivery: "cookie",
  allowedOrigins: [APP_ORIGIN],
} as const;
const MACHINE = { type: "confidential", grants: ["client_credentials"], resources: [API], scopes: ["read"] } as const;

export interface Parties {
  readonly machine: Party;
  readonly machine2: Party;
  readonly remote: Party;
  readonly login: Party;
  readonly second: Party;
}

export interface Held {
  readonly accessToken: string;
  readonly refreshToken: string;
}

export interface World {
  readonly store: "embedded" | "redis";
  readonly home: Home;
  /** Where the store is one. */
  readonly redis: RedisServer | undefined;
  /** Without any tolerance for clocks, so that what is over is over at once. */
  readonly issuer: RunningIssuer;
  /** Another process on the same store, with the usual tolerance: assertions go here. */
  readonly usual: RunningIssuer;
  readonly parties: Parties;
  readonly dumps: DumpReader;
  /** How often the JWK Set of the client `remote` was fetched. */
  readonly fetches: () => number;
  /** Sessions that go on from row to row, by client. */
  readonly sessions: Map<string, Held>;
}

export interface WorldOptions {
  readonly store: "embedded" | "redis";
  /** How strict the clients are; the mutations want windows in which nobody is taken for a thief. */
  readonly retryWindow?: string;
}

function settings(parties: Parties, jwksUri: string, retryWindow: string): Partial<ConfigDocument> {
  const strict = { ...STRICT, retryWindow };
  const { machine, machine2, login, second } = parties;
  return {
    issuer: ISSUER,
    login: { failuresPerMinute: 100_000, failuresPerMinutePerAddress: 100_000 },
    resources: [{ id: API, scopes: ["read", "write"] }],
    clients: [
      { ...OWN, ...strict, id: "app", sessions: true },
      { ...OWN, id: "patient" },
      { ...OWN, id: "other" },
      { ...OWN, id: "idle", idleLifetime: "1s", accessTokenLifetime: "1s" },
      { ...OWN, id: "absolute", idleLifetime: "1s", absoluteLifetime: "1s" },
      { ...WEB, ...strict, id: "web" },
      { ...WEB, id: "patient-web" },
      { ...WEB, id: "short-web", idleLifetime: "1s" },
      { ...WEB, ...strict, id: "admin", allowedOrigins: [ADMIN_ORIGIN] },
      { ...MACHINE, id: "service", secretSha256: sha256Hex(SECRET) },
      { ...OWN, ...strict, id: "vault", type: "confidential", secretSha256: sha256Hex(SECRET) },
      { ...MACHINE, id: "machine", jwks: machine.jwks },
      { ...MACHINE, id: "machine2", jwks: machine2.jwks },
      { ...MACHINE, id: "remote", jwksUri },
      { ...COMMON, id: "partner", type: "public", grants: [JWT_BEARER, "refresh_token"] },
      { ...COMMON, id: "third", type: "public", grants: [JWT_BEARER] },
    ],
    trustedIssuers: [
      { issuer: LOGIN_ISSUER, jwks: login.jwks, subjectPrefix: "ext:", clients: ["partner", "web"] },
      // With the sub "ner" its subject would be the client `partner`.
      { issuer: SECOND_ISSUER, jwks: second.jwks, subjectPrefix: "part", clients: ["partner"] },
      { issuer: "https://unrelated.example.net", jwks: login.jwks, subjectPrefix: "un:", clients: ["third"] },
    ],
  };
}

export async function makeWorld(owner: Teardown, { store, retryWindow = "0s" }: WorldOptions): Promise<World> {
  const durable = { appendonly: "yes", appendfsync: "always", "maxmemory-policy": "noeviction" };
  const redis = store === "redis" ? await startRedis({ config: durable }) : undefined;
  const parties: Parties = {
    machine: newParty("ES256", "machine-1"),
    machine2: newParty("ES256", "machine-2"),
    remote: newParty("EdDSA", "remote-1"),
    login: newParty("EdDSA", "login-1"),
    second: newParty("ES256", "second-1"),
  };
  const { url, fetches } = await serveJwks(owner, parties.remote);
  const home = await Home.make(owner, {
    settings: { clockSkew: "0s", ...settings(parties, url, retryWindow) },
    ...(redis === undefined ? {} : { store: redis.url }),
  });
  const dumps = redis === undefined ? embeddedDumps(join(home.folder, "data", "mintmark.db")) : redisDumps(redis.port);
  owner.teardown(async () => {
    dumps.close();
    await redis?.remove();
  });
  const issuer = await home.start();
  home.configure({ clockSkew: "10s" });
  const usual = await home.start({ MINTMARK_PORT: String(await freePort()) });
  for (const [name, password] of [
    ["u", PASSWORD],
    ["u72", LONG_PASSWORD],
    ["disabled", PASSWORD],
  ] as const)
    await home.addUser(name, password);
  await home.must("users", "disable", "disabled");
  return { store, home, redis, issuer, usual, parties, dumps, fetches, sessions: new Map() };
}

async function serveJwks(owner: Teardown, { jwks }: Party): Promise<{ url: string; fetches: () => number }> {
  let count = 0;
  const server = createServer((_request, response) => {
    count += 1;
    response.setHeader("content-type", "application/jwk-set+json").end(JSON.stringify(jwks));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  owner.teardown(() => new Promise((resolve) => server.close(resolve)));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`, fetches: () => count };
}
