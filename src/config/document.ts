/** The configuration document: every member with its meaning, its default and its limits. INTERFACE pins names and defaults. */

import { clientMembers } from "./clientMembers.ts";
import { defaulted, list, object, optional, orFalse, required } from "./reader.ts";
import type { InputOf, OutputOf, Seen } from "./reader.ts";
import {
  absoluteUri,
  anyText,
  choice,
  clientId,
  duration,
  durationOrNever,
  fetchableUrl,
  fileOrNone,
  flag,
  folder,
  foreignIssuer,
  host,
  integer,
  integerOr,
  jwks,
  keyPrefix,
  keysTarget,
  macKeysTarget,
  networkAddress,
  origin,
  scopeToken,
  secretText,
  storeTarget,
  subjectPrefix,
} from "./values.ts";

const algorithm = choice("ES256", "EdDSA");

const listen = object({
  host: defaulted(host, "127.0.0.1", "Address on which the issuer listens."),
  port: defaulted(integer(0, 65_535), 3000, "Port of the issuer. 0: any free one (issuer must then be given)."),
});

const ops = object({
  host: defaulted(host, "127.0.0.1", "Address of the listener for metrics and health."),
  port: defaulted(integerOr(0, 65_535, false), 9464, "Its port. 0: any free one, which is logged; false: no such listener."),
});

const redis = object({
  keyPrefix: defaulted(keyPrefix, "mintmark:", "Starts every key in Redis."),
  commandTimeout: defaulted(duration("1ms", "30s"), "250ms", "How long a command may take. After it, the answer is 503."),
  waitReplicas: optional(
    integer(0, 16),
    "0; 1 with Sentinel and Cluster",
    "How many replicas must confirm an end, a new session or a change of the key ring before it is acknowledged.",
  ),
  sentinelUsername: optional(secretText, "none", "User at the sentinels. Those of the URL are for the data servers."),
  sentinelPassword: optional(secretText, "none", "Password at the sentinels."),
});

const keys = object({
  store: defaulted(
    keysTarget,
    "file:./keys",
    'Where private parts are: a folder; "shared", sealed in the store; or a key custodian: PKCS#11, AWS KMS, Vault transit.',
  ),
  otherStores: defaulted(
    list(keysTarget, { max: 8 }),
    [],
    "Where private parts still are besides keys.store, while one takes the place of another. keys.folder and the store need no naming.",
  ),
  macStore: optional(
    macKeysTarget,
    "keys.store where that is a folder or the store, else the store with a key-encryption key, else keys.folder",
    "Where the MAC keys of refresh tokens are. A custodian is too far away for them.",
  ),
  folder: optional(
    folder,
    "that of keys.store, else ./keys",
    "Where this node keeps its copy of the key ring, and looks for key files. The folder of keys.store where that is one.",
  ),
  encryptionKeyFile: defaulted(
    fileOrNone,
    null,
    'File with the key-encryption key, 32 bytes in base64url. Required with "shared"; with it, key files are sealed too.',
  ),
  oldEncryptionKeyFile: defaulted(
    fileOrNone,
    null,
    "File with the key-encryption key that is being replaced: accepted while `mintmark keys rewrap` runs.",
  ),
  signatureTimeout: defaulted(duration("10ms", "10s"), "1s", "How long a custodian may take to sign. After it, the answer is 503."),
  maxSignaturesInFlight: defaulted(
    integer(1, 10_000),
    64,
    "How many signatures a custodian may be asked for at once. Beyond it, the answer is 503.",
  ),
  algorithms: defaulted(
    list(algorithm, { min: 1, max: 2 }),
    ["ES256", "EdDSA"],
    "Signature algorithms. Each has its own active and staged key.",
  ),
  defaultAlgorithm: defaulted(algorithm, "ES256", "For resources that name none. One of keys.algorithms."),
  rotateEvery: defaulted(durationOrNever("1s", "400d"), "30d", "How long a signing key is active before the next one."),
  stageFor: defaulted(
    duration("1s", "90d"),
    "24h",
    "How long a key is published before it signs. At least keys.jwksMaxAge; production warns under 24h.",
  ),
  jwksMaxAge: defaulted(duration("1s", "24h"), "10m", "How long verifiers may keep the JWK Set: the cap of its max-age."),
  countFetches: defaulted(
    flag,
    true,
    "Note who fetches the JWK Set (address and User-Agent, kept 30 days), so that `mintmark keys status` can say who has a staged key.",
  ),
});

const accessToken = object({
  lifetime: defaulted(
    duration("1s", "24h"),
    "10m",
    "Lifetime of access tokens. The shortest of this, the client's and the resource's counts.",
  ),
});

const refreshToken = object({
  idleLifetime: defaulted(duration("1s", "400d"), "30d", "A session ends when it was not refreshed for so long. At most absoluteLifetime."),
  absoluteLifetime: defaulted(duration("1s", "400d"), "180d", "A session ends so long after the login, whatever happens."),
  retryWindow: defaulted(duration("0s", "60s"), "30s", "How long a replaced refresh token still gives its successor."),
  keyedRetryWindow: defaulted(
    duration("0s", "24h"),
    "1h",
    "The same for a request that repeats the Idempotency-Key of the exchange, while the successor is unused.",
  ),
  heal: defaulted(flag, true, "Accept a refresh token that is newer than the stored session: the store was rolled back."),
  maxSessionsPerSubjectAndClient: defaulted(integer(1, 1_000), 100, "One more login ends the session that was idle longest."),
});

const login = object({
  enabled: defaulted(flag, true, "Whether there is POST /login."),
  minPasswordLength: defaulted(
    integer(8, 64),
    15,
    "Shortest password for new accounts and changed passwords (NIST SP 800-63B-4 §3.1.1.2: 15).",
  ),
  failuresPerMinute: defaulted(integer(1, 1_000_000), 10, "Failed logins per minute for one account from one address."),
  failuresPerMinutePerAddress: defaulted(integer(1, 1_000_000), 100, "Failed logins per minute from one address."),
});

const resource = object({
  id: required(absoluteUri, "The aud of its access tokens. Not the issuer's own."),
  scopes: defaulted(list(scopeToken, { max: 256 }), [], 'Its scopes. "sessions" is the issuer\'s own.'),
  algorithm: optional(algorithm, "keys.defaultAlgorithm", "Signs its access tokens. One of keys.algorithms."),
  edAlgName: defaulted(
    choice("EdDSA", "Ed25519"),
    "EdDSA",
    "The alg header where the algorithm is EdDSA: the name of RFC 8037 or that of RFC 9864.",
  ),
  accessTokenLifetime: optional(duration("1s", "24h"), "accessToken.lifetime", "Lifetime of its access tokens, if shorter."),
});

const trustedIssuer = object({
  issuer: required(foreignIssuer, "Who signs the assertions: their iss."),
  jwksUri: optional(fetchableUrl, "none", "Where its JWK Set is. Either this or jwks."),
  jwks: optional(jwks, "none", "Its JWK Set. Either this or jwksUri."),
  subjectPrefix: required(subjectPrefix, "Put before each sub that it asserts, so that subjects of different sources don't meet."),
  clients: required(list(clientId, { min: 1, max: 10_000 }), "Ids of the clients that may present its assertions."),
});

const outgoing = object({
  allowedNetworks: defaulted(
    list(networkAddress, { max: 64 }),
    [],
    "Networks that are not public and that the host of a jwksUri may resolve to all the same.",
  ),
});

export const configDocument = object({
  $schema: optional(anyText, "none", "Names the JSON Schema for editors. Not read."),
  issuer: optional(
    origin,
    "http://<listen.host>:<listen.port>",
    "The iss of all tokens and the start of all URLs. In production https:, or http: on loopback.",
  ),
  listen: defaulted(listen, {}, "Where the issuer listens."),
  ops: defaulted(orFalse(ops), {}, "The listener for metrics and health; false: none."),
  trustedProxies: defaulted(
    list(networkAddress, { max: 64 }),
    [],
    "Proxies whose X-Forwarded-For counts, for throttling and the audit log.",
  ),
  workers: defaulted(integerOr(1, 64, "auto"), 1, 'Number of processes of mintmark serve; "auto": one per core.'),
  outgoing: defaulted(outgoing, {}, "Requests of the issuer's own: those for a jwksUri."),
  clockSkew: defaulted(
    duration("0s", "60s"),
    "10s",
    "How far the clocks of issuer, store and clients may differ (FAPI 2.0 §5.3.2.1: at most 60 s).",
  ),
  store: defaulted(
    storeTarget,
    "embedded:./data",
    "Where sessions, accounts and the key ring are: a folder, or a Redis (one server, behind Sentinel, a Cluster; rediss is TLS).",
  ),
  redis: defaulted(redis, {}, "Only for a store in Redis."),
  keys: defaulted(keys, {}, "The keys and their rotation."),
  accessToken: defaulted(accessToken, {}, "Access tokens."),
  refreshToken: defaulted(refreshToken, {}, "Refresh tokens and sessions."),
  login: defaulted(login, {}, "The built-in login."),
  resources: defaulted(
    list(resource, { max: 1_000 }, (seen) => seen.id),
    [],
    "The resource servers for which tokens are issued.",
  ),
  clients: defaulted(
    list(object(clientMembers), { max: 10_000 }, (seen) => seen.id),
    [],
    "The clients that may ask for tokens.",
  ),
  trustedIssuers: defaulted(
    list(trustedIssuer, { max: 64 }, (seen) => seen.issuer),
    [],
    "Who may assert a subject, with the grant jwt-bearer (RFC 7523 §2.1).",
  ),
});

/** The JSON document, as it is written. */
export type ConfigDocument = InputOf<typeof configDocument>;

/** The document as read: defaults filled in, durations in milliseconds. */
export type Settings = OutputOf<typeof configDocument>;

/** What could be read of a document that may have faults. */
export type SeenSettings = Seen<Settings>;
export type ClientSettings = Settings["clients"][number];
export type ResourceSettings = Settings["resources"][number];
export type SeenClient = Seen<ClientSettings>;

const API = "https://api.example.com";

/** What is in force with no file at all. In production there is no default client. */
export function defaultDocument(production: boolean): ConfigDocument {
  const resources = [{ id: API, scopes: ["read", "write"], algorithm: "ES256", edAlgName: "EdDSA", accessTokenLifetime: "10m" }] as const;
  if (production) return { resources };
  return {
    resources,
    clients: [
      {
        id: "app",
        type: "public",
        grants: ["login", "refresh_token"],
        refreshTokenDelivery: "body",
        resources: [API],
        scopes: ["read", "write"],
        sessions: true,
      },
      {
        id: "web",
        type: "public",
        grants: ["login", "refresh_token"],
        refreshTokenDelivery: "cookie",
        allowedOrigins: ["http://127.0.0.1:3000"],
        resources: [API],
        scopes: ["read", "write"],
        sessions: true,
      },
    ],
  };
}
