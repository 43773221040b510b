import t from "tap";
import { configOf, faultsOf, FOLDER, placesOf } from "./support.ts";

t.test("each variable wins over the file", async (t) => {
  const config = configOf(
    {
      issuer: "https://file.example",
      listen: { host: "10.0.0.1", port: 1 },
      ops: { host: "::1", port: 2 },
      store: "redis://file",
      keys: { store: "file:./file", jwksMaxAge: "5m" },
    },
    {
      MINTMARK_ISSUER: "https://environment.example",
      MINTMARK_HOST: "127.0.0.2",
      MINTMARK_PORT: "8080",
      MINTMARK_OPS_PORT: "0",
      MINTMARK_WORKERS: "4",
      MINTMARK_STORE: "embedded:./environment",
      MINTMARK_KEYS: "file:./environment-keys",
    },
  );
  t.equal(config.policy.issuer, "https://environment.example");
  t.same(config.listen, { host: "127.0.0.2", port: 8080 });
  t.same(config.ops, { host: "::1", port: 0 }, "what the variable doesn't name stays the file's");
  t.same(config.store, { kind: "embedded", directory: `${FOLDER}/environment` });
  t.equal(config.keys.directory, `${FOLDER}/environment-keys`);
  t.equal(config.workers, 4);
  t.equal(config.policy.keys.jwksMaxAgeMillis, 300_000);
});

t.test("variables work without a file, and the default client stays", async (t) => {
  const config = configOf(undefined, { MINTMARK_PORT: "8080", MINTMARK_OPS_PORT: "false" });
  t.equal(config.policy.issuer, "http://127.0.0.1:8080");
  t.same(config.policy.clients.get("app")?.resources, ["https://api.example.com", "http://127.0.0.1:8080"]);
  t.equal(config.ops, undefined);
});

t.test("a variable with a fault is named itself, not the member", async (t) => {
  const environment = {
    MINTMARK_ISSUER: "https://a/",
    MINTMARK_HOST: "a b",
    MINTMARK_PORT: "3000x",
    MINTMARK_OPS_PORT: "-1",
    MINTMARK_WORKERS: "two",
    MINTMARK_STORE: "memory:",
    MINTMARK_KEYS: "./keys",
  };
  t.same(placesOf({}, environment), Object.keys(environment).sort());
  for (const port of ["", " 1", "1.5", "0x10", "1e3", "65536", "00", "+1"])
    t.same(placesOf({}, { MINTMARK_PORT: port }), ["MINTMARK_PORT"], port);
  t.equal(configOf({}, { MINTMARK_WORKERS: "auto" }).workers, "auto");
});

t.test("an empty variable is a fault", async (t) => {
  for (const name of ["MINTMARK_ISSUER", "MINTMARK_STORE", "MINTMARK_CONFIG", "MINTMARK_KEY_ENCRYPTION_KEY"]) {
    const faults = faultsOf({}, { [name]: "" });
    t.equal(faults.length, 1);
    t.match(faults[0], `${name}: is set but empty`);
  }
});

t.test("an unknown variable of ours is a fault with a hint, others are left alone", async (t) => {
  t.same(faultsOf({}, { MINTMARK_ISUER: "x" }), ["MINTMARK_ISUER: unknown environment variable; did you mean MINTMARK_ISSUER?"]);
  t.same(faultsOf({}, { MINTMARK_ACCESS_TTL: "900" }), ["MINTMARK_ACCESS_TTL: unknown environment variable"]);
  t.same(
    placesOf(
      {},
      { MINTMARK_TEST_SLOW: "1", MINTMARK_REDIS_SERVER: "/usr/bin/redis-server", REDIS_URL: "", PATH: "/bin", MINTMARK_PORT: undefined },
    ),
    [],
  );
});
