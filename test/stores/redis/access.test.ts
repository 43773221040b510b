/** Who may connect: passwords, users, database numbers; and what errors give away. */

import { setTimeout as delay } from "node:timers/promises";
import { inspect } from "node:util";
import t from "tap";
import { StoreError } from "../../../src/domain/ports.ts";
import { skipWithoutRedis } from "../../support/redis.ts";
import { answers, bytes, failure, held, server, store, text } from "./support.ts";

const skip = skipWithoutRedis;

t.test("a wrong or missing password is unavailable, said once and without the password", { skip }, async (t) => {
  const redis = await server(t, { config: { requirepass: "right-password" }, password: "right-password" });
  const good = await store(t, `redis://:right-password@127.0.0.1:${redis.port}`);
  t.equal(await good.compareAndSet("k", undefined, bytes("v"), held()), true);

  const cases = [
    { user: ":wrong-password@", code: "WRONGPASS" },
    { user: "nobody:wrong-password@", code: "WRONGPASS" },
    { user: "", code: "NOAUTH" },
  ];
  for (const { user, code } of cases) {
    const messages: string[] = [];
    const opened = await store(t, `redis://${user}127.0.0.1:${redis.port}`, { onError: (message) => messages.push(message) });
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const failed = await failure(opened.get("k"));
      t.match(failed, { outcome: "unavailable", message: `(${code})` });
      t.notMatch(inspect(failed, { depth: 9, showHidden: true }), /wrong-password/);
      await delay(60);
    }
    t.equal(messages.length, 1, "one reason, one message");
    t.notMatch(messages.join(), /wrong-password|\n/);
  }
});

t.test("an ACL user with the rights that the store needs works; what is not permitted is said", { skip }, async (t) => {
  const redis = await server(t);
  const commands = ["get", "set", "del", "exists", "eval", "evalsha", "xadd", "xrange", "scan", "time", "ping", "hello"];
  const rules = ["on", ">p@ss:/w", "~test:*", ...commands.map((command) => `+${command}`)];
  await redis.command("acl", "setuser", "mintmark", ...rules);
  const opened = await store(t, `redis://mintmark:${encodeURIComponent("p@ss:/w")}@127.0.0.1:${redis.port}`);
  await answers(opened);
  t.equal(await opened.compareAndSet("k", undefined, bytes("v"), held()), true);
  t.equal(await opened.compareAndSet("k", bytes("v"), bytes("w"), held()), true);
  await opened.append("l", bytes("e"), held().expiresAt);
  t.equal((await opened.read("l", undefined, 1)).length, 1);
  t.ok((await opened.now()) > 0);
  t.match(await opened.inspect(), [{ severity: "warning", finding: /INFO is not permitted/ }]);
  await redis.command("acl", "setuser", "mintmark", "+info");
  const findings = await opened.inspect();
  t.match(
    findings.find(({ subject }) => subject === "durability"),
    { severity: "warning", finding: /CONFIG GET is not permitted/ },
  );

  await redis.command("acl", "setuser", "mintmark", "-set");
  t.match(await failure(opened.compareAndSet("n", undefined, bytes("v"), held())), { outcome: "unavailable", message: "(NOPERM)" });
  t.match(await failure(opened.compareAndSet("k", bytes("w"), bytes("x"), held())), StoreError);
  t.equal(text(await opened.get("k")), "w");
});

t.test("a database number is used, and one that is not there is not replaced by another", { skip }, async (t) => {
  const redis = await server(t);
  const third = await store(t, `${redis.url}/3`);
  await third.compareAndSet("k", undefined, bytes("v"), held());
  t.match(String(await redis.command("info", "keyspace")), /db3:keys=1/);
  const absent = await store(t, `${redis.url}/99`);
  for (let attempt = 0; attempt < 5; attempt += 1) {
    t.match(await failure(absent.compareAndSet("k", undefined, bytes("v"), held())), { outcome: "unavailable" });
    await delay(40);
  }
  t.notMatch(String(await redis.command("info", "keyspace")), /db0/);
});

t.test("errors hold neither keys nor values", { skip }, async (t) => {
  const redis = await server(t);
  const messages: string[] = [];
  const opened = await store(t, redis.url, { onError: (message) => messages.push(message) });
  const key = "secret-key";
  const value = bytes("secret-value");
  await redis.command("rpush", `test:${key}`, "a list");
  await redis.command("set", "test:log:secret-key", "no stream");
  const calls = () => [
    opened.get(key),
    opened.compareAndSet(key, value, value, held()),
    opened.compareAndSet(key, value, undefined, held()),
    opened.append(key, value, held().expiresAt),
    opened.read(key, undefined, 1),
  ];
  const errors = await Promise.all(calls().map(failure));
  redis.pause();
  errors.push(...(await Promise.all(calls().map(failure))));
  redis.resume();
  await answers(opened);
  const lost = calls().map(failure);
  await redis.kill();
  errors.push(...(await Promise.all(lost)), ...(await Promise.all(calls().map(failure))));
  for (const error of errors) {
    t.type(error, StoreError);
    const hex = value.toString("hex").replaceAll(/(..)(?!$)/g, "$1 ");
    const all = `${inspect(error, { depth: 9, showHidden: true })} ${JSON.stringify(error)}`;
    t.notOk(
      ["secret", hex, "args", "[cause]"].some((word) => all.includes(word)),
      all,
    );
  }
  t.notMatch(messages.join(), /secret/);
});
