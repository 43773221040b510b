import { readFileSync } from "node:fs";
import Ajv from "ajv/dist/2020.js";
import t from "tap";
import { configReference, configSchema, configTable } from "../../src/config/reference.ts";
import { faultsOf, publicClient, resource, service } from "./support.ts";

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const validate = new Ajv.Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true }).compile(configSchema());

t.test("mintmark.schema.json is what the readers say (node scripts/config-schema.ts writes it)", async (t) => {
  t.same(JSON.parse(read("mintmark.schema.json")), configSchema());
});

t.test(
  "docs/configuration.md has each member with its meaning, default and limits (node scripts/config-schema.ts writes it)",
  async (t) => {
    const docs = read("docs/configuration.md")
      .split("\n")
      .map((line) => line.replace(/\s+/g, " ").trim());
    for (const row of configTable()
      .split("\n")
      .filter((line) => line.startsWith("| `")))
      t.ok(docs.includes(row.replace(/\s+/g, " ")), row.slice(0, 60));
    const known = new Set(configReference().map(({ path }) => path));
    const section = docs.slice(docs.indexOf("<!-- members -->"), docs.indexOf("<!-- end of members -->"));
    for (const line of section) {
      const path = /^\| `([^`]+)`/.exec(line)?.[1];
      if (path !== undefined) t.ok(known.has(path), `${path} is a member`);
    }
  },
);

t.test("every JSON example in the docs is a valid configuration", async (t) => {
  const examples = [...read("docs/configuration.md").matchAll(/```json\n([^]*?)```/g)].map(([, text]) => JSON.parse(text ?? "") as unknown);
  t.ok(examples.length > 0);
  for (const example of examples) {
    t.same(faultsOf(example), []);
    t.ok(validate(example));
  }
});

t.test("the schema and the readers accept an example with every member", async (t) => {
  const example = {
    issuer: "http://127.0.0.1:3000",
    listen: { host: "127.0.0.1", port: 3000 },
    ops: { host: "127.0.0.1", port: 9464 },
    trustedProxies: [],
    workers: 1,
    clockSkew: "10s",
    store: "embedded:./data",
    redis: { keyPrefix: "mintmark:", commandTimeout: "250ms", waitReplicas: 0, sentinelUsername: "u", sentinelPassword: "p" },
    keys: {
      store: "file:./keys",
      encryptionKeyFile: null,
      oldEncryptionKeyFile: null,
      algorithms: ["ES256", "EdDSA"],
      defaultAlgorithm: "ES256",
      rotateEvery: "30d",
      stageFor: "24h",
      jwksMaxAge: "10m",
      countFetches: true,
    },
    accessToken: { lifetime: "10m" },
    refreshToken: {
      idleLifetime: "30d",
      absoluteLifetime: "180d",
      retryWindow: "30s",
      keyedRetryWindow: "1h",
      heal: true,
      maxSessionsPerSubjectAndClient: 100,
    },
    login: { enabled: true, minPasswordLength: 15, failuresPerMinute: 10, failuresPerMinutePerAddress: 100 },
    resources: [{ ...resource, algorithm: "ES256", edAlgName: "EdDSA", accessTokenLifetime: "10m" }],
    clients: [
      { ...publicClient, refreshTokenDelivery: "body", scopes: ["read", "write"], sessions: true },
      { ...publicClient, id: "web", refreshTokenDelivery: "cookie", allowedOrigins: ["http://127.0.0.1:3000"], sessions: true },
      service,
    ],
    trustedIssuers: [],
  };
  t.ok(validate(example), JSON.stringify(validate.errors));
  t.same(faultsOf(example), []);
});

t.test("the schema refuses what the readers refuse by shape", async (t) => {
  const wrong: readonly unknown[] = [
    [],
    { isuer: "x" },
    { listen: { port: "3000" } },
    { listen: { port: 65_536 } },
    { ops: { port: true } },
    { accessToken: { lifetime: "15m " } },
    { keys: { algorithms: [] } },
    { keys: { algorithms: ["ES256", "ES256"] } },
    { keys: { rotateEvery: "always" } },
    { issuer: "https://a/" },
    { resources: [{}] },
    { clients: [{ ...publicClient, id: "a b" }], resources: [resource] },
    { clients: [{ ...service, secretSha256: "x" }], resources: [resource] },
    { workers: "many" },
  ];
  for (const document of wrong) {
    t.notOk(validate(document), JSON.stringify(document));
    t.not(faultsOf(document).length, 0);
  }
});
