import t from "tap";
import { API, faultsOf, placesOf, publicClient, resource, service, warningsOf } from "./support.ts";

t.test("an issuer is an origin in its canonical form (RFC 8414 §2)", async (t) => {
  const wrong = [
    "",
    "https://a/",
    "https://a/?x",
    "https://a?x",
    "https://a/#f",
    "https://a#",
    "https://u:p@a",
    "https://u@a",
    "https://a/path",
    "https://A",
    "HTTPS://a",
    "https://a:443",
    "http://a:80",
    "https://a:0",
    "https://a:99999",
    "ftp://a",
    "a",
    "https://",
    " https://a",
    "https://a ",
    "https://[::1",
    "https://127.1",
    "https://ä.example",
  ];
  for (const issuer of wrong) t.same(placesOf({ issuer }), ["issuer"], issuer);
  for (const issuer of ["https://a", "https://a:8443", "http://127.0.0.1:3000", "http://[::1]:3000", "http://localhost"])
    t.same(placesOf({ issuer }), [], issuer);
});

t.test("an http: issuer that is not on loopback is refused in production", async (t) => {
  const production = { NODE_ENV: "production" };
  for (const issuer of ["http://a", "http://10.0.0.1", "http://127.example", "http://localhost.example"]) {
    t.match(faultsOf({ issuer }, production), [/^issuer: expected https:/], issuer);
    t.same(placesOf({ issuer }), [], "elsewhere it is a warning");
  }
  for (const issuer of ["http://127.0.0.1", "http://127.9.9.9:1", "http://[::1]", "http://localhost:3000", "https://a"])
    t.same(placesOf({ issuer }, production), [], issuer);
  t.match(faultsOf({ listen: { host: "0.0.0.0" } }, production), [/^issuer: expected https:/]);
  t.match(faultsOf({}, { ...production, MINTMARK_ISSUER: "http://a" }), [/^MINTMARK_ISSUER: expected https:/]);
});

t.test("a store is a folder or a Redis URL without options that would be ignored", async (t) => {
  const wrong = [
    "",
    "embedded:",
    "embedded://x",
    "./data",
    "redis:",
    "redis://",
    "redis://h?family=6",
    "redis://h#x",
    "redis://h/x",
    "redis://h:0",
    "redis://h:99999",
    "redis://u:%zz@h",
    "http://h",
    "redis://a b",
    "redis+sentinel://h:1",
    "redis+sentinel://h/m",
    "redis+cluster://h",
    "redis+cluster://h:7000/1",
    "redis+cluster://h:70000",
    "redis+sentinel://h:1/m?x=1",
    "redis+sentinel://%zz@h:1/m",
    "REDIS://h:",
  ];
  for (const store of wrong) t.same(placesOf({ store }), ["store"], store);
  const right = [
    "embedded:./data",
    "embedded:/var/lib/mintmark",
    "redis://h",
    "redis://h:6379/0",
    "rediss://u:p@h:6380",
    "redis://:p@[::1]:6379/",
    "redis+sentinel://u:p@h1:26379,h2:26379/main",
    "rediss+sentinel://h1:26379/main/3",
    "redis+cluster://h1:7000,[::1]:7001",
    "rediss+cluster://:p%40ss@h1:7000/",
  ];
  for (const store of right) t.same(placesOf({ store }), [], store);
});

const SHARED_KEK = { MINTMARK_KEY_ENCRYPTION_KEY: "A".repeat(43) };

t.test("keys in the store, and one key-encryption key in the place of another, need the one that is in force", async (t) => {
  t.match(faultsOf({ keys: { store: "shared" } }), [/^keys\.encryptionKeyFile: is missing/]);
  t.match(faultsOf({ keys: { macStore: "shared" } }), [/^keys\.encryptionKeyFile: is missing/]);
  t.match(faultsOf({}, { MINTMARK_OLD_KEY_ENCRYPTION_KEY: "A".repeat(43) }), [/^keys\.encryptionKeyFile: is missing/]);
  t.match(faultsOf({}, { MINTMARK_OLD_KEY_ENCRYPTION_KEY: "short" }), [/^MINTMARK_OLD_KEY_ENCRYPTION_KEY: expected 32 bytes/]);
  for (const [keys, environment] of [
    [{}, { MINTMARK_KEY_ENCRYPTION_KEY: "short" }],
    [{}, { MINTMARK_KEY_ENCRYPTION_KEY: "" }],
    [{}, { MINTMARK_KEY_ENCRYPTION_KEY: "short", MINTMARK_OLD_KEY_ENCRYPTION_KEY: "A".repeat(43) }],
    [{ encryptionKeyFile: "/nowhere/kek" }, {}],
    [{ encryptionKeyFile: "" }, {}],
  ] as const)
    t.equal(faultsOf({ keys: { store: "shared", ...keys } }, environment).length, 1, "a bad one is not missing besides");
  t.same(faultsOf({ keys: { store: "shared" } }, { ...SHARED_KEK, MINTMARK_OLD_KEY_ENCRYPTION_KEY: "B".repeat(42) + "A" }), []);
});

t.test("a custodian is named by a URI with what it needs and nothing else", async (t) => {
  const wrong = [
    "pkcs11:",
    "pkcs11:token=t",
    "pkcs11:?module-path=/m.so",
    "pkcs11:token=t;slot-id=1?module-path=/m.so",
    "pkcs11:token=t;token=u?module-path=/m.so",
    "pkcs11:slot-id=one?module-path=/m.so",
    "pkcs11:token=%ZZ?module-path=/m.so",
    "pkcs11:token=t?module-path=/m.so&pin-value=1234",
    "pkcs11:token=t?module-path=/m.so&pin-source=/run/pin",
    "awskms:key=1",
    "awskms:region=EU WEST",
    "awskms:?endpoint=ftp://h",
    "vault:",
    "vault:mount=transit",
    "vault:?address=http://vault.example.com:8200",
    "vault:?address=https://u:p@vault.example.com",
    "vault:?address=https://vault.example.com&token=secret",
    "gcpkms:project=p",
    "shared:",
    "file:",
  ];
  for (const store of wrong) t.same(placesOf({ keys: { store } }), ["keys.store"], store);
  const said: [store: string, fault: RegExp][] = [
    ["pkcs11:token=t", /^keys\.store: expected \?module-path=LIBRARY in pkcs11:/],
    ["pkcs11:?module-path=/m.so", /expected one of token, serial and slot-id/],
    ["pkcs11:slot-id=one?module-path=/m.so", /expected a number as the slot-id/],
    ["pkcs11:token=t?module-path=/m.so&pin-value=1234", /after the \? of pkcs11: nothing but module-path, pin-source$/],
    ["pkcs11:token=t;module-path=/m.so", /before the \? of pkcs11: nothing but token, serial, slot-id$/],
    ["pkcs11:token=t?module-path=/m.so&pin-source=/run/pin", /file:PATH as the pin-source/],
    ["awskms:region=EU WEST", /expected file:FOLDER, shared, /],
    ["awskms:region=EU", /region such as eu-central-1/],
    ["awskms:?endpoint=ftp://h", /endpoint of awskms: an https: URL/],
    ["vault:mount=transit", /expected \?address=URL in vault:/],
    ["vault:?address=http://vault.example.com:8200", /address of vault: an https: URL .*\(http: on this machine only\)$/],
    ["vault:?address=https://v.example&token-source=/run/token", /file:PATH as the token-source/],
    ["vault:mount=a%20b?address=https://v.example", /as the mount and the namespace/],
    ["gcpkms:project=p", /expected file:FOLDER, shared, /],
  ];
  for (const [store, fault] of said) t.match(faultsOf({ keys: { store } }), [fault], store);
  const right = [
    "pkcs11:token=my%20token?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/run/pin",
    "pkcs11:slot-id=0?module-path=/m.so",
    "pkcs11:serial=abc?module-path=/m.so",
    "awskms:",
    "awskms:region=eu-central-1",
    "awskms:region=eu-central-1?endpoint=http://127.0.0.1:5000",
    "vault:?address=https://vault.example.com:8200",
    "vault:mount=auth/transit?address=http://127.0.0.1:8200&namespace=team&token-source=file:token",
  ];
  for (const store of right) t.same(placesOf({ keys: { store } }), [], store);
});

t.test("key files are in one folder, and there is one custodian of a kind", async (t) => {
  const kms = "awskms:region=eu-central-1";
  t.same(placesOf({ keys: { store: kms, otherStores: ["file:./keys", "vault:?address=https://v.example"], macStore: "file:./keys" } }), []);
  t.same(placesOf({ keys: { store: "file:./a", otherStores: ["file:./b"] } }), ["keys.folder"]);
  t.same(placesOf({ keys: { store: "file:./a", folder: "./b" } }), ["keys.folder"]);
  t.same(placesOf({ keys: { store: kms, otherStores: [kms] } }), ["keys.otherStores[0]"]);
  t.same(placesOf({ keys: { macStore: kms } }), ["keys.macStore"]);
});

const P256 = { keys: [{ kty: "EC", crv: "P-256", x: "A".repeat(43), y: "A".repeat(43) }] };

t.test("keys and issuers of others have the right shape", async (t) => {
  t.same(
    placesOf({
      trustedIssuers: [{ issuer: "login" }, { issuer: "https://a.example", subjectPrefix: "a:", jwksUri: "https://a.example", jwks: P256 }],
      resources: [resource],
      clients: [
        { ...publicClient, allowedOrigins: ["https://a/"] },
        { ...service, jwks: { keys: [{ kty: "EC", crv: "P-256", d: "private" }] } },
        { ...service, id: "rsa", jwks: { keys: [{ kty: "RSA" }] } },
      ],
    }).filter((place) => place !== "trustedIssuers"),
    [
      "clients[0].allowedOrigins[0]",
      "clients[1].jwks",
      "clients[2].jwks",
      "trustedIssuers[0]",
      "trustedIssuers[0].clients",
      "trustedIssuers[0].issuer",
      "trustedIssuers[0].subjectPrefix",
      "trustedIssuers[1]",
      "trustedIssuers[1].clients",
    ],
  );
});

const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";

t.test("subjects of different sources can't meet", async (t) => {
  const clients = [
    { ...publicClient, grants: [JWT_BEARER, "refresh_token"] },
    { ...publicClient, id: "other" },
  ];
  const trusted = (name: string, subjectPrefix: string, more: object = {}) => ({
    issuer: `https://${name}.example`,
    jwks: P256,
    subjectPrefix,
    clients: ["app"],
    ...more,
  });
  const places = (...trustedIssuers: object[]) => placesOf({ resources: [resource], clients, trustedIssuers });
  t.same(places(trusted("a", "a:"), trusted("b", "b:")), []);
  t.same(places(trusted("a", "x"), trusted("b", "x-")), ["trustedIssuers[0].subjectPrefix"], "x and x- give both x-1");
  t.same(places(trusted("a", "x-"), trusted("b", "x")), ["trustedIssuers[1].subjectPrefix"]);
  t.same(places(trusted("a", "x"), trusted("b", "x")), ["trustedIssuers[0].subjectPrefix", "trustedIssuers[1].subjectPrefix"]);
  t.same(places(trusted("a", "a:"), trusted("a", "b:")), ["trustedIssuers[1]"], "one issuer, one entry");
  t.same(places(trusted("a", "a:", { clients: ["nobody", "other"] })), ["trustedIssuers[0].clients[0]", "trustedIssuers[0].clients[1]"]);
  t.same(places(trusted("a", "a:", { clients: [] })), ["trustedIssuers[0].clients"]);
  t.same(places(trusted("a", "a:", { issuer: "http://127.0.0.1:3000" })), ["trustedIssuers[0].issuer"], "the issuer itself");
  const warnings = (subjectPrefix: string) => warningsOf({ resources: [resource], clients, trustedIssuers: [trusted("a", subjectPrefix)] });
  for (const ended of ["team:", "team."]) t.same(warnings(ended), []);
  t.match(warnings("S"), [/^trustedIssuers\[0\]\.subjectPrefix: ends in neither/], "22 random characters may begin with it");
  const same = {
    keys: [
      { ...P256.keys[0], kid: "a" },
      { ...P256.keys[0], kid: "a" },
    ],
  };
  t.same(places(trusted("a", "a:", { jwks: same })), ["trustedIssuers[0].jwks"], "two keys of one name");
  t.match(warningsOf({ resources: [resource], clients }), [/^clients\[0\]\.grants\[0\]: no trusted issuer lists this client/]);
});

t.test("a cookie client has pages, and says so where browsers won't send its cookie", async (t) => {
  const web = { ...publicClient, refreshTokenDelivery: "cookie" };
  const warnings = (issuer: string, ...allowedOrigins: string[]) =>
    warningsOf({ issuer, resources: [resource], clients: [{ ...web, allowedOrigins }] });
  t.same(placesOf({ resources: [resource], clients: [web] }), ["clients[0].allowedOrigins"]);
  t.same(warnings("https://auth.example.com", "https://app.example.com", "https://example.com", "https://auth.example.com"), []);
  t.same(warnings("http://127.0.0.1:3000", "http://127.0.0.1:5173"), [], "ports don't make sites");
  t.same(warnings("http://localhost:3000", "http://localhost:5173"), []);
  const elsewhere = [/^clients\[0\]\.allowedOrigins\[0\]: is not on the issuer's site/];
  t.match(warnings("https://auth.example.com", "https://app.example.org"), elsewhere);
  t.match(warnings("https://auth.example.com", "http://app.example.com"), elsewhere, "sites have a scheme");
  t.match(warnings("https://auth.example.co.uk", "https://app.other.co.uk"), elsewhere, "co.uk is nobody's");
  t.match(warnings("https://auth.github.io", "https://app.github.io"), elsewhere, "nor is github.io");
  t.match(warnings("http://127.0.0.1:3000", "http://localhost:3000"), elsewhere);
  t.match(warnings("http://127.0.0.1:3000", "http://127.0.0.2:3000"), elsewhere);
});

t.test("a public client without rotation is warned of, a confidential one is not (RFC 9700 §2.2.2)", async (t) => {
  const never = (client: object) => warningsOf({ resources: [resource], clients: [{ ...client, rotation: "never" }] });
  t.match(never(publicClient), [/^clients\[0\]\.rotation: /]);
  t.same(never({ ...service, grants: ["login", "refresh_token"] }), []);
});

t.test("every fault is listed at once, of every kind", async (t) => {
  const document = {
    issuer: "https://a/",
    listn: {},
    listen: { host: "", port: -1 },
    workers: 65,
    store: "mysql://h",
    keys: { stageFor: "1m", jwksMaxAge: "2m", defaultAlgorithm: "RS256" },
    refreshToken: { idleLifetime: "9d", absoluteLifetime: "1d", retryWindow: "1h" },
    resources: [{ id: "api" }, { id: API, scopes: ["sessions", "read"], algorithm: "none" }],
    clients: [
      {
        id: "a b",
        type: "public",
        secretSha256: "x",
        grants: ["client_credentials"],
        resources: ["https://no.example"],
        scopes: ["read"],
        sessions: true,
      },
      { id: "c", type: "confidential", grants: ["login"], resources: [API], scopes: ["admin"], allowedOrigins: ["https://a/"] },
    ],
  };
  t.same(
    placesOf(document, { MINTMARK_OPS_PORT: "yes", MINTMARK_PRT: "1", MINTMARK_KEYS: "" }),
    [
      "MINTMARK_KEYS",
      "MINTMARK_OPS_PORT",
      "MINTMARK_PRT",
      "clients[0].grants[0]",
      "clients[0].id",
      "clients[0].resources[0]",
      "clients[0].secretSha256",
      "clients[0].secretSha256",
      "clients[0].sessions",
      "clients[1].allowedOrigins[0]",
      "clients[1].scopes[0]",
      "clients[1].secretSha256",
      "issuer",
      "keys.defaultAlgorithm",
      "keys.stageFor",
      "listen.host",
      "listen.port",
      "listn",
      "refreshToken.idleLifetime",
      "refreshToken.retryWindow",
      "resources[0].id",
      "resources[1].algorithm",
      "resources[1].scopes[0]",
      "store",
      "workers",
    ].sort(),
  );
});

t.test("no message repeats a value", async (t) => {
  const secret = "hunter2";
  const document = {
    issuer: `https://u:${secret}@a`,
    store: `redis://u:${secret}@h?x=1`,
    keys: { store: secret, encryptionKeyFile: `/nowhere/${secret}`, rotateEvery: secret },
    accessToken: { lifetime: secret },
    resources: [{ id: secret, scopes: [`${secret} x`], algorithm: secret }],
    clients: [
      {
        id: `${secret}/`,
        type: secret,
        secretSha256: secret,
        grants: [secret],
        resources: [secret, `https://${secret}.example`],
        scopes: [secret],
      },
    ],
  };
  const environment = {
    MINTMARK_KEY_ENCRYPTION_KEY: secret,
    MINTMARK_OLD_KEY_ENCRYPTION_KEY: secret,
    MINTMARK_PORT: secret,
    MINTMARK_SECRET: secret,
  };
  const faults = faultsOf(document, environment);
  t.ok(faults.length > 12);
  t.notMatch(faults.join("\n"), secret);
});
