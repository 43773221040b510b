/** The requests of an issuer that the benchmarks tell apart, each ready to be made many times. */

import { createHash } from "node:crypto";
import type { ConfigDocument } from "../src/config.ts";
import type { Deployment } from "../scripts/figures/support/deployment.ts";
import type { Answer, HttpClient } from "../scripts/figures/support/http.ts";
import { inLanes } from "../scripts/figures/support/lanes.ts";
import { CLIENT_ID, mustLogIn, mustRefresh, RESOURCE, revoke } from "../scripts/figures/support/tokens.ts";
import { assertion, newParty } from "../test/support/assertions.ts";
import { seedSessions } from "./seed.ts";

const FLOWS = ["refresh", "loginByPassword", "loginByAssertion", "end", "introspection", "jwks", "jwksUnchanged"] as const;
export type FlowName = (typeof FLOWS)[number];

export interface Flow {
  readonly name: FlowName;
  /** How many times in a turn. */
  readonly perTurn: number;
  /** Makes ready, uncounted, what so many requests need; each is then made by a call. Rejects where one is not granted. */
  prepare(count: number): Promise<readonly ((client: HttpClient) => Promise<void>)[]>;
}

const PASSWORD = "as many as there are sessions";
/** Each logs in a few times at most: a subject has few sessions. No more hashes at once than may wait. */
const ACCOUNTS = { batches: 4, size: 48 };
const INTROSPECTED = 100;
const PARTNER = "partner";
const RESOURCE_SERVER = { id: "api", secret: "a secret of the benchmark that is long enough" };
const LOGIN_ISSUER = "https://login.example.net";
const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const FORM = { "content-type": "application/x-www-form-urlencoded" };
const JWKS_PATH = "/.well-known/jwks.json";

const loginIssuer = newParty("ES256", "login-1");

/** What the issuers need over what every figure has. */
export const FLOW_SETTINGS: Partial<ConfigDocument> = {
  clients: [
    { id: CLIENT_ID, type: "public", grants: ["login", "refresh_token"], resources: [RESOURCE], scopes: ["read", "write"] },
    { id: PARTNER, type: "public", grants: [JWT_BEARER, "refresh_token"], resources: [RESOURCE], scopes: ["read", "write"] },
    {
      id: RESOURCE_SERVER.id,
      type: "confidential",
      grants: ["client_credentials"],
      secretSha256: createHash("sha256").update(RESOURCE_SERVER.secret).digest("hex"),
      resources: [RESOURCE],
      scopes: ["read"],
    },
  ],
  trustedIssuers: [{ issuer: LOGIN_ISSUER, jwks: loginIssuer.jwks, subjectPrefix: "x:", clients: [PARTNER] }],
};

export async function makeFlows(deployment: Deployment, client: HttpClient): Promise<readonly Flow[]> {
  const users: string[] = [];
  for (let batch = 0; batch < ACCOUNTS.batches; batch += 1)
    users.push(...(await deployment.addUsers(`batch${batch}-`, ACCOUNTS.size, PASSWORD)));
  const accessTokens = await accessTokensOf(deployment, client);
  const etag = (await fetch(deployment.issuer + JWKS_PATH)).headers.get("etag") ?? "";
  let logins = 0;
  const make: Record<FlowName, Omit<Flow, "name">> = {
    refresh: {
      perTurn: 1_000,
      prepare: async (count) => (await seedSessions(deployment, count)).map((token) => async (to) => void (await mustRefresh(to, token))),
    },
    loginByPassword: {
      perTurn: 32,
      prepare: async (count) =>
        Array.from({ length: count }, () => {
          const name = users[logins++ % users.length] ?? "";
          return async (to: HttpClient) => void (await mustLogIn(to, name, PASSWORD));
        }),
    },
    loginByAssertion: {
      perTurn: 500,
      prepare: (count) => Promise.all(Array.from({ length: count }, () => assertedLogin(deployment.issuer))),
    },
    end: {
      perTurn: 500,
      prepare: async (count) =>
        (await seedSessions(deployment, count)).map(
          (token) => async (to) => mustBe(200, { status: await revoke(to, token), body: "", headers: {} }),
        ),
    },
    introspection: {
      perTurn: 1_000,
      prepare: async (count) =>
        Array.from({ length: count }, (_, index) => async (to: HttpClient) => {
          const token = accessTokens[index % accessTokens.length] ?? "";
          const form = { token, client_id: RESOURCE_SERVER.id, client_secret: RESOURCE_SERVER.secret };
          const answer = await to.send({ method: "POST", path: "/introspect", headers: FORM, body: new URLSearchParams(form).toString() });
          if (!answer.body.includes('"active":true')) throw new Error("a living session's token is not active");
        }),
    },
    jwks: { perTurn: 2_000, prepare: async (count) => Array.from({ length: count }, () => fetchJwks(200, {})) },
    jwksUnchanged: {
      perTurn: 2_000,
      prepare: async (count) => Array.from({ length: count }, () => fetchJwks(304, { "if-none-match": etag })),
    },
  };
  return FLOWS.map((name) => ({ name, ...make[name] }));
}

async function accessTokensOf(deployment: Deployment, client: HttpClient): Promise<readonly string[]> {
  const refreshTokens = await seedSessions(deployment, INTROSPECTED);
  const accessTokens: string[] = [];
  await inLanes(8, INTROSPECTED, async (_, index) => {
    accessTokens[index] = (await mustRefresh(client, refreshTokens[index] ?? "")).accessToken;
  });
  return accessTokens;
}

let people = 0;

/** A login of somebody new. */
async function assertedLogin(issuer: string): Promise<(client: HttpClient) => Promise<void>> {
  people += 1;
  const right = { iss: LOGIN_ISSUER, sub: `p${String(people).padStart(19, "0")}`, aud: issuer, now: Date.now() };
  const form = { grant_type: JWT_BEARER, client_id: PARTNER, assertion: await assertion(loginIssuer, right) };
  const body = new URLSearchParams(form).toString();
  return async (client) => mustBe(200, await client.send({ method: "POST", path: "/token", headers: FORM, body }));
}

function fetchJwks(status: number, headers: Readonly<Record<string, string>>): (client: HttpClient) => Promise<void> {
  return async (client) => mustBe(status, await client.send({ method: "GET", path: JWKS_PATH, headers }));
}

function mustBe(status: number, answer: Answer): void {
  if (answer.status !== status) throw new Error(`answered ${answer.status} instead of ${status}: ${answer.body}`);
}
