import t from "tap";
import { parseConfig } from "../../src/config.ts";
import { API, configOf, FOLDER, HASH, publicClient, resource, service } from "./support.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The values that INTERFACE shows. */
const SHOWN = {
  listen: { host: "127.0.0.1", port: 3000 },
  ops: { host: "127.0.0.1", port: 9464 },
  workers: 1,
  store: { kind: "embedded", directory: `${FOLDER}/data` },
  keys: {
    directory: `${FOLDER}/keys`,
    signing: "file",
    mac: "file",
    custodians: [],
    encryptionKey: undefined,
    oldEncryptionKey: undefined,
    signatureTimeoutMillis: 1_000,
    maxSignaturesInFlight: 64,
  },
  trustedProxies: [],
  allowedNetworks: [],
};
const SHOWN_POLICY = {
  issuer: "http://127.0.0.1:3000",
  clockSkewMillis: 10 * SECOND,
  trustedIssuers: new Map(),
  keys: {
    algorithms: ["ES256", "EdDSA"],
    defaultAlgorithm: "ES256",
    rotateEveryMillis: 30 * DAY,
    stageForMillis: 24 * HOUR,
    jwksMaxAgeMillis: 10 * MINUTE,
    countFetches: true,
  },
  login: { enabled: true, minPasswordLength: 15, failuresPerMinute: 10, failuresPerMinutePerAddress: 100 },
  heal: true,
  maxSessionsPerSubjectAndClient: 100,
};
const SHOWN_WINDOWS = {
  retryWindowMillis: 30 * SECOND,
  keyedRetryWindowMillis: HOUR,
  idleLifetimeMillis: 30 * DAY,
  absoluteLifetimeMillis: 180 * DAY,
  accessTokenLifetimeMillis: 10 * MINUTE,
};
const SHOWN_RESOURCE = {
  id: API,
  scopes: ["read", "write"],
  algorithm: "ES256",
  edAlgName: "EdDSA",
  accessTokenLifetimeMillis: 10 * MINUTE,
};

t.test("with no file at all the values, the resource and the clients of INTERFACE are in force", async (t) => {
  const { policy, ...config } = configOf(undefined);
  t.same(config, { ...SHOWN, production: false, isDefault: true, source: undefined, warnings: [] });
  const { resources, clients, ...rest } = policy;
  t.same(rest, SHOWN_POLICY);
  t.same([...resources.values()], [SHOWN_RESOURCE, { ...SHOWN_RESOURCE, id: "http://127.0.0.1:3000", scopes: ["sessions"] }]);
  t.same(
    [...clients.values()],
    [
      {
        id: "app",
        type: "public",
        grants: ["login", "refresh_token"],
        refreshTokenDelivery: "body",
        resources: [API, "http://127.0.0.1:3000"],
        scopes: ["read", "write"],
        sessions: true,
        allowedOrigins: [],
        rotates: true,
        ...SHOWN_WINDOWS,
      },
      {
        id: "web",
        type: "public",
        grants: ["login", "refresh_token"],
        refreshTokenDelivery: "cookie",
        allowedOrigins: ["http://127.0.0.1:3000"],
        resources: [API, "http://127.0.0.1:3000"],
        scopes: ["read", "write"],
        sessions: true,
        rotates: true,
        ...SHOWN_WINDOWS,
      },
    ],
  );
});

t.test("an empty file has the same values, no resource and no client", async (t) => {
  const { policy, ...config } = configOf({});
  t.same(config, { ...SHOWN, production: false, isDefault: false, source: undefined, warnings: [] });
  const { resources, clients, ...rest } = policy;
  t.same(rest, SHOWN_POLICY);
  t.equal(resources.size, 0);
  t.equal(clients.size, 0);
});

t.test("an empty section has the values shown", async (t) => {
  t.same(configOf({ listen: {}, ops: {}, redis: {}, keys: {}, accessToken: {}, refreshToken: {}, login: {} }), configOf({}));
});

t.test("in production there is no default client", async (t) => {
  const config = configOf(undefined, { NODE_ENV: "production" });
  t.equal(config.production, true);
  t.equal(config.isDefault, true);
  t.equal(config.policy.clients.size, 0);
  t.same([...config.policy.resources.keys()], [API]);
});

t.test("the issuer is made from the address on which it listens", async (t) => {
  const cases: readonly (readonly [string, number, string])[] = [
    ["127.0.0.1", 8080, "http://127.0.0.1:8080"],
    ["localhost", 80, "http://localhost"],
    ["::1", 3000, "http://[::1]:3000"],
  ];
  for (const [host, port, issuer] of cases) t.equal(configOf({ listen: { host, port } }).policy.issuer, issuer);
  for (const host of ["0.0.0.0", "::"]) t.match(configOf({ listen: { host } }).warnings.join("\n"), /every interface/);
});

t.test("a whole file is read", async (t) => {
  const config = configOf({
    $schema: "./mintmark.schema.json",
    issuer: "https://auth.example.com",
    listen: { host: "0.0.0.0", port: 0 },
    ops: { port: false },
    store: "rediss://user:p%40ss@redis.example.com:6380/2",
    redis: { keyPrefix: "mm:", commandTimeout: "1s" },
    keys: {
      store: "file:/var/keys",
      algorithms: ["EdDSA"],
      defaultAlgorithm: "EdDSA",
      rotateEvery: "never",
      stageFor: "2s",
      jwksMaxAge: "2s",
    },
    accessToken: { lifetime: "5m" },
    refreshToken: {
      idleLifetime: "2s",
      absoluteLifetime: "4s",
      retryWindow: "0s",
      keyedRetryWindow: "0s",
      heal: false,
      maxSessionsPerSubjectAndClient: 1,
    },
    clockSkew: "0s",
    login: { enabled: false },
    resources: [
      { ...resource, edAlgName: "Ed25519", accessTokenLifetime: "1m" },
      { id: "urn:example:two", accessTokenLifetime: "1h" },
    ],
    clients: [
      service,
      {
        ...publicClient,
        retryWindow: "7s",
        keyedRetryWindow: "8s",
        idleLifetime: "1s",
        absoluteLifetime: "1h",
        accessTokenLifetime: "10s",
      },
    ],
  });
  t.same(config.listen, { host: "0.0.0.0", port: 0 });
  t.equal(config.ops, undefined);
  t.same(config.store, {
    kind: "redis",
    url: "rediss://user:p%40ss@redis.example.com:6380/2",
    keyPrefix: "mm:",
    commandTimeoutMillis: 1_000,
    waitReplicas: 0,
    sentinelAccess: { username: undefined, password: undefined },
  });
  t.equal(config.keys.directory, "/var/keys");
  t.equal(config.policy.keys.rotateEveryMillis, undefined);
  t.equal(config.policy.heal, false);
  t.same(
    [...config.policy.resources.values()].map(({ algorithm, edAlgName, accessTokenLifetimeMillis }) => [
      algorithm,
      edAlgName,
      accessTokenLifetimeMillis,
    ]),
    [
      ["EdDSA", "Ed25519", MINUTE],
      ["EdDSA", "EdDSA", 5 * MINUTE],
    ],
    "the longer lifetime of the second resource gives way to accessToken.lifetime",
  );
  t.same(config.policy.clients.get("service")?.secretSha256, new Uint8Array(32).fill(0xab));
  t.match(config.policy.clients.get("app"), {
    retryWindowMillis: 7_000,
    keyedRetryWindowMillis: 8_000,
    idleLifetimeMillis: 1_000,
    absoluteLifetimeMillis: HOUR,
    accessTokenLifetimeMillis: 10_000,
    sessions: false,
    resources: [API],
  });
  t.match(config.policy.clients.get("service"), { retryWindowMillis: 0, idleLifetimeMillis: 2_000, accessTokenLifetimeMillis: 5 * MINUTE });
});

t.test("the issuer's own resource is last, and only there where a client has sessions", async (t) => {
  const { policy } = configOf({ resources: [resource], clients: [{ ...publicClient, sessions: true }, service] });
  t.same([...policy.resources.keys()], [API, policy.issuer]);
  t.same(policy.clients.get("app")?.resources, [API, policy.issuer]);
  t.same(policy.clients.get("service")?.resources, [API]);
  t.notOk(configOf({ resources: [resource], clients: [service] }).policy.resources.has(policy.issuer));
  t.same(configOf({ clients: [{ id: "a", type: "public", grants: ["login"], sessions: true }] }).policy.clients.get("a")?.resources, [
    policy.issuer,
  ]);
});

t.test("production warns under 24h of stageFor, and only production", async (t) => {
  const production = { NODE_ENV: "production" };
  const { warnings } = configOf({ keys: { stageFor: "23h" } }, production);
  t.equal(warnings.length, 1);
  t.match(warnings[0], /keys\.stageFor/);
  t.same(configOf({ keys: { stageFor: "24h" } }, production).warnings, []);
  t.same(configOf({ keys: { stageFor: "23h" } }).warnings, []);
});

t.test("a configuration can't be changed", async (t) => {
  const document = { resources: [resource], clients: [publicClient] };
  const result = parseConfig(document, {}, FOLDER);
  const config = configOf(document);
  t.ok(Object.isFrozen(result));
  t.ok(
    Object.isFrozen(config) && Object.isFrozen(config.policy.keys.algorithms) && Object.isFrozen(config.policy.clients.get("app")?.scopes),
  );
  t.throws(() => (config.policy.clients as Map<string, unknown>).clear(), TypeError);
  t.throws(() => (config.policy.resources as Map<string, unknown>).set("x", {}), TypeError);
  t.equal(config.policy.clients.size, 1);
  t.notOk(Object.isFrozen(document.resources), "the caller's document is left alone");
  t.notOk(Object.isFrozen(resource.scopes));
});

t.test("the hash of a secret may be written in capitals", async (t) => {
  const clients = [{ ...service, secretSha256: HASH.toUpperCase() }];
  t.same(configOf({ resources: [resource], clients }).policy.clients.get("service")?.secretSha256, new Uint8Array(32).fill(0xab));
});

t.test("ops false means no listener for metrics, and a variable that sets its port brings it back", async (t) => {
  const none = parseConfig({ ops: false }, {}, "/");
  t.ok(none.ok && none.config.ops === undefined);
  const back = parseConfig({ ops: false }, { MINTMARK_OPS_PORT: "9000" }, "/");
  t.same(back.ok && back.config.ops, { host: "127.0.0.1", port: 9000 });
  t.notOk(parseConfig({ ops: true }, {}, "/").ok);
});

t.test("where there is a failover one replica must confirm, unless something else is said", async (t) => {
  const waitReplicas = (store: string, redis = {}): unknown => {
    const { store: read } = configOf({ store, redis, resources: [], clients: [] });
    return read.kind === "redis" ? read.waitReplicas : undefined;
  };
  t.equal(waitReplicas("redis://h"), 0);
  t.equal(waitReplicas("redis+sentinel://h:1/main"), 1);
  t.equal(waitReplicas("redis+cluster://h:1"), 1);
  t.equal(waitReplicas("redis+cluster://h:1", { waitReplicas: 0 }), 0);
  t.equal(waitReplicas("redis://h", { waitReplicas: 2 }), 2);
});

t.test("what the sentinels want to know is not in the store's URL", async (t) => {
  const redis = { sentinelUsername: "watcher", sentinelPassword: "from the file" };
  const document = { store: "redis+sentinel://u:p@h:1/main", redis, resources: [], clients: [] };
  t.match(configOf(document).store, { sentinelAccess: { username: "watcher", password: "from the file" } });
  t.match(configOf(document, { MINTMARK_SENTINEL_PASSWORD: "other" }).store, { sentinelAccess: { password: "other" } });
});
