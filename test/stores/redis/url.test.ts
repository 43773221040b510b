import t from "tap";
import { openRedisStore } from "../../../src/stores/redis/index.ts";
import { parseRedisUrl } from "../../../src/stores/redis/url.ts";

const plain = { host: "h", port: 6379, isTls: false, username: undefined, password: undefined, database: 0 };

t.test("Redis URLs are taken apart", async (t) => {
  t.same(parseRedisUrl("redis://h"), plain);
  t.same(parseRedisUrl("redis://h:7000/"), { ...plain, port: 7000 });
  t.same(parseRedisUrl("rediss://h:7000/15"), { ...plain, port: 7000, isTls: true, database: 15 });
  t.same(parseRedisUrl("redis://:p%40ss%2F@h"), { ...plain, password: "p@ss/" });
  t.same(parseRedisUrl("redis://user:pass@[::1]:1"), { ...plain, host: "::1", port: 1, username: "user", password: "pass" });
});

const malformed = [
  "",
  "redis:",
  "redis://",
  "redis:///1",
  "http://h",
  "redis+sentinel://h:1/m",
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
