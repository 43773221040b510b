import { Writable } from "node:stream";
import t from "tap";
import { createLogger } from "../../src/platform/log.ts";
import type { Logger, LogLevel } from "../../src/platform/log.ts";

function capture(level: LogLevel | "silent" = "debug"): { log: Logger; text: () => string; lines: () => Record<string, unknown>[] } {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk.toString());
      done();
    },
  });
  const text = () => chunks.join("");
  const lines = () =>
    text()
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { log: createLogger(stream, level, () => Date.UTC(2026, 0, 2, 3, 4, 5, 6)), text, lines };
}

/** What the one line of these fields says besides its head. */
function fieldsOf(fields: Record<string, unknown>): Record<string, unknown> {
  const { log, lines } = capture();
  log.info("event", fields);
  const [{ time: _time, level: _level, event: _event, ...rest } = {}] = lines();
  return rest;
}

t.test("a line is one JSON object with time, level, event and fields", async (t) => {
  const { log, text } = capture();
  log.warn("key_rotated", { kid: "abc", count: 2, forced: false, reason: null });
  t.equal(
    text(),
    '{"time":"2026-01-02T03:04:05.006Z","level":"warn","event":"key_rotated","kid":"abc","count":2,"forced":false,"reason":null}\n',
  );
});

t.test("lines below the level are not written", async (t) => {
  const levels: LogLevel[] = ["error", "warn", "info", "debug"];
  for (const [index, level] of levels.entries()) {
    const { log, lines } = capture(level);
    for (const each of levels) log[each]("event");
    t.same(
      lines().map((line) => line.level),
      levels.slice(0, index + 1),
    );
  }
  const { log, text } = capture("silent");
  for (const each of levels) log[each]("event");
  t.equal(text(), "");
});

t.test("nothing in a value ends the line or moves a terminal (bad-inputs li-010)", async (t) => {
  const { log, text, lines } = capture();
  const hostile = 'a\r\n{"level":"error"}\u001b[31m\u009b2J\u0000\u007f\u2028\u2029\u202eabc\u2066\ufeff\ud800';
  log.info("login_failed", { username: hostile, [hostile]: [hostile] });
  t.equal(text().split("\n").length, 2, "one line and its end");
  t.match(text(), /^[\x20-\x7e\n]*$/, "ASCII without control characters, here");
  t.equal(lines().length, 1);
  t.equal(lines()[0]?.username, hostile, "and nothing is lost");
});

t.test("fields don't replace the head of the line", async (t) => {
  const { log, lines } = capture();
  log.info("event", { time: "never", level: "error", event: "other", kept: 1 });
  t.same(lines(), [{ time: "2026-01-02T03:04:05.006Z", level: "info", event: "event", kept: 1 }]);
});

t.test("a field whose name says secret is not shown, at any depth", async (t) => {
  const names = [
    "password",
    "new_password",
    "Passwd",
    "secret",
    "client_secret",
    "secretSha256",
    "token",
    "refresh_token",
    "accessToken",
    "id-token",
    "Authorization",
    "proxy-authorization",
    "cookie",
    "Set-Cookie",
    "client_assertion",
    "Idempotency-Key",
    "privateKey",
    "encryption_key",
    "MINTMARK_KEY_ENCRYPTION_KEY",
    "d",
    "k",
  ];
  for (const name of names) {
    t.same(fieldsOf({ [name]: "CANARY" }), { [name]: "[redacted]" });
    t.same(fieldsOf({ a: [{ [name]: { b: "CANARY" } }] }), { a: [{ [name]: "[redacted]" }] });
  }
  const shown = { kid: "1", sid: "2", client_id: "3", token_type: "Bearer", keys: 4, tokens: 5, key: "mintmark:s:1" };
  t.same(fieldsOf(shown), shown);
});

t.test("a text that holds one of our tokens or a JWT doesn't show it, wherever it stands", async (t) => {
  const refreshToken = `mmr_${"Ab-_".repeat(21)}`;
  const jwt = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImVjIn0.eyJzdWIiOiJzIn0.c2lnbmF0dXJl";
  for (const secret of [refreshToken, jwt, jwt.split(".")[0] ?? ""]) {
    t.same(fieldsOf({ url: `/x?y=${secret}&z=1` }), { url: "/x?y=[redacted]&z=1" });
    t.same(fieldsOf({ [secret]: 1 }), { "[redacted]": 1 });
    t.same(fieldsOf({ error: new Error(`bad ${secret}!`) }), { error: { name: "Error", message: "bad [redacted]!" } });
    const straddling = `${"x".repeat(1_020)}${secret}`;
    t.notOk(JSON.stringify(fieldsOf({ a: straddling })).includes(secret.slice(0, 4)), "nor the part before the cut");
  }
});

t.test("of an error only name, code and message are kept", async (t) => {
  const error = Object.assign(new TypeError("it broke"), { code: "EPIPE", command: { args: ["CANARY"] }, cause: new Error("CANARY") });
  t.same(fieldsOf({ error }), { error: { name: "TypeError", code: "EPIPE", message: "it broke" } });
});

t.test("any value at all makes a line", async (t) => {
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  const thrower = {
    get broken(): never {
      throw new Error("no");
    },
    toJSON(): never {
      throw new Error("no");
    },
  };
  const fields = fieldsOf({
    loop,
    thrower,
    bytes: new Uint8Array([1, 2, 3]),
    big: 10n ** 20n,
    nothing: undefined,
    infinite: Infinity,
    code: () => 1,
    symbol: Symbol("s"),
    date: new Date(0),
    noDate: new Date(Number.NaN),
    map: new Map([["a", 1]]),
    list: [undefined, 1],
    bare: Object.assign(Object.create(null) as object, { a: 1 }),
  });
  t.same(fields, {
    loop: { self: { self: { self: { self: "[deeper]" } } } },
    thrower: { broken: "[unreadable]" },
    bytes: "[3 bytes]",
    big: "100000000000000000000",
    infinite: "Infinity",
    date: "1970-01-01T00:00:00.000Z",
    noDate: "[no date]",
    map: {},
    list: [null, 1],
    bare: { a: 1 },
  });
});

t.test("texts, lists, fields and the whole line are bounded", async (t) => {
  t.equal(String(fieldsOf({ a: "x".repeat(1_024) }).a), "x".repeat(1_024));
  t.equal(String(fieldsOf({ a: "x".repeat(5_000_000) }).a), `${"x".repeat(1_024)}…`);
  t.equal((fieldsOf({ a: new Array(1_000_000).fill(1) }).a as unknown[]).length, 32);
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`f${index}`, index]));
  t.equal(Object.keys(fieldsOf(many)).length, 32);
  const wide = Object.fromEntries(Array.from({ length: 32 }, (_, index) => [`f${index}`, "x".repeat(1_000)]));
  t.same(fieldsOf(wide), { truncated: true });
  t.same(fieldsOf({ a: "eyJ".repeat(100_000) }), { a: "[redacted]…" }, "and a hostile text costs no time");
});

t.test("a reader that has stopped reading costs no memory, and learns how much it missed", async (t) => {
  const chunks: string[] = [];
  let release: (() => void) | undefined;
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk.toString());
      if (release === undefined) release = done;
      else done();
    },
  });
  const log = createLogger(stream, "info", () => 0);
  for (let index = 0; index < 5_000; index += 1) log.info("event", { text: "x".repeat(1_000) });
  t.ok(stream.writableLength < 1_100_000);
  const kept = Math.round(stream.writableLength / Buffer.byteLength(chunks[0] ?? ""));
  release?.();
  await new Promise((resolve) => setImmediate(resolve));
  log.info("after");
  await new Promise((resolve) => setImmediate(resolve));
  const last = JSON.parse(chunks.at(-1) ?? "{}") as Record<string, unknown>;
  t.equal(last.event, "after");
  t.equal(last.linesDroppedBefore, 5_000 - kept);
});
