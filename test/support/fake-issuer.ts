/** An issuer that decides nothing: records what the edge asked and answers what a test says. For wire details only. */

import { type Client, JWT_BEARER, type Policy, type Resource } from "../../src/domain/policy.ts";
import { refusal } from "../../src/domain/refusal.ts";
import type { Issuer, TokenGrant } from "../../src/issuer/types.ts";

const API = "https://api.example.com";
export const ISSUER = "https://auth.example.com";
/** Where the pages of the clients `spa`, `web` and `admin` are. */
export const SPA = "https://spa.example.com";
export const WEB = "https://app.example.com";
export const ADMIN = "https://admin.example.com";
export const SECRET = "a+b c%d:e&f";

function client(id: string, type: Client["type"], grants: Client["grants"], more: Partial<Client> = {}): Client {
  return {
    id,
    type,
    grants,
    refreshTokenDelivery: "body",
    allowedOrigins: [],
    rotates: true,
    resources: [API, ISSUER],
    scopes: ["read", "write"],
    sessions: true,
    retryWindowMillis: 30_000,
    keyedRetryWindowMillis: 3_600_000,
    idleLifetimeMillis: 2_592_000_000,
    absoluteLifetimeMillis: 15_552_000_000,
    accessTokenLifetimeMillis: 600_000,
    ...more,
  };
}

function resource(id: string, scopes: readonly string[], algorithm: Resource["algorithm"]): Resource {
  return { id, scopes, algorithm, edAlgName: "Ed25519", accessTokenLifetimeMillis: 600_000 };
}

export const POLICY: Policy = {
  issuer: ISSUER,
  clockSkewMillis: 10_000,
  resources: new Map([
    [API, resource(API, ["read", "write"], "ES256")],
    [ISSUER, resource(ISSUER, ["sessions"], "EdDSA")],
  ]),
  clients: new Map(
    [
      client("app", "public", ["login", "refresh_token"]),
      client("other", "public", ["refresh_token"]),
      client("service", "confidential", ["client_credentials"]),
      client("spa", "public", ["login", "refresh_token"], { allowedOrigins: [SPA] }),
      client("web", "public", ["login", "refresh_token", JWT_BEARER], { refreshTokenDelivery: "cookie", allowedOrigins: [WEB] }),
      client("admin", "public", ["login", "refresh_token"], { refreshTokenDelivery: "cookie", allowedOrigins: [ADMIN, WEB] }),
    ].map((one) => [one.id, one]),
  ),
  trustedIssuers: new Map(),
  keys: {
    algorithms: ["ES256", "EdDSA"],
    defaultAlgorithm: "ES256",
    rotateEveryMillis: undefined,
    stageForMillis: 86_400_000,
    jwksMaxAgeMillis: 600_000,
    countFetches: true,
  },
  login: { enabled: true, minPasswordLength: 15, failuresPerMinute: 10, failuresPerMinutePerAddress: 100 },
  heal: true,
  maxSessionsPerSubjectAndClient: 100,
};

export const GRANT: TokenGrant = {
  accessToken: "header.payload.signature",
  expiresInSeconds: 600,
  scope: "read write",
  refreshToken: "mmr_abc",
  refreshTokenExpiresInSeconds: 2_592_000,
  sid: "abcdefghijklmnopqrstuv",
};

const SUBJECT_KEY = new Uint8Array(16);

export interface FakeIssuer extends Issuer {
  /** Every call that could change or note something, or judge a token: the name and its arguments. */
  readonly calls: (readonly [name: string, ...args: readonly unknown[]])[];
}

/** `answers` replaces methods. Credentials are really compared, everything else is granted. */
export function fakeIssuer(answers: Partial<Issuer> = {}): FakeIssuer {
  const calls: [name: string, ...args: readonly unknown[]][] = [];
  const issuer: Issuer = {
    policy: POLICY,
    authenticateClient(credentials) {
      const found = issuer.policy.clients.get(credentials.clientId ?? "");
      const secret = "secret" in credentials ? credentials.secret : undefined;
      const isRight = found !== undefined && (found.type === "public" ? secret === undefined : secret === SECRET);
      return isRight ? found : refusal("invalid_client", "unknown client or wrong secret");
    },
    logIn: async () => GRANT,
    assertSubject: async () => GRANT,
    refresh: async () => GRANT,
    clientCredentials: async () => ({ accessToken: "a.b.c", expiresInSeconds: 600, scope: "read" }),
    revoke: async () => ({ done: true }),
    introspect: async () => ({ active: false }),
    sessionOfAccessToken: (token) => ({ clientId: "app", sid: `of ${token}`, subjectKey: SUBJECT_KEY }),
    sessionOfRefreshToken: async ({ id }, token) => ({ clientId: id, sid: `of ${token}`, subjectKey: SUBJECT_KEY }),
    logOut: async () => ({ done: true }),
    authorizeSessions: async () => ({ sub: "alice", sid: "mine", clientId: "app" }),
    listSessions: async () => [],
    endSession: async (_owner, sid) => sid === "other-session",
    endSessions: async () => undefined,
    jwks: () => ({ ringVersion: 7, body: Buffer.from('{"keys":[]}'), etag: '"v1"', maxAgeSeconds: 600 }),
    noteFetch: () => undefined,
    readiness: async () => ({ ready: true, missing: [] }),
    start: async () => undefined,
    stop: async () => undefined,
    ...answers,
  };
  const recorded = [
    "noteFetch",
    "logIn",
    "assertSubject",
    "refresh",
    "clientCredentials",
    "revoke",
    "introspect",
    "logOut",
    "authorizeSessions",
    "listSessions",
    "endSession",
    "endSessions",
  ] as const;
  const recording: Partial<Record<string, unknown>> = {};
  for (const name of recorded) {
    const method = issuer[name] as (...args: unknown[]) => unknown;
    recording[name] = (...args: unknown[]) => {
      calls.push([name, ...args]);
      return method(...args);
    };
  }
  return { ...issuer, ...(recording as Partial<Issuer>), calls };
}
