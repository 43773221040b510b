import { argon2Sync } from "node:crypto";
import t from "tap";
import { QueueFullError } from "../../src/domain/ports.ts";
import { createBoundedQueue } from "../../src/platform/bounded-queue.ts";
import { createPasswordHasher } from "../../src/platform/password.ts";

const PHC = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})$/;

t.test("a hash is argon2id as another implementation computes it", async (t) => {
  const hasher = createPasswordHasher({ random: (count) => new Uint8Array(count).fill(7) });
  const [, salt = "", tag = ""] = PHC.exec(await hasher.hash("correct horse")) ?? [];
  t.same([...Buffer.from(salt, "base64")], new Array(16).fill(7));
  const expected = argon2Sync("argon2id", {
    message: "correct horse",
    nonce: Buffer.alloc(16, 7),
    parallelism: 1,
    tagLength: 32,
    memory: 19_456,
    passes: 2,
  });
  t.equal(tag, expected.toString("base64").replace(/=+$/, ""));
});

t.test("a password matches its own hash only, to its last byte", async (t) => {
  const hasher = createPasswordHasher();
  const cases: [password: string, other: string][] = [
    ["correct horse battery staple", "correct horse battery stapl"],
    // bcrypt would see the first 72 bytes only (bad-inputs li-007), C strings nothing behind NUL (li-008).
    [`${"a".repeat(72)}RIGHT`, `${"a".repeat(72)}WRONG`],
    ["p\0x", "p"],
    ["süß🔑", "süß"],
  ];
  for (const [password, other] of cases) {
    const stored = await hasher.hash(password);
    t.match(stored, PHC);
    t.equal(await hasher.verify(stored, password), true);
    t.equal(await hasher.verify(stored, other), false);
  }
});

t.test("one password has another hash each time", async (t) => {
  const hasher = createPasswordHasher();
  t.not(await hasher.hash("same"), await hasher.hash("same"));
});

t.test("without an account the answer is false, of a hash that is a whole one", async (t) => {
  const counts: number[] = [];
  const hasher = createPasswordHasher({
    random: (count) => {
      counts.push(count);
      return new Uint8Array(count).fill(1);
    },
  });
  t.same(counts, [16, 32], "salt and tag of the hash that nobody's password has, made at the start");
  t.equal(await hasher.verify(undefined, ""), false);
  t.equal(await hasher.verify(undefined, "anything"), false);
});

t.test("a hash of other parameters is verified as it says", async (t) => {
  const salt = Buffer.alloc(16, 3);
  const tag = argon2Sync("argon2id", { message: "pw", nonce: salt, parallelism: 2, tagLength: 24, memory: 64, passes: 3 });
  const base64 = (bytes: Buffer) => bytes.toString("base64").replace(/=+$/, "");
  const stored = `$argon2id$v=19$m=64,t=3,p=2$${base64(salt)}$${base64(tag)}`;
  const hasher = createPasswordHasher();
  t.equal(await hasher.verify(stored, "pw"), true);
  t.equal(await hasher.verify(stored, "pW"), false);
});

t.test("a stored hash that can't be read is an error, not a wrong password, and is not repeated", async (t) => {
  const hasher = createPasswordHasher();
  for (const stored of [
    "",
    "plaintext",
    "$argon2id$v=19$m=19456,t=2,p=1$AAAA",
    "$2b$12$abcdefghijklmnopqrstuv",
    "$argon2id$v=19$m=0,t=0,p=0$AA$AA",
  ]) {
    const message = await hasher.verify(stored, "pw").then(
      (answer) => `answered ${answer}`,
      (error: unknown) => String(error),
    );
    t.match(message, /^Error: The stored password hash/);
    if (stored !== "") t.notOk(message.includes(stored));
  }
});

/** Work that ends when it is told to. */
function manualWork() {
  const ends: (() => void)[] = [];
  const started: number[] = [];
  const work = (name: number) => () => {
    started.push(name);
    return new Promise<number>((resolve) => ends.push(() => resolve(name)));
  };
  return { ends, started, work };
}

t.test("only so many run at once, the rest in the order of their coming", async (t) => {
  const queue = createBoundedQueue({ concurrency: 2, queueLength: 64, maxWaitMillis: 60_000 });
  const { ends, started, work } = manualWork();
  const results = [1, 2, 3, 4, 5].map((name) => queue(work(name)));
  await Promise.resolve();
  t.same(started, [1, 2]);
  for (let next = 0; next < 5; next += 1) {
    ends[next]?.();
    await results[next];
    // Whoever comes now stands behind those who wait.
    await new Promise((resolve) => setImmediate(resolve));
    t.same(started, [1, 2, 3, 4, 5].slice(0, Math.min(5, next + 3)));
  }
  t.same(await Promise.all(results), [1, 2, 3, 4, 5]);
});

t.test("the 65th that would have to wait is refused at once, and those before it are not", async (t) => {
  const queue = createBoundedQueue({ concurrency: 1, queueLength: 64, maxWaitMillis: 60_000 });
  const { ends, work } = manualWork();
  const accepted = Array.from({ length: 65 }, (_, name) => queue(work(name)));
  await t.rejects(queue(work(65)), QueueFullError);
  for (let name = 0; name < 65; name += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    ends[name]?.();
  }
  t.same(
    await Promise.all(accepted),
    Array.from({ length: 65 }, (_, name) => name),
  );
  t.equal(await queue(async () => "free again"), "free again");
});

t.test("who has waited too long is refused, and leaves the place to the next", async (t) => {
  const queue = createBoundedQueue({ concurrency: 1, queueLength: 1, maxWaitMillis: 20 });
  const { ends, started, work } = manualWork();
  const first = queue(work(1));
  await t.rejects(queue(work(2)), QueueFullError);
  const third = queue(work(3));
  ends[0]?.();
  t.equal(await first, 1);
  await new Promise((resolve) => setImmediate(resolve));
  ends[1]?.();
  t.equal(await third, 3);
  t.same(started, [1, 3]);
});

t.test("work that fails frees its place", async (t) => {
  const queue = createBoundedQueue({ concurrency: 1, queueLength: 1, maxWaitMillis: 60_000 });
  await t.rejects(
    queue(() => Promise.reject(new Error("failed"))),
    { message: "failed" },
  );
  t.equal(await queue(async () => "next"), "next");
});

t.test("the hasher's queue is bounded as it was told", async (t) => {
  const hasher = createPasswordHasher({ concurrency: 1, queueLength: 1 });
  const running = hasher.hash("a");
  const waiting = hasher.verify(undefined, "b");
  await t.rejects(hasher.hash("c"), QueueFullError);
  await t.rejects(hasher.verify(undefined, "d"), QueueFullError);
  t.match(await running, PHC);
  t.equal(await waiting, false);
});
