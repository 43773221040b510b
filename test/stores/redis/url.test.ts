import t from "tap";
import { openRedisStore } from "../../../src/stores/redis/index.ts";
import { parseRedisUrl } from "../../../src/stores/redis/url.ts";

const open = { isTls: false, username: undefined, password: undefined };
const single = { kind: "single", node: { host: "h", port: 6379 }, database: 0, ...open };

t.test("URLs of one server are taken apart", async (t) => {
  t.same(parseRedisUrl("redis://h"), single);
  t.same(parseRedisUrl("redis://h:7000/"), { ...single, node: { host: "h", port: 7000 } });
  t.same(parseRedisUrl("rediss://h:7000/15"), { ...single, node: { host: "h", port: 7000 }, isTls: true, database: 15 });
  t.same(parseRedisUrl("redis://:p%40ss%2F@h"), { ...single, password: "p@ss/" });
  const user = { username: "user", password: "pass" };
  t.same(parseRedisUrl("redis://user:pass@[::1]:1"), { ...single, ...user, node: { host: "::1", port: 1 } });
});

t.test("URLs of sentinels and of a cluster are taken apart", async (t) => {
  const sentinels = [
    { host: "h1", port: 26379 },
    { host: "::1", port: 26380 },
  ];
  const sentinel = { kind: "sentinel", sentinels, name: "my.primary", database: 0, ...open };
  t.same(parseRedisUrl("redis+sentinel://h1:26379,[::1]:26380/my.primary"), sentinel);
  t.same(parseRedisUrl("rediss+sentinel://u:p%3A%40s@h1:26379,[::1]:26380/my.primary/3"), {
    ...sentinel,
    isTls: true,
    username: "u",
    password: "p:@s",
    database: 3,
  });
  const cluster = { kind: "cluster", seeds: [{ host: "h1", port: 7000 }], ...open };
  t.same(parseRedisUrl("redis+cluster://h1:7000"), cluster);
  t.same(parseRedisUrl("rediss+cluster://:p@h1:7000/"), { ...cluster, isTls: true, password: "p" });
});

const malformed = [
  "",
  "redis:",
  "redis://",
  "redis:///1",
  "http://h",
  "redis+sentinel://h:1",
  "redis+sentinel://h/m",
  "redis+sentinel://:secret@h:1/",
  "redis+sentinel://h:1/m/secret",
  "redis+sentinel://h:secret/m",
  "redis+sentinel://:secret%@h:1/m",
  "redis+cluster://h",
  "redis+cluster://h:70000",
  "redis+cluster://:secret@h:1/1",
  "redis+cluster://h:1,",
  "redis+other://h:1",
  "redis://h:0",
  "redis://h:secret",
  "redis://h:70000",
  "redis://:secret@h:70000",
  "redis://:secret@h/one",
  "redis://:secret@h/1/2",
  "redis://:secret@h?db=1",
  "redis://:secret@h#1",
  "redis://:secret%@h",
];

t.test("a malformed URL is a TypeError that repeats nothing of it", async (t) => {
  for (const url of malformed) {
    const options = {
      url,
      keyPrefix: "",
      commandTimeoutMillis: 100,
      waitReplicas: 0,
      clock: () => 0,
      random: (count: number) => new Uint8Array(count),
      production: false,
    };
    const error: unknown = await openRedisStore(options).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    t.type(error, TypeError, url);
    t.notMatch(JSON.stringify(error) + String(error), /secret/);
  }
});
