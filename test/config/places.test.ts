import t from "tap";
import { API, faultsOf, HASH, publicClient, resource, service } from "./support.ts";

/** Each document has exactly one fault, at the place. */
const single: readonly (readonly [name: string, place: string, document: unknown, message?: RegExp])[] = [
  ["the document is no object", "(document)", []],
  ["the document is null", "(document)", null],
  ["an unknown member", "isuer", { isuer: "x" }, /did you mean issuer\?/],
  ["an unknown member deep inside", "refreshToken.retryWindows", { refreshToken: { retryWindows: "1s" } }, /did you mean retryWindow\?/],
  ["an unknown member of a client", "clients[0].cookie", { resources: [resource], clients: [{ ...publicClient, cookie: { name: "rt" } }] }],
  ["a member name that is no name", '["a b"]', { "a b": 1 }],
  ["issuer null", "issuer", { issuer: null }],
  ["a section that is a list", "keys", { keys: [] }, /an object/],
  ["a duration as a number", "accessToken.lifetime", { accessToken: { lifetime: 600 } }, /"1s" to "24h"/],
  ["access token lifetime 0", "accessToken.lifetime", { accessToken: { lifetime: "0s" } }],
  ["access token lifetime negative", "accessToken.lifetime", { accessToken: { lifetime: "-1s" } }],
  ["access token lifetime NaN", "accessToken.lifetime", { accessToken: { lifetime: "NaN" } }],
  ["access token lifetime with a blank", "accessToken.lifetime", { accessToken: { lifetime: "15m " } }],
  ["access token lifetime too long", "accessToken.lifetime", { accessToken: { lifetime: "25h" } }],
  ["access token lifetime 1e9", "accessToken.lifetime", { accessToken: { lifetime: 1_000_000_000 } }],
  ["clock skew above 60 s", "clockSkew", { clockSkew: "61s" }],
  ["retry window above 60 s", "refreshToken.retryWindow", { refreshToken: { retryWindow: "61s" } }],
  [
    "a client's retry window above 60 s",
    "clients[0].retryWindow",
    { resources: [resource], clients: [{ ...publicClient, retryWindow: "1h" }] },
  ],
  ["keyed retry window above 24 h", "refreshToken.keyedRetryWindow", { refreshToken: { keyedRetryWindow: "25h" } }],
  ["absolute lifetime above 400 days", "refreshToken.absoluteLifetime", { refreshToken: { absoluteLifetime: "401d" } }],
  ["idle above absolute", "refreshToken.idleLifetime", { refreshToken: { idleLifetime: "2d", absoluteLifetime: "1d" } }],
  [
    "a client's idle above its absolute",
    "clients[0].idleLifetime",
    { resources: [resource], clients: [{ ...publicClient, idleLifetime: "2h", absoluteLifetime: "1h" }] },
  ],
  [
    "a client's absolute under the general idle",
    "clients[0].absoluteLifetime",
    { resources: [resource], clients: [{ ...publicClient, absoluteLifetime: "1d" }] },
  ],
  [
    "a client's idle above the general absolute",
    "clients[0].idleLifetime",
    { resources: [resource], clients: [{ ...publicClient, idleLifetime: "181d" }] },
  ],
  ["stageFor under jwksMaxAge", "keys.stageFor", { keys: { stageFor: "9m" } }, /jwksMaxAge/],
  ["rotateEvery no duration", "keys.rotateEvery", { keys: { rotateEvery: "always" } }, /or "never"/],
  ["no algorithm", "keys.algorithms", { keys: { algorithms: [] } }],
  ["an algorithm we don't have", "keys.algorithms[0]", { keys: { algorithms: ["RS256", "ES256"] } }],
  ["an algorithm twice", "keys.algorithms[1]", { keys: { algorithms: ["ES256", "ES256"] } }],
  ["default algorithm not among the algorithms", "keys.defaultAlgorithm", { keys: { algorithms: ["EdDSA"] } }],
  [
    "a resource's algorithm not among the algorithms",
    "resources[0].algorithm",
    { keys: { algorithms: ["ES256"] }, resources: [{ ...resource, algorithm: "EdDSA" }] },
  ],
  ["a resource that is no URI", "resources[0].id", { resources: [{ id: "api" }] }],
  ["a resource with a fragment", "resources[0].id", { resources: [{ id: "https://a.example/#x" }] }],
  ["a resource without id", "resources[0].id", { resources: [{}] }, /is missing/],
  ["a resource twice", "resources[1]", { resources: [resource, resource] }],
  ["a resource that is the issuer", "resources[0].id", { issuer: "https://a.example", resources: [{ id: "https://a.example" }] }],
  ["the reserved scope on a resource", "resources[0].scopes[0]", { resources: [{ id: API, scopes: ["sessions"] }] }, /reserved/],
  [
    "the reserved scope on a client",
    "clients[0].scopes[0]",
    { resources: [resource], clients: [{ ...publicClient, scopes: ["sessions"] }] },
    /reserved/,
  ],
  ["a scope with a quote", "resources[0].scopes[0]", { resources: [{ id: API, scopes: ['a"b'] }] }],
  ["a scope with a blank", "resources[0].scopes[0]", { resources: [{ id: API, scopes: ["a b"] }] }],
  ["a scope twice", "resources[0].scopes[1]", { resources: [{ id: API, scopes: ["a", "a"] }] }],
  ["a client twice", "clients[1]", { resources: [resource], clients: [publicClient, publicClient] }],
  ["a client id with a slash", "clients[0].id", { resources: [resource], clients: [{ ...publicClient, id: "a/b" }] }],
  ["a client id of 65 characters", "clients[0].id", { resources: [resource], clients: [{ ...publicClient, id: "a".repeat(65) }] }],
  [
    "a client with an unknown resource",
    "clients[0].resources[1]",
    { resources: [resource], clients: [{ ...publicClient, resources: [API, "https://b.example"] }] },
  ],
  [
    "a client with the issuer as a resource",
    "clients[0].resources[1]",
    { resources: [resource], clients: [{ ...publicClient, resources: [API, "http://127.0.0.1:3000"] }] },
    /sessions: true/,
  ],
  ["a client without resources", "clients[0].resources", { clients: [{ id: "a", type: "public", grants: ["login"] }] }],
  [
    "a client with a scope of no resource of its",
    "clients[0].scopes[1]",
    { resources: [resource], clients: [{ ...publicClient, scopes: ["read", "admin"] }] },
  ],
  ["a client without grants", "clients[0].grants", { resources: [resource], clients: [{ ...publicClient, grants: [] }] }],
  ["an unknown grant", "clients[0].grants[1]", { resources: [resource], clients: [{ ...publicClient, grants: ["login", "password"] }] }],
  ["a grant twice", "clients[0].grants[1]", { resources: [resource], clients: [{ ...publicClient, grants: ["login", "login"] }] }],
  ["refresh_token alone", "clients[0].grants[0]", { resources: [resource], clients: [{ ...publicClient, grants: ["refresh_token"] }] }],
  [
    "client_credentials for a public client",
    "clients[0].grants[1]",
    { resources: [resource], clients: [{ ...publicClient, grants: ["login", "client_credentials"] }] },
  ],
  ["sessions without login", "clients[0].sessions", { resources: [resource], clients: [{ ...service, sessions: true }] }],
  [
    "a confidential client without secret",
    "clients[0].secretSha256",
    { resources: [resource], clients: [{ ...service, secretSha256: undefined }] },
    /is missing/,
  ],
  [
    "a secret hash that is too short",
    "clients[0].secretSha256",
    { resources: [resource], clients: [{ ...service, secretSha256: "abcd" }] },
    /64 hexadecimal/,
  ],
  [
    "a public client with a secret",
    "clients[0].secretSha256",
    { resources: [resource], clients: [{ ...publicClient, secretSha256: HASH }] },
  ],
  ["a port above 65535", "listen.port", { listen: { port: 65_536 } }],
  ["a port in quotes", "listen.port", { listen: { port: "3000" } }],
  ["port 0 without issuer", "issuer", { listen: { port: 0 } }, /is missing/],
  ["no listener at all", "listen.port", { listen: { port: false } }],
  ["a host with a port", "listen.host", { listen: { host: "localhost:3000" } }],
  ["an empty host", "listen.host", { listen: { host: "" } }],
  ["trusting all proxies", "trustedProxies", { trustedProxies: true }],
  ["a proxy that is no address", "trustedProxies[0]", { trustedProxies: ["proxy"] }, /IP address/],
  ["workers 0", "workers", { workers: 0 }],
  ["65 workers", "workers", { workers: 65 }],
  ["one port for both listeners", "ops.port", { listen: { port: 3000 }, ops: { port: 3000 } }, /another port/],
  ["one port on every interface and on one", "ops.port", { listen: { host: "::", port: 3000 }, ops: { port: 3000 } }],
  ["the port of issuer and metrics both from defaults", "ops.port", { listen: { port: 9464 } }],
  ["a password length under 8", "login.minPasswordLength", { login: { minPasswordLength: 7 } }],
  ["no failure allowed", "login.failuresPerMinute", { login: { failuresPerMinute: 0 } }],
  ["a fraction", "login.failuresPerMinute", { login: { failuresPerMinute: 1.5 } }],
  ["heal as text", "refreshToken.heal", { refreshToken: { heal: "true" } }],
  ["a key prefix with braces", "redis.keyPrefix", { redis: { keyPrefix: "{m}" } }],
  ["keys nowhere", "keys.store", { keys: { store: "file:" } }],
  ["keys by URL", "keys.store", { keys: { store: "file://host/keys" } }],
];

t.test("one port is right for both listeners where the hosts are apart, and 0 is another port each time", async (t) => {
  t.same(faultsOf({ listen: { port: 3000 }, ops: { host: "10.0.0.1", port: 3000 } }), []);
  t.same(faultsOf({ issuer: "http://127.0.0.1:3000", listen: { port: 0 }, ops: { port: 0 } }), []);
  t.same(faultsOf({}, { MINTMARK_PORT: "9464", MINTMARK_OPS_PORT: "false" }), []);
  t.match(faultsOf({}, { MINTMARK_OPS_PORT: "3000" }), [/^MINTMARK_OPS_PORT: expected another port/], "the variable is named");
});

for (const [name, place, document, message] of single) {
  t.test(`refused, once and at its place: ${name}`, async (t) => {
    const faults = faultsOf(document);
    t.equal(faults.length, 1, JSON.stringify(faults));
    t.equal(faults[0]?.slice(0, place.length + 2), `${place}: `);
    if (message !== undefined) t.match(faults[0], message);
    t.notMatch(faults[0], /not built yet/);
  });
}
